// Clocks and beats of a card-to-host channel by cause. The registers show the values at the last latch.

module silico_c2h_perf
  import silico_pkg::*;
  import silico_c2h_pkg::*;
(
  input  logic             clk_i,
  input  logic             reset_i,
  input  logic             latch_i,
  input  logic             clear_i,
  input  consumed_t        consumed_i,
  input  limit_t           limit_i,

  // At the start of the clock: it runs; shows BUSY; wants to send so many bytes; what keeps it from it else.
  input  logic             running_i,
  input  logic             busy_i,
  input  logic             wants_i,
  input  logic [10:0]      bytes_i,
  input  next_e            next_i,
  // A TLP of it is going out, or was granted; a beat of it passes.
  input  logic             sending_i,
  input  logic             beat_i,
  // Its source offers a beat, which is taken.
  input  logic             offered_i,
  input  logic             takes_i,

  // In the order of the registers, the last one first.
  output logic [7:0][63:0] shown_o
);

  typedef struct packed {
    logic [63:0] tx_beats;
    logic [63:0] no_credit;
    logic [63:0] no_buffer;
    logic [63:0] no_data;
    logic [63:0] no_grant;
    logic [63:0] front_beats;
    logic [63:0] front_held;
    logic [63:0] busy;
  } perf_t;

  perf_t perf_q, perf, latched_q;

  always_comb begin
    perf = perf_q;
    if (beat_i) perf.tx_beats = perf_q.tx_beats + 64'd1;
    if (busy_i) perf.busy = perf_q.busy + 64'd1;
    if (running_i && !sending_i) begin
      if (wants_i) begin
        if (!allows(consumed_i, limit_i, data_credits(13'(bytes_i)))) perf.no_credit = perf_q.no_credit + 64'd1;
        else perf.no_grant = perf_q.no_grant + 64'd1;
      end else if (next_i == NextNoRoom) begin
        perf.no_buffer = perf_q.no_buffer + 64'd1;
      end else begin
        perf.no_data = perf_q.no_data + 64'd1;
      end
    end
    if (running_i && offered_i && takes_i) perf.front_beats = perf_q.front_beats + 64'd1;
    if (running_i && offered_i && !takes_i) perf.front_held = perf_q.front_held + 64'd1;
  end

  always_ff @(posedge clk_i) begin
    if (reset_i || clear_i) perf_q <= '0;
    else perf_q <= perf;
    if (reset_i) latched_q <= '0;
    else if (latch_i) latched_q <= perf;
  end
  assign shown_o = latched_q;

endmodule
