// BAR 0: which block an access is for, and the card-wide block: identity, global control, errors, interrupt acknowledge, counters.
//
// A clock has stages: the counters of what has passed; the access; what was received. A reset of the card by its own register takes these registers too.

module silico_registers
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_card_regs_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  parameter int unsigned ReadTags = 256,
  parameter int unsigned Vectors = 16,
  parameter int unsigned FifoBytes = 16384,
  parameter int unsigned FifoFrames = 64,
  parameter int unsigned Elinks = 64,
  parameter logic [31:0] Build = 32'h5111_c000
) (
  input  logic                     clk_i,
  input  logic                     reset_i,
  // A function-level reset: after the access, before what was received.
  input  logic                     reset_flr_i,

  // One dword of BAR 0.
  input  logic                     req_i,
  input  logic                     write_i,
  input  logic [15:0]              offset_i,
  input  logic [31:0]              wdata_i,
  input  logic [3:0]               be_i,
  output logic [31:0]              rdata_o,

  // The channels' blocks.
  output bus_t [NumC2h-1:0]        c2h_bus_o,
  input  logic [NumC2h-1:0][31:0]  c2h_rdata_i,
  input  logic [NumC2h-1:0]        c2h_hole_i,
  output bus_t [NumH2c-1:0]        h2c_bus_o,
  input  logic [NumH2c-1:0][31:0]  h2c_rdata_i,
  input  logic [NumH2c-1:0]        h2c_hole_i,

  // What the access asks of the card.
  output logic                     card_reset_o,
  output logic                     perf_latch_o,
  output logic                     perf_clear_o,
  output logic [NumC2h-1:0][1:0]   c2h_acknowledge_o,
  output logic [NumH2c-1:0][1:0]   h2c_acknowledge_o,
  // Global enable, at the start of the clock.
  output logic                     enabled_o,

  // What is shown: the clock, causes that were signalled, channels that failed; before the access.
  input  logic [63:0]              cycles_i,
  input  vector_t [NumC2h-1:0][1:0] c2h_fired_i,
  input  vector_t [NumH2c-1:0][1:0] h2c_fired_i,
  input  logic [NumC2h-1:0]        c2h_failed_i,
  input  logic [NumH2c-1:0]        h2c_failed_i,
  input  logic [8:0]               tags_in_use_i,
  input  logic [8:0]               tags_resting_i,
  input  logic                     timed_out_i,

  // The card cause: after the access, from the channels that failed then. Its message goes out at the start of a clock.
  input  logic [NumC2h-1:0]        c2h_failed_accessed_i,
  input  logic [NumH2c-1:0]        h2c_failed_accessed_i,
  input  logic                     message_sent_i,
  input  logic [7:0]               message_number_i,
  output vector_t                  card_signal_o,
  // Signalled, and neither sent nor acknowledged: before the card cause of this clock, and with it.
  output vector_t                  card_fired_o,
  output vector_t                  card_fired_signalled_o,

  // For the counters.
  input  logic                     tx_passes_i,
  input  logic                     tx_held_i,
  input  logic                     no_credit_i,
  input  logic                     tlp_sent_i,
  input  logic                     interrupt_sent_i,
  input  logic                     no_tag_i,
  input  logic                     tlp_received_i,
  input  logic                     rx_passes_i
);

  typedef struct packed {
    logic [63:0] cycles;
    logic [63:0] tx_busy;
    logic [63:0] tx_held;
    logic [63:0] no_credit;
    logic [63:0] tx_tlps;
    logic [63:0] rx_tlps;
    logic [63:0] interrupts;
    logic [63:0] no_tag;
    logic [63:0] rx_busy;
  } perf_t;

  typedef struct packed {
    logic        enable;
    logic        int_enable;
    logic [7:0]  int_number;
    logic [31:0] error_mask;
    logic [31:0] hole_writes;
    vector_t     fired;
    // The card cause has its condition.
    logic        alarmed;
    // Reads that ran out of time.
    logic [15:0] timed_out;
  } state_t;

  state_t state_q, passed, accessed, ended;
  perf_t perf_q, perf_passed, perf_accessed, perf_received, latched_q;

  // --- which block -------------------------------------------------------------------------------------------------------

  localparam logic [15:0] C2hBase = 16'h1000;
  localparam logic [15:0] H2cBase = 16'h8000;

  logic [15:0] in_c2h, in_h2c;
  logic is_c2h, is_h2c, is_card, hole;
  logic [31:0] card_rdata;
  logic card_hole, writes;

  assign in_c2h = offset_i - C2hBase;
  assign in_h2c = offset_i - H2cBase;
  assign is_c2h = in_c2h < 16'h2000;
  assign is_h2c = in_h2c < 16'h1000;
  assign is_card = !is_c2h && !is_h2c && offset_i[15:8] == '0;
  assign writes = req_i && write_i;

  always_comb begin
    rdata_o = is_card ? card_rdata : '0;
    hole = !is_card || card_hole;
    for (int unsigned i = 0; i < NumC2h; i++) begin
      c2h_bus_o[i] = '{req: req_i && is_c2h && in_c2h[12:9] == 4'(i), write: write_i, offset: in_c2h[8:0], wdata: wdata_i, be: be_i};
      if (is_c2h && in_c2h[12:9] == 4'(i)) begin
        rdata_o = c2h_rdata_i[i];
        hole = c2h_hole_i[i];
      end
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      h2c_bus_o[i] = '{req: req_i && is_h2c && in_h2c[11:9] == 3'(i), write: write_i, offset: in_h2c[8:0], wdata: wdata_i, be: be_i};
      if (is_h2c && in_h2c[11:9] == 3'(i)) begin
        rdata_o = h2c_rdata_i[i];
        hole = h2c_hole_i[i];
      end
    end
  end

  // --- the card-wide block -----------------------------------------------------------------------------------------------

  silico_card_regs_set_t set;
  silico_card_regs_shown_t shown;
  silico_card_regs_strobe_t strobe;
  logic [31:0] bits, control, int_card, error_mask, summary, summary_accessed;
  logic [31:0] int_status, int_status_2;
  logic block_reset;

  assign bits = enabled_bits(be_i);
  assign enabled_o = state_q.enable;

  function automatic logic bad_vector(state_t s);
    return s.int_enable && 32'(s.int_number) >= Vectors;
  endfunction

  always_comb begin
    int_status = '0;
    int_status_2 = '0;
    summary = '0;
    summary_accessed = '0;
    for (int unsigned i = 0; i < NumC2h; i++) begin
      int_status[i] = c2h_fired_i[i][0].valid;
      int_status[16 + i] = c2h_fired_i[i][1].valid;
      summary[i] = c2h_failed_i[i];
      summary_accessed[i] = c2h_failed_accessed_i[i];
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      int_status_2[i] = h2c_fired_i[i][0].valid;
      int_status_2[8 + i] = h2c_fired_i[i][1].valid;
      summary[16 + i] = h2c_failed_i[i];
      summary_accessed[16 + i] = h2c_failed_accessed_i[i];
    end
    int_status_2[16] = passed.fired.valid;
    summary[24] = bad_vector(passed);
    summary_accessed[24] = bad_vector(accessed);
  end

  always_comb begin
    shown = '0;
    shown.BUILD = Build;
    shown.CAPS[CAPS_C2H_CHANNELS +: 8] = 8'(NumC2h);
    shown.CAPS[CAPS_H2C_CHANNELS +: 8] = 8'(NumH2c);
    shown.CAPS[CAPS_VECTORS_MINUS_ONE +: 8] = 8'(Vectors - 1);
    shown.CAPS[CAPS_PORT_BYTES +: 8] = 8'(DataWidth / 8);
    shown.FIFO_BYTES = 32'(FifoBytes);
    shown.FIFO_FRAMES = 32'(FifoFrames);
    shown.ELINKS = 32'(Elinks);
    shown.CYCLES = cycles_i;
    shown.CONTROL[CONTROL_ENABLE] = state_q.enable;
    shown.INT_STATUS = int_status;
    shown.ERROR_SUMMARY = summary;
    shown.HOLE_WRITES = state_q.hole_writes;
    shown.INT_STATUS_2 = int_status_2;
    shown.READ_TAGS[READ_TAGS_TAGS +: 9] = 9'(ReadTags);
    shown.READ_TAGS[READ_TAGS_IN_USE +: 9] = tags_in_use_i;
    shown.INT_CARD = {state_q.int_enable, 23'h0, state_q.int_number};
    shown.ERROR_MASK = state_q.error_mask;
    shown.READ_QUARANTINE[READ_QUARANTINE_TAGS +: 9] = tags_resting_i;
    shown.READ_QUARANTINE[READ_QUARANTINE_TOTAL +: 16] = passed.timed_out;
    shown.PERF_CYCLES = latched_q.cycles;
    shown.PERF_TX_BUSY = latched_q.tx_busy;
    shown.PERF_TX_HELD = latched_q.tx_held;
    shown.PERF_NO_CREDIT = latched_q.no_credit;
    shown.PERF_TX_TLPS = latched_q.tx_tlps;
    shown.PERF_RX_TLPS = latched_q.rx_tlps;
    shown.PERF_INTERRUPTS = latched_q.interrupts;
    shown.PERF_NO_TAG = latched_q.no_tag;
    shown.PERF_RX_BUSY = latched_q.rx_busy;
  end

  silico_card_regs u_block (
    .clk_i,
    .reset_i(block_reset),
    .req_i(req_i && is_card),
    .write_i,
    .offset_i(offset_i[7:0]),
    .wdata_i,
    .wmask_i(bits),
    .rdata_o(card_rdata),
    .hole_o(card_hole),
    .set_o(set),
    .shown_i(shown),
    .strobe_o(strobe)
  );

  // --- a clock -----------------------------------------------------------------------------------------------------------

  logic [31:0] acknowledge, acknowledge_2;

  always_comb begin
    passed = state_q;
    if (message_sent_i && state_q.fired.number == message_number_i) passed.fired.valid = 1'b0;
    if (timed_out_i && state_q.timed_out != '1) passed.timed_out = state_q.timed_out + 16'd1;
  end

  assign control = ({31'h0, passed.enable} & ~bits) | (wdata_i & bits);
  assign int_card = ({passed.int_enable, 23'h0, passed.int_number} & ~bits) | (wdata_i & bits);
  assign error_mask = (passed.error_mask & ~bits) | (wdata_i & bits);
  assign card_reset_o = writes && strobe.CONTROL && control[1];
  assign perf_latch_o = writes && strobe.PERF_CONTROL && wdata_i[0] && bits[0];
  assign perf_clear_o = writes && strobe.PERF_CONTROL && wdata_i[1] && bits[1];
  assign acknowledge = writes && strobe.INT_ACK ? wdata_i & bits : '0;
  assign acknowledge_2 = writes && strobe.INT_ACK_2 ? wdata_i & bits : '0;

  always_comb begin
    for (int unsigned i = 0; i < NumC2h; i++) c2h_acknowledge_o[i] = {acknowledge[16 + i], acknowledge[i]};
    for (int unsigned i = 0; i < NumH2c; i++) h2c_acknowledge_o[i] = {acknowledge_2[8 + i], acknowledge_2[i]};
  end

  always_comb begin
    accessed = passed;
    if (writes && strobe.CONTROL) accessed.enable = control[0];
    if (writes && strobe.INT_CARD) begin
      accessed.int_enable = int_card[31];
      accessed.int_number = int_card[7:0];
      accessed.fired.valid = 1'b0;
    end
    if (writes && strobe.ERROR_MASK) accessed.error_mask = error_mask;
    if (acknowledge_2[16]) accessed.fired.valid = 1'b0;
    if (writes && hole && passed.hole_writes != '1) accessed.hole_writes = passed.hole_writes + 32'd1;
    if (card_reset_o) accessed = '0;
  end
  assign card_fired_o = accessed.fired;

  // The card cause fires when a channel fails, or a vector is bad, of those that software wants to hear of.
  logic alarmed;
  assign alarmed = accessed.int_enable && (summary_accessed & accessed.error_mask) != '0;
  assign card_signal_o = '{valid: alarmed && !accessed.alarmed, number: accessed.int_number};

  always_comb begin
    ended = accessed;
    ended.alarmed = alarmed;
    if (card_signal_o.valid) ended.fired = card_signal_o;
  end
  assign card_fired_signalled_o = ended.fired;
  assign block_reset = reset_i || reset_flr_i || card_reset_o;

  always_comb begin
    perf_passed = perf_q;
    perf_passed.cycles = perf_q.cycles + 64'd1;
    perf_passed.tx_busy = perf_q.tx_busy + 64'(tx_passes_i);
    perf_passed.tx_held = perf_q.tx_held + 64'(tx_held_i);
    perf_passed.no_credit = perf_q.no_credit + 64'(no_credit_i);
    perf_passed.tx_tlps = perf_q.tx_tlps + 64'(tlp_sent_i);
    perf_passed.interrupts = perf_q.interrupts + 64'(interrupt_sent_i);
    perf_passed.no_tag = perf_q.no_tag + 64'(no_tag_i);
    perf_accessed = perf_clear_o || card_reset_o || reset_flr_i ? '0 : perf_passed;
    perf_received = perf_accessed;
    perf_received.rx_tlps = perf_accessed.rx_tlps + 64'(tlp_received_i);
    perf_received.rx_busy = perf_accessed.rx_busy + 64'(rx_passes_i);
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      state_q <= '0;
      perf_q <= '0;
      latched_q <= '0;
    end else begin
      state_q <= reset_flr_i ? '0 : ended;
      perf_q <= perf_received;
      if (card_reset_o || reset_flr_i) latched_q <= '0;
      else if (perf_latch_o) latched_q <= perf_passed;
    end
  end

endmodule
