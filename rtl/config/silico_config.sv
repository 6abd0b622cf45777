// Configuration space: answers reads, takes writes, logs errors, holds MSI, and tells the rest of the card what software has allowed.
//
// A clock has stages, in this order, and each sees what those before it did: a taken MSI and reads that ran out of time; the access engine; what
// follows the causes; a function-level reset; what was received; any other reset. `decoded_o` is the state at the start of the clock, `decoded_accessed_o` that after the
// access. No TLPs here: whoever receives a config request says so.

module silico_config
  import silico_pkg::*;
  import silico_config_pkg::*;
#(
  parameter int unsigned Vectors = 16,
  parameter logic [15:0] Vendor = 16'h10dc,
  parameter logic [15:0] Device = 16'h51c0,
  parameter logic [63:0] Serial = 64'h0051_c000_0000_0001,
  parameter logic [31:0] Build = 32'h5111_c000,
  parameter logic [31:0] MapVersion = 32'h0001_0002
) (
  input  logic         clk_i,
  input  logic         reset_flr_i,
  input  logic         reset_hot_i,
  input  logic         reset_fundamental_i,

  output cfg_decoded_t decoded_o,
  output cfg_decoded_t decoded_accessed_o,
  // After a function-level reset, for what was received in the same clock.
  output cfg_decoded_t decoded_received_o,

  // First: the message of the lowest MSI vector that may be sent, and that it goes.
  output logic         msi_ready_o,
  output logic [63:0]  msi_address_o,
  output logic [31:0]  msi_data_o,
  input  logic         msi_take_i,
  // MSI vectors of events, as software gave them.
  input  logic [7:0]   msi_raise_i,
  input  error_t       timeout_error_i,

  // Then the access engine.
  input  logic         write_i,
  input  logic [9:0]   at_i,
  input  logic [31:0]  wdata_i,
  input  logic [3:0]   be_i,
  input  logic [15:0]  destination_i,
  input  logic         transactions_pending_i,
  output logic [31:0]  rdata_o,
  output logic         flr_o,
  input  error_t       access_error_i,
  input  logic [7:0]   msi_raise_accessed_i,

  // Then what follows the causes: the events of the card cause, the pending bits that stay, the interrupt status.
  input  logic [7:0]   msi_raise_card_i,
  input  logic         msi_keep_valid_i,
  input  logic [7:0]   msi_keep_i,
  input  logic         interrupt_status_valid_i,
  input  logic         interrupt_status_i,
  output logic         msi_pending_o,

  // Last: what was received.
  input  error_t       received_error_i,
  input  logic         received_abort_i,
  input  logic         received_unsupported_i,
  input  logic         slot_power_valid_i,
  input  logic [9:0]   slot_power_i,

  // Error messages that software wants of what was logged in this clock: before a function-level reset, and of what was received.
  output report_t      report_o,
  output report_t      report_received_o
);

  // The dwords that hold state; those in which errors are logged have their own path, since several stages of a clock write them.
  cfg_values_t value_q, value, value_accessed, value_reset, value_ended;
  cfg_log_t log_q, log_accessed, log_caused, log_reset, log_ended;
  cfg_logged_t timed_out, accessed, received;
  logic [15:0] bdf_q, bdf_accessed;
  logic [7:0] pending_q, pending_taken, pending_kept;

  // --- first -------------------------------------------------------------------------------------------------------------

  cfg_decoded_t decoded;
  logic [7:0] msi_open;
  logic [2:0] msi_vector;
  logic [15:0] msi_data;
  logic [7:0] msi_given_data;

  assign decoded = cfg_decode(value_q, log_q.command, log_q.device, log_q.aer, bdf_q);
  assign decoded_o = decoded;

  // The vectors that software gave, as bits.
  function automatic logic [7:0] msi_given(logic [1:0] log2);
    return 8'(9'h001 << (4'd1 << log2)) - 8'd1;
  endfunction

  assign msi_open = decoded.msi_enabled && decoded.bus_master
                  ? pending_q & ~value_q[CfgMsiMask][7:0] & msi_given(decoded.msi_vectors) : '0;
  assign msi_ready_o = msi_open != '0;
  assign msi_address_o = {value_q[CfgMsiAddressHigh], value_q[CfgMsiAddressLow]};

  // Low bits of the data that the vector's number replaces.
  assign msi_given_data = (8'd1 << decoded.msi_vectors) - 8'd1;

  always_comb begin
    msi_vector = '0;
    for (int i = 7; i >= 0; i--) if (msi_open[i]) msi_vector = 3'(i);
    msi_data = value_q[CfgMsiData][15:0] & ~{8'h0, msi_given_data};
    msi_data = msi_data | 16'(msi_vector);
  end
  assign msi_data_o = {16'h0, msi_data};

  always_comb begin
    pending_taken = pending_q;
    if (msi_take_i) pending_taken[msi_vector] = 1'b0;
    pending_taken = pending_taken | msi_raise_i;
  end
  assign timed_out = cfg_log(log_q, timeout_error_i, value_q[CfgUncorrectableSeverity], value_q[CfgUncorrectableMask], value_q[CfgCorrectableMask]);

  // --- the access engine -------------------------------------------------------------------------------------------------

  cfg_dword_e dword;
  logic [31:0] enabled, cleared;

  assign dword = cfg_dword(at_i);
  assign enabled = {{8{be_i[3]}}, {8{be_i[2]}}, {8{be_i[1]}}, {8{be_i[0]}}};
  assign flr_o = write_i && dword == CfgDeviceControl && wdata_i[BitInitiateFlr] && be_i[1];
  assign bdf_accessed = write_i ? {destination_i[15:3], 3'b000} : bdf_q;

  // As the access finds them.
  always_comb begin
    value = value_q;
    value[CfgMsiPending] = {24'h0, pending_taken};
    value[CfgCommandStatus] = timed_out.log.command;
    value[CfgDeviceControl] = timed_out.log.device;
    value[CfgDeviceControl][BitTransactionsPending] = transactions_pending_i;
    value[CfgUncorrectableStatus] = timed_out.log.uncorrectable;
    value[CfgCorrectableStatus] = timed_out.log.correctable;
    value[CfgAerControl] = timed_out.log.aer;
    value[CfgHeaderLog0] = timed_out.log.header.dw0;
    value[CfgHeaderLog1] = timed_out.log.header.dw1;
    value[CfgHeaderLog2] = timed_out.log.header.dw2;
    value[CfgHeaderLog3] = timed_out.log.header.dw3;
  end

  for (genvar i = 0; i < int'(CfgDwords); i++) begin : gen_write
    localparam cfg_access_t Access = cfg_access(cfg_dword_e'(i));
    logic [31:0] written;
    assign written = cfg_written(value[i], Access, wdata_i, enabled);
    if (i == int'(CfgPower)) begin : gen_power
      // D1 and D2 are not there; a write of them changes nothing (PCIe 4.0 §7.5.2.2).
      assign value_accessed[i] = write_i && dword == CfgPower && written[1] == written[0] ? written : value[i];
    end else begin : gen_plain
      assign value_accessed[i] = write_i && dword == cfg_dword_e'(i) ? written : value[i];
    end
  end

  assign cleared = value[CfgUncorrectableStatus] & ~value_accessed[CfgUncorrectableStatus];
  always_comb begin
    log_accessed = timed_out.log;
    log_accessed.command = value_accessed[CfgCommandStatus];
    log_accessed.device = value_accessed[CfgDeviceControl];
    log_accessed.uncorrectable = value_accessed[CfgUncorrectableStatus];
    log_accessed.correctable = value_accessed[CfgCorrectableStatus];
    log_accessed.aer = value_accessed[CfgAerControl];
    log_accessed.first_error = timed_out.log.first_error & ~cleared;
  end
  assign accessed = cfg_log(log_accessed, access_error_i, value_q[CfgUncorrectableSeverity], value_q[CfgUncorrectableMask],
                            value_q[CfgCorrectableMask]);
  assign decoded_accessed_o = cfg_decode(value_accessed, accessed.log.command, accessed.log.device, accessed.log.aer, bdf_accessed);

  // What is read is what a write of the same clock would find.
  always_comb begin
    unique case ({at_i, 2'b00})
      12'h000, 12'h02c: rdata_o = {Device, Vendor};
      12'h008: rdata_o = {24'h118000, MapVersion[19:16], MapVersion[3:0]};
      12'h034: rdata_o = 32'h0000_0040;
      12'h040: rdata_o = 32'h0003_5001;
      12'h074: rdata_o = 32'h0000_0002;
      12'h078: rdata_o = 32'h0000_2002;
      12'h080: rdata_o = 32'h0002_0010;
      12'h08c: rdata_o = 32'h0040_0083;
      12'h0a4: rdata_o = 32'h0000_001f;
      12'h0ac: rdata_o = 32'h0000_000e;
      12'h100: rdata_o = 32'h1402_0001;
      12'h140: rdata_o = 32'h1501_0003;
      12'h144: rdata_o = Serial[31:0];
      12'h148: rdata_o = Serial[63:32];
      12'h150: rdata_o = 32'h1801_0019;
      12'h15c, 12'h160, 12'h164, 12'h168: rdata_o = 32'h7f00_7f00;
      12'h180: rdata_o = 32'h0001_000b;
      12'h184: rdata_o = 32'h0101_51c0;
      12'h188: rdata_o = MapVersion;
      12'h18c: rdata_o = Build;
      default: rdata_o = dword == CfgNone ? '0 : value[dword];
    endcase
  end

  // --- causes, a function-level reset, and what was received --------------------------------------------------------------

  always_comb begin
    log_caused = accessed.log;
    if (interrupt_status_valid_i) log_caused.command[BitInterruptStatus] = interrupt_status_i;
    pending_kept = pending_taken | msi_raise_accessed_i | msi_raise_card_i;
    if (msi_keep_valid_i) pending_kept = pending_kept & msi_keep_i;
  end
  assign msi_pending_o = pending_q != '0;

  function automatic cfg_log_t log_after_reset(cfg_log_t old, reset_e kind);
    cfg_log_t s = old;
    s.command = cfg_after_reset(old.command, cfg_access(CfgCommandStatus), cfg_reset(CfgCommandStatus, Vectors), kind);
    s.device = cfg_after_reset(old.device, cfg_access(CfgDeviceControl), cfg_reset(CfgDeviceControl, Vectors), kind);
    s.uncorrectable = kind == ResetFundamental ? '0 : old.uncorrectable;
    s.correctable = kind == ResetFundamental ? '0 : old.correctable;
    s.aer = cfg_after_reset(old.aer, cfg_access(CfgAerControl), cfg_reset(CfgAerControl, Vectors), kind);
    s.header = kind == ResetFundamental ? '0 : old.header;
    s.first_error = kind == ResetFundamental ? '0 : old.first_error;
    return s;
  endfunction

  assign log_reset = reset_flr_i ? log_after_reset(log_caused, ResetFlr) : log_caused;
  assign decoded_received_o = cfg_decode(value_reset, log_reset.command, log_reset.device, log_reset.aer, bdf_accessed);
  assign received = cfg_log(log_reset, received_error_i, value_accessed[CfgUncorrectableSeverity], value_accessed[CfgUncorrectableMask],
                            value_accessed[CfgCorrectableMask]);

  always_comb begin
    log_ended = received.log;
    if (received_abort_i) log_ended.command[BitReceivedTargetAbort] = 1'b1;
    if (received_unsupported_i) log_ended.command[BitReceivedMasterAbort] = 1'b1;
    if (reset_fundamental_i) log_ended = log_after_reset(log_ended, ResetFundamental);
    else if (reset_hot_i) log_ended = log_after_reset(log_ended, ResetHot);
  end

  assign report_o = timed_out.report | accessed.report;
  assign report_received_o = received.report;

  // --- registers ---------------------------------------------------------------------------------------------------------

  for (genvar i = 0; i < int'(CfgDwords); i++) begin : gen_end
    localparam cfg_access_t Access = cfg_access(cfg_dword_e'(i));
    localparam logic [31:0] ResetValue = cfg_reset(cfg_dword_e'(i), Vectors);
    logic [31:0] received_value;
    assign value_reset[i] = reset_flr_i ? cfg_after_reset(value_accessed[i], Access, ResetValue, ResetFlr) : value_accessed[i];
    if (i == int'(CfgDeviceCapabilities)) begin : gen_slot_power
      assign received_value = slot_power_valid_i ? {value_reset[i][31:28], slot_power_i, value_reset[i][17:0]} : value_reset[i];
    end else begin : gen_plain
      assign received_value = value_reset[i];
    end
    assign value_ended[i] = reset_fundamental_i ? cfg_after_reset(received_value, Access, ResetValue, ResetFundamental)
                          : reset_hot_i ? cfg_after_reset(received_value, Access, ResetValue, ResetHot) : received_value;
  end

  always_ff @(posedge clk_i) begin
    value_q <= value_ended;
    log_q <= log_ended;
    pending_q <= reset_flr_i || reset_hot_i || reset_fundamental_i ? '0 : pending_kept;
    bdf_q <= reset_hot_i || reset_fundamental_i ? '0 : bdf_accessed;
  end

endmodule
