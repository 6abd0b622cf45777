// A queue: what was pushed first is shown first, and shown until it is taken. Knows nothing of its payload but how wide it is.
//
// A push passes when `valid_i` and `ready_o` are high, a pop when `valid_o` and `ready_i` are. Who offers what finds no room offers it again, unchanged;
// who may not wait looks at `ready_o` first. A clock has stages: a pop; a flush; a push; a reset. So there is room where one is popped in the same clock, and
// what is pushed with a flush stays. What is pushed can be popped from the next clock on. The depth need not be a power of two.

`include "silico_assert.svh"

module silico_queue #(
  parameter type T = logic,
  parameter int unsigned Depth = 2,
  localparam int unsigned CountBits = $clog2(Depth + 1)
) (
  input  logic                 clk_i,
  // Empty.
  input  logic                 reset_i,
  // All that waits goes.
  input  logic                 flush_i,

  input  logic                 valid_i,
  output logic                 ready_o,
  input  T                     data_i,

  output logic                 valid_o,
  input  logic                 ready_i,
  output T                     data_o,

  // How many wait, at the start of the clock.
  output logic [CountBits-1:0] count_o
);

  localparam int unsigned Bits = Depth > 1 ? $clog2(Depth) : 1;

  typedef logic [Bits-1:0] at_t;
  typedef logic [CountBits-1:0] count_t;

  T       queue_q [Depth];
  at_t    head_q, tail_q;
  count_t count_q, count_popped, count_flushed;
  logic   pops, pushes;

  function automatic at_t after(at_t at);
    after = at == at_t'(Depth - 1) ? '0 : at + at_t'(1);
  endfunction

  assign valid_o = count_q != '0;
  assign data_o = queue_q[head_q];
  assign count_o = count_q;
  assign pops = valid_o && ready_i;
  assign count_popped = count_q - count_t'(pops);
  assign count_flushed = flush_i ? '0 : count_popped;
  assign ready_o = count_flushed != count_t'(Depth);
  assign pushes = valid_i && ready_o;

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      head_q <= '0;
      tail_q <= '0;
      count_q <= '0;
    end else begin
      if (flush_i) head_q <= tail_q;
      else if (pops) head_q <= after(head_q);
      if (pushes) tail_q <= after(tail_q);
      count_q <= count_flushed + count_t'(pushes);
    end
    if (pushes) queue_q[tail_q] <= data_i;
  end

`ifndef SYNTHESIS
  localparam int unsigned SumBits = CountBits + 1;
  logic [SumBits-1:0] end_at;
  assign end_at = SumBits'(head_q) + SumBits'(count_q);

  // More than fit, or fewer than none: the places between head and tail are as many as are counted.
  `SILICO_ASSERT(CountFits, reset_i, count_q <= count_t'(Depth))
  `SILICO_ASSERT(CountIsRight, reset_i, (end_at >= SumBits'(Depth) ? end_at - SumBits'(Depth) : end_at) == SumBits'(tail_q))
  `SILICO_STAYS(OfferStays, reset_i, valid_i && !ready_o, {valid_i, data_i})
  `SILICO_STAYS(HeadStays, reset_i || flush_i, valid_o && !ready_i, {valid_o, data_o})
`endif

endmodule
