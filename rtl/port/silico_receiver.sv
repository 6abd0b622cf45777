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
  localparam int unsigned PostedBits = $clog2(PostedDepth + 1);
  localparam int unsigned NpBits = $clog2(NpDepth + 1);
  localparam limit_t InitialPosted = '{headers_infinite: 1'b0, headers: 8'(PostedDepth), data_infinite: 1'b0, data: PostedData};
  localparam limit_t InitialNonPosted = '{headers_infinite: 1'b0, headers: 8'(NpDepth), data_infinite: 1'b0, data: 12'(NpDepth)};
  localparam limits_t Initial = {LimitInfinite, InitialNonPosted, InitialPosted};

  // A non-posted request goes when no older write waits. `ahead`: how many non-posted ones had come before a write, modulo what can wait at once.
  typedef logic [NpBits-1:0] number_t;
  typedef struct packed {
    request_t request;
    number_t  ahead;
  } posted_t;

  posted_t  posted_head, arriving;
  request_t np_head;
  number_t  np_come_q, np_gone_q;
  logic [PostedBits-1:0] posted_count;
  logic [NpBits-1:0] np_count;
  logic posted_waits, posted_room, np_waits, np_room, np_is_older;
  logic takes_np, takes_np_q, pop_posted, pop_np, push_posted, push_np;
  // Data credits of all that wait in the posted queue.
  logic [11:0] posted_data_q, posted_data, head_data;
  limits_t credits_q, credits;

  assign np_is_older = !posted_waits || posted_head.ahead != np_gone_q;
  assign takes_np = keep_i ? takes_np_q : np_waits && answerable_i && np_is_older;
  assign head_valid_o = posted_waits || (np_waits && answerable_i);
  assign head_o = takes_np ? np_head : posted_head.request;
  assign empty_o = !posted_waits && !np_waits;

  assign pop_posted = pop_i && !takes_np;
  assign pop_np = pop_i && takes_np;
  assign head_data = data_credits(payload_bytes(head_o.header));
  assign arriving = '{request: request_i, ahead: np_come_q};

  // What finds no room is lost: the link partner has overrun its credits.
  assign push_posted = posted_i && posted_room;
  assign push_np = non_posted_i && np_room;
  assign overflow_o = (posted_i && !posted_room) || (non_posted_i && !np_room);

  silico_queue #(.T(posted_t), .Depth(PostedDepth)) u_posted (
    .clk_i,
    .reset_i,
    .flush_i(drop_posted_i),
    .valid_i(push_posted),
    .ready_o(posted_room),
    .data_i(arriving),
    .valid_o(posted_waits),
    .ready_i(pop_posted),
    .data_o(posted_head),
    .count_o(posted_count)
  );

  silico_queue #(.T(request_t), .Depth(NpDepth)) u_non_posted (
    .clk_i,
    .reset_i,
    .flush_i(1'b0),
    .valid_i(push_np),
    .ready_o(np_room),
    .data_i(request_i),
    .valid_o(np_waits),
    .ready_i(pop_np),
    .data_o(np_head),
    .count_o(np_count)
  );

  // --- credits -------------------------------------------------------------------------------------------------------------

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
      credits[ClassPosted] = grant_more(credits[ClassPosted], 8'(posted_count) - 8'(pop_posted), posted_data);
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
      np_come_q <= '0;
      np_gone_q <= '0;
      posted_data_q <= '0;
      credits_q <= Initial;
    end else begin
      np_come_q <= np_come_q + number_t'(push_np);
      np_gone_q <= np_gone_q + number_t'(pop_np);
      posted_data_q <= posted_data;
      credits_q <= credits;
    end
    takes_np_q <= takes_np;
  end

`ifndef SYNTHESIS
  // The link partner keeps to the credits; if it does not, `overflow_o` says so and nothing is lost but that request.
  `SILICO_ASSERT(NoUnderflow, reset_i, !(pop_i && !head_valid_o))
  `SILICO_ASSERT(NumbersFit, reset_i, number_t'(np_come_q - np_gone_q) == np_count)
`endif

endmodule
