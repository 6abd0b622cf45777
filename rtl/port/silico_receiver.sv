// Requests that wait, in two queues by arrival, and the credits that stand for their room.
//
// Posted and non-posted requests wait apart, so that a read that cannot be answered yet never holds up a write; a read waits for the writes that
// came before it.

`include "silico_assert.svh"

module silico_receiver
  import silico_pkg::*;
  import silico_receiver_pkg::*;
#(
  parameter int unsigned NpDepth = 8
) (
  input  logic     clk_i,
  // As after power-on: credits start anew.
  input  logic     reset_i,
  // Writes that wait were meant for what the function was: they go, and their room is free.
  input  logic     drop_posted_i,

  // The request that is next, if one may go: a non-posted one only if `answerable_i`, and never past an older write.
  input  logic     answerable_i,
  output logic     head_valid_o,
  output request_t head_o,
  // It is under way, and stays the next one; it is done with.
  input  logic     keep_i,
  input  logic     pop_i,

  // Received in this clock; after the pop.
  input  logic     posted_i,
  input  logic     non_posted_i,
  input  request_t request_i,
  output logic     overflow_o,
  // A TLP was dropped: its room is free again at once.
  input  logic     dropped_i,
  input  class_e   dropped_class_i,
  input  logic [12:0] dropped_bytes_i,

  output limits_t  credits_o,
  output logic     empty_o
);

  // A full-sized write beside a register write in each place (PCIe 4.0 table 2-46 asks for one full-sized).
  localparam int unsigned PostedDepth = 16;
  localparam logic [11:0] PostedData = 12'd80;
  localparam int unsigned PostedBits = $clog2(PostedDepth);
  localparam int unsigned NpBits = NpDepth > 1 ? $clog2(NpDepth) : 1;
  localparam limit_t InitialPosted = '{headers_infinite: 1'b0, headers: 8'(PostedDepth), data_infinite: 1'b0, data: PostedData};
  localparam limit_t InitialNonPosted = '{headers_infinite: 1'b0, headers: 8'(NpDepth), data_infinite: 1'b0, data: 12'(NpDepth)};
  localparam limits_t Initial = {LimitInfinite, InitialNonPosted, InitialPosted};

  request_t posted_q [PostedDepth];
  request_t np_q [NpDepth];
  logic [PostedBits-1:0] posted_head_q;
  logic [NpBits-1:0] np_head_q;
  logic [PostedBits:0] posted_count_q, posted_count;
  logic [NpBits:0] np_count_q, np_count;
  // Data credits of all that wait in the posted queue.
  logic [11:0] posted_data_q, posted_data;
  // Writes that came before each non-posted request and still wait. A request may wait for its answer while any number of writes pass it.
  logic [PostedBits:0] ahead_q [NpDepth];
  limits_t credits_q, credits;

  request_t posted_head, np_head;
  logic posted_waits, np_waits, takes_np, takes_np_q;
  logic pop_posted, pop_np, push_posted, push_np;
  logic [NpBits-1:0] np_tail;
  logic [PostedBits-1:0] posted_tail;
  logic [11:0] head_data;

  assign posted_head = posted_q[posted_head_q];
  assign np_head = np_q[np_head_q];
  assign posted_waits = posted_count_q != '0;
  assign np_waits = np_count_q != '0 && answerable_i;
  assign takes_np = keep_i ? takes_np_q : np_waits && ahead_q[np_head_q] == '0;
  assign head_valid_o = posted_waits || np_waits;
  assign head_o = takes_np ? np_head : posted_head;
  assign empty_o = !posted_waits && np_count_q == '0;

  assign pop_posted = pop_i && !takes_np;
  assign pop_np = pop_i && takes_np;
  assign head_data = data_credits(payload_bytes(head_o.header));

  // --- room ----------------------------------------------------------------------------------------------------------------

  // The queue as it stands when a request comes.
  logic [PostedBits:0] posted_before;
  logic [NpBits:0] np_before;
  assign posted_before = drop_posted_i ? '0 : posted_count_q - (PostedBits+1)'(pop_posted);
  assign np_before = np_count_q - (NpBits+1)'(pop_np);
  assign push_posted = posted_i && posted_before != (PostedBits+1)'(PostedDepth);
  assign push_np = non_posted_i && np_before != (NpBits+1)'(NpDepth);
  assign overflow_o = (posted_i && !push_posted) || (non_posted_i && !push_np);
  assign posted_count = posted_before + (PostedBits+1)'(push_posted);
  assign np_count = np_before + (NpBits+1)'(push_np);
  assign posted_tail = PostedBits'(posted_head_q + PostedBits'(posted_count_q));
  assign np_tail = wrap(NpBits'(np_head_q), np_count_q);

  function automatic logic [NpBits-1:0] wrap(logic [NpBits-1:0] from, logic [NpBits:0] steps);
    logic [NpBits+1:0] sum = (NpBits+2)'(from) + (NpBits+2)'(steps);
    return NpBits'(sum >= (NpBits+2)'(NpDepth) ? sum - (NpBits+2)'(NpDepth) : sum);
  endfunction

  always_comb begin
    credits = credits_q;
    posted_data = posted_data_q;
    if (pop_i) begin
      if (takes_np) begin
        credits[ClassNonPosted] = grant_more(credits[ClassNonPosted], 8'd1, head_data);
      end else begin
        credits[ClassPosted] = grant_more(credits[ClassPosted], 8'd1, head_data);
        posted_data = posted_data - head_data;
      end
    end
    if (drop_posted_i) begin
      credits[ClassPosted] = grant_more(credits[ClassPosted], 8'(posted_count_q) - 8'(pop_posted), posted_data);
      posted_data = '0;
    end
    if (push_posted) posted_data = posted_data + data_credits(payload_bytes(request_i.header));
    if (dropped_i && dropped_class_i != ClassCompletion) begin
      credits[dropped_class_i] = grant_more(credits[dropped_class_i], 8'd1, data_credits(dropped_bytes_i));
    end
  end
  assign credits_o = credits_q;

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      posted_head_q <= '0;
      posted_count_q <= '0;
      posted_data_q <= '0;
      np_head_q <= '0;
      np_count_q <= '0;
      credits_q <= Initial;
    end else begin
      if (drop_posted_i) posted_head_q <= posted_tail;
      else if (pop_posted) posted_head_q <= posted_head_q + PostedBits'(1);
      if (pop_np) np_head_q <= wrap(np_head_q, (NpBits+1)'(1));
      posted_count_q <= posted_count;
      np_count_q <= np_count;
      posted_data_q <= posted_data;
      credits_q <= credits;
    end
    takes_np_q <= takes_np;
    if (push_posted) posted_q[posted_tail] <= request_i;
    if (push_np) np_q[np_tail] <= request_i;
    for (int unsigned i = 0; i < NpDepth; i++) begin
      if (push_np && np_tail == NpBits'(i)) ahead_q[i] <= posted_before;
      else if (drop_posted_i) ahead_q[i] <= '0;
      else if (pop_posted && ahead_q[i] != '0) ahead_q[i] <= ahead_q[i] - (PostedBits+1)'(1);
    end
  end

`ifndef SYNTHESIS
  // The link partner keeps to the credits; if it does not, `overflow_o` says so and nothing is lost but that request.
  `SILICO_ASSERT(NoUnderflow, reset_i, !(pop_i && !head_valid_o))
  `SILICO_ASSERT(CountFits, reset_i, posted_count_q <= (PostedBits+1)'(PostedDepth) && np_count_q <= (NpBits+1)'(NpDepth))
`endif

endmodule
