// Clocks and beats of a host-to-card channel by cause. The registers show the values at the last latch.

module silico_h2c_perf
  import silico_transmitter_pkg::*;
#(
  parameter int unsigned BeatBytes = 32
) (
  input  logic             clk_i,
  input  logic             reset_i,
  input  logic             latch_i,
  input  logic             clear_i,

  // It wants to read, and whether it may; what keeps a read from going, and what keeps it from wanting to.
  input  logic             wants_i,
  input  logic             grant_i,
  input  lack_e            lack_i,
  input  logic             no_room_i,
  input  logic             no_descriptor_i,
  // A beat of its output is shown, and is taken.
  input  logic             shown_i,
  input  logic             taken_i,
  // A completion of its reads has come: so many beats.
  input  logic             counts_i,
  input  logic [12:0]      count_bytes_i,

  // In the order of the registers, the last one first.
  output logic [5:0][63:0] shown_o
);

  typedef struct packed {
    logic [63:0] rx_beats;
    logic [63:0] no_credit;
    logic [63:0] no_tag;
    logic [63:0] no_buffer;
    logic [63:0] no_data;
    logic [63:0] out_held;
  } perf_t;

  perf_t perf_q, perf_passed, perf_received, latched_q;
  logic [12:0] rx_beats;

  assign rx_beats = count_bytes_i == '0 ? 13'd1 : (count_bytes_i + 13'(BeatBytes - 1)) / 13'(BeatBytes);

  always_comb begin
    perf_passed = perf_q;
    if (!grant_i) begin
      if (no_room_i) perf_passed.no_buffer = perf_q.no_buffer + 64'd1;
      if (no_descriptor_i) perf_passed.no_data = perf_q.no_data + 64'd1;
      if (wants_i && lack_i == LackCredit) perf_passed.no_credit = perf_q.no_credit + 64'd1;
      if (wants_i && lack_i == LackTag) perf_passed.no_tag = perf_q.no_tag + 64'd1;
    end
    if (shown_i && !taken_i) perf_passed.out_held = perf_q.out_held + 64'd1;
    perf_received = clear_i ? '0 : perf_passed;
    if (counts_i) perf_received.rx_beats = perf_received.rx_beats + 64'(rx_beats);
  end

  always_ff @(posedge clk_i) begin
    perf_q <= reset_i ? '0 : perf_received;
    if (reset_i) latched_q <= '0;
    else if (latch_i) latched_q <= perf_passed;
  end
  assign shown_o = latched_q;

endmodule
