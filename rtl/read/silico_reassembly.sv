// A buffer that reads fill in any order and that is emptied in order: counts of bytes, and the reads that have room in it.
//
// What can be taken ends within the oldest read that is not whole; that pointer moves on by one read a clock. A clock has stages: a read gets its
// room; bytes are taken; a whole read at the front gives way to the next one; what is received. All that is shown is as the clock starts.

module silico_reassembly
  import silico_read_pkg::*;
#(
  // A power of two.
  parameter int unsigned Bytes = 65536,
  // Most reads that can have room at once; a power of two.
  parameter int unsigned Parts = 1024,
  parameter int unsigned BeatBytes = 32,
  parameter int unsigned TakeBytes = 32
) (
  input  logic                   clk_i,
  // Empty, at once. No read is outstanding.
  input  logic                   clear_i,

  output logic [20:0]            room_o,
  output logic [20:0]            available_o,
  // The next bytes, as many as there are.
  output logic [TakeBytes*8-1:0] data_o,

  input  logic                   issue_i,
  input  logic [12:0]            issue_bytes_i,
  output logic [20:0]            start_o,
  output logic [13:0]            part_o,

  input  logic [6:0]             take_i,

  // Of this buffer.
  input  read_beat_t             beat_i,
  input  logic [BeatBytes*8-1:0] beat_data_i,
  input  read_arrival_t          arrival_i
);

  localparam int unsigned Bits = $clog2(Bytes);
  localparam int unsigned PartBits = $clog2(Parts);

  typedef logic [Bits:0] count_t;
  typedef logic [PartBits:0] part_t;

  // Bytes that were asked for and taken, and up to the front read's first; modulo twice the size.
  count_t issued_q, taken_q, taken, front_at_q;
  part_t front_q, next_q;
  logic [12:0] bytes_q [Parts];
  logic [12:0] got_q [Parts];
  // Something has come for it.
  logic [Parts-1:0] begun_q;
  logic any, turns;
  logic [12:0] got;

  assign any = front_q != next_q;
  assign got = begun_q[front_q[PartBits-1:0]] ? got_q[front_q[PartBits-1:0]] : '0;
  assign turns = any && got == bytes_q[front_q[PartBits-1:0]];
  assign room_o = 21'(Bytes) - 21'(count_t'(issued_q - taken_q));
  assign available_o = any ? 21'(count_t'(front_at_q + count_t'(got) - taken_q)) : 21'(count_t'(issued_q - taken_q));
  assign start_o = 21'(issued_q[Bits-1:0]);
  assign part_o = 14'(next_q[PartBits-1:0]);
  assign taken = taken_q + count_t'(take_i);

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      issued_q <= '0;
      taken_q <= '0;
      front_at_q <= '0;
      front_q <= '0;
      next_q <= '0;
      begun_q <= '0;
    end else begin
      taken_q <= taken;
      if (issue_i) begin
        issued_q <= issued_q + count_t'(issue_bytes_i);
        next_q <= next_q + part_t'(1);
        begun_q[next_q[PartBits-1:0]] <= 1'b0;
      end
      if (turns) begin
        front_at_q <= front_at_q + count_t'(got);
        front_q <= front_q + part_t'(1);
      end
      if (arrival_i.valid) begun_q[arrival_i.owner.part[PartBits-1:0]] <= 1'b1;
    end
    if (issue_i) bytes_q[next_q[PartBits-1:0]] <= issue_bytes_i;
    if (arrival_i.valid) got_q[arrival_i.owner.part[PartBits-1:0]] <= arrival_i.got;
  end

  silico_lanes #(.Bytes(Bytes), .WriteBytes(BeatBytes), .ReadBytes(TakeBytes)) u_lanes (
    .clk_i,
    .write_i(beat_i.valid),
    .write_at_i(beat_i.owner.start[Bits-1:0] + Bits'(beat_i.at)),
    .write_bytes_i(beat_i.bytes),
    .write_data_i(beat_data_i >> {beat_i.lead, 3'b000}),
    .read_at_i(clear_i ? '0 : taken[Bits-1:0]),
    .data_o
  );

`ifndef SYNTHESIS
  // Immediate: concurrent ones would sample whole memories.
  always_ff @(posedge clk_i) begin
    if (!clear_i) begin
      NoOverflow: assert (!issue_i || 21'(issue_bytes_i) <= room_o);
      NoUnderflow: assert (21'(take_i) <= available_o);
      NoEmptyRead: assert (!issue_i || issue_bytes_i != '0);
      PartsFit: assert (part_t'(next_q - front_q) <= part_t'(Parts));
      WithinTheRead: assert (!beat_i.valid || 32'(beat_i.at) + 32'(beat_i.bytes) <= 32'(bytes_q[beat_i.owner.part[PartBits-1:0]]));
    end
  end
`endif

endmodule
