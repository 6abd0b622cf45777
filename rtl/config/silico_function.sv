// The function as software has set it up: configuration space, and the messages and interrupts that it sends by that. Knows no cause by name.

module silico_function
  import silico_config_pkg::*;
  import silico_receiver_pkg::*;
  import silico_channel_pkg::*;
#(
  // Causes of the channels and that of the card.
  parameter int unsigned Causes = 13,
  parameter int unsigned Vectors = 16,
  parameter logic [15:0] Vendor = 16'h10dc,
  parameter logic [15:0] Device = 16'h51c0,
  parameter logic [63:0] Serial = 64'h0051_c000_0000_0001,
  parameter logic [31:0] Build = 32'h5111_c000
) (
  input  logic                 clk_i,
  // By link or power; by power or PERST# (sticky bits go too); of the function: one is asked for, is to come, comes.
  input  logic                 reset_i,
  input  logic                 reset_fundamental_i,
  output logic                 flr_asked_o,
  input  logic                 flr_pending_i,
  input  logic                 reset_flr_i,

  // At the start of the clock, after the access, and after a function-level reset.
  output cfg_decoded_t         decoded_o,
  output cfg_decoded_t         decoded_accessed_o,
  output cfg_decoded_t         decoded_received_o,

  // Owed to the root complex, most urgent first: ERR_FATAL, ERR_NONFATAL, ERR_COR, PME_TO_Ack.
  output logic [3:0]           messages_o,
  input  logic [3:0]           messages_sent_i,
  // A message of INTx; as the clock ends, one is due.
  output logic                 intx_due_o,
  output logic                 intx_due_next_o,
  output logic                 intx_assert_o,
  input  logic                 intx_sent_i,
  // A message of MSI-X, or of MSI. Of MSI-X: its vector has gone.
  output logic                 interrupt_valid_o,
  output logic [63:0]          interrupt_address_o,
  output logic [31:0]          interrupt_data_o,
  input  logic                 interrupt_sent_i,
  output logic                 vector_sent_o,
  output logic [7:0]           vector_o,

  // The access: of configuration space, and of BAR 2.
  input  config_access_t       cfg_access_i,
  output logic [31:0]          cfg_rdata_o,
  input  access_t              access_i,
  output logic [31:0]          rdata_o,
  input  error_t               access_error_i,
  input  logic                 reads_pending_i,

  // Causes: signalled in this clock, by channels before the access, by the card after it; signalled, and neither sent nor acknowledged: before the access,
  // and after it and the card cause.
  input  vector_t [Causes-2:0] signals_i,
  input  vector_t              card_signal_i,
  input  vector_t [Causes-1:0] fired_i,
  input  vector_t [Causes-1:0] fired_accessed_i,

  // A read ran out of time. What was received.
  input  error_t               timeout_error_i,
  input  error_t               received_error_i,
  input  logic                 received_abort_i,
  input  logic                 received_unsupported_i,
  input  logic                 slot_power_valid_i,
  input  logic [9:0]           slot_power_i,
  input  logic                 turn_off_i
);

  report_t report, report_received;
  logic [3:0] messages_q, messages;
  logic msix_ready, msi_ready, msix_keep_valid, msi_keep_valid, interrupt_status, msix_pending, msi_pending;
  logic [63:0] msix_address, msi_address;
  logic [31:0] msix_data, msi_data;
  logic [Vectors-1:0] msix_raise, msix_raise_accessed, msix_keep;
  logic [7:0] msi_raise, msi_raise_accessed, msi_raise_card, msi_keep;

  silico_config #(.Vectors(Vectors), .Vendor(Vendor), .Device(Device), .Serial(Serial), .Build(Build)) u_config (
    .clk_i,
    .reset_flr_i,
    .reset_hot_i(reset_i),
    .reset_fundamental_i,
    .decoded_o,
    .decoded_accessed_o,
    .decoded_received_o,
    .msi_ready_o(msi_ready),
    .msi_address_o(msi_address),
    .msi_data_o(msi_data),
    .msi_take_i(interrupt_sent_i && !msix_ready),
    .msi_raise_i(msi_raise),
    .timeout_error_i,
    .write_i(cfg_access_i.write),
    .at_i(cfg_access_i.at),
    .wdata_i(cfg_access_i.wdata),
    .be_i(cfg_access_i.be),
    .destination_i(cfg_access_i.destination),
    .transactions_pending_i(reads_pending_i),
    .rdata_o(cfg_rdata_o),
    .flr_o(flr_asked_o),
    .access_error_i,
    .msi_raise_accessed_i(msi_raise_accessed),
    .msi_raise_card_i(msi_raise_card),
    .msi_keep_valid_i(msi_keep_valid),
    .msi_keep_i(msi_keep),
    .interrupt_status_valid_i(1'b1),
    .interrupt_status_i(interrupt_status),
    .msi_pending_o(msi_pending),
    .received_error_i,
    .received_abort_i,
    .received_unsupported_i,
    .slot_power_valid_i,
    .slot_power_i,
    .report_o(report),
    .report_received_o(report_received)
  );

  // --- messages ------------------------------------------------------------------------------------------------------------

  assign messages_o = messages_q;
  assign messages = reset_flr_i ? '0 : (messages_q & ~messages_sent_i) | {1'b0, report.correctable, report.non_fatal, report.fatal};

  always_ff @(posedge clk_i) begin
    if (reset_i) messages_q <= '0;
    else messages_q <= messages | {turn_off_i, report_received.correctable, report_received.non_fatal, report_received.fatal};
  end

  // --- interrupts ----------------------------------------------------------------------------------------------------------

  assign interrupt_valid_o = msix_ready || msi_ready;
  assign interrupt_address_o = msix_ready ? msix_address : msi_address;
  assign interrupt_data_o = msix_ready ? msix_data : msi_data;
  assign vector_sent_o = interrupt_sent_i && msix_ready;

  silico_msix #(.Vectors(Vectors)) u_msix (
    .clk_i,
    .reset_i(reset_i || reset_flr_i),
    .open_i(decoded_o.msix_enabled && !decoded_o.msix_mask && decoded_o.bus_master),
    .ready_o(msix_ready),
    .vector_o,
    .address_o(msix_address),
    .data_o(msix_data),
    .take_i(vector_sent_o),
    .raise_i(msix_raise),
    .write_i(access_i.req && access_i.write && access_i.bar2),
    .offset_i(access_i.offset[13:0]),
    .wdata_i(access_i.wdata),
    .be_i(access_i.be),
    .rdata_o,
    .raise_accessed_i(msix_raise_accessed),
    .keep_valid_i(msix_keep_valid),
    .keep_i(msix_keep),
    .pending_o(msix_pending)
  );

  silico_causes #(.Causes(Causes), .Vectors(Vectors)) u_causes (
    .clk_i,
    .reset_i,
    .reset_flr_i,
    .decoded_i(decoded_o),
    .decoded_accessed_i(decoded_accessed_o),
    .flr_pending_i,
    .config_written_i(cfg_access_i.write),
    .signals_i,
    .card_signal_i,
    .fired_i,
    .fired_accessed_i,
    .msix_raise_o(msix_raise),
    .msix_raise_accessed_o(msix_raise_accessed),
    .msi_raise_o(msi_raise),
    .msi_raise_accessed_o(msi_raise_accessed),
    .msi_raise_card_o(msi_raise_card),
    .msix_keep_valid_o(msix_keep_valid),
    .msix_keep_o(msix_keep),
    .msi_keep_valid_o(msi_keep_valid),
    .msi_keep_o(msi_keep),
    .interrupt_status_o(interrupt_status),
    .intx_due_o,
    .intx_due_next_o,
    .intx_assert_o,
    .intx_sent_i
  );

endmodule
