// The descriptors of a host-to-card channel: fetched in batches from the ring, judged one a clock, and kept until their payload has gone to the output.
//
// A descriptor is fetched once the doorbell has announced it and not before: counts are those of the run, and nothing passes the count that the host has
// given. A clock has stages: a grant; a judgement. What is shown is as the clock starts, but for `can_judge_o`, which is after the grant.

module silico_h2c_descriptors
  import silico_read_pkg::*;
  import silico_h2c_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  // Descriptors that are held: asked for, and not done. A power of two.
  parameter int unsigned Depth = 128,
  // Rather than ask for fewer than this, wait until more places are free.
  parameter int unsigned Batch = 16
) (
  input  logic                 clk_i,
  // A new run, or none.
  input  logic                 clear_i,

  input  logic [63:0]          ring_base_i,
  input  logic [31:0]          ring_entries_i,
  // log2 of the most bytes of a read.
  input  logic [3:0]           max_read_i,
  // Given, and done with.
  input  logic [63:0]          tail_i,
  input  logic [63:0]          done_i,

  // The next batch to ask for, and that it is granted.
  output logic                 fetch_o,
  output logic [63:0]          fetch_address_o,
  output logic [12:0]          fetch_bytes_o,
  output logic [20:0]          fetch_start_o,
  output logic [13:0]          fetch_part_o,
  input  logic                 fetch_grant_i,

  // What remains to be read of the payload of the descriptor judged last, and that so many bytes of it are granted.
  output reading_t             reading_o,
  input  logic [12:0]          read_bytes_i,

  // The oldest descriptor whose payload has not gone, and that so many bytes of it go now.
  output logic                 active_valid_o,
  output active_t              active_o,
  input  logic [6:0]           take_i,
  input  logic                 pop_i,

  // The next one is judged now: one that cannot be has its place in the ring told, and its cookie.
  input  logic                 judge_i,
  output logic                 can_judge_o,
  output logic                 bad_o,
  output logic [63:0]          bad_address_o,
  output logic [63:0]          bad_cookie_o,

  input  read_beat_t           beat_i,
  input  logic [DataWidth-1:0] beat_data_i,
  input  read_arrival_t        arrival_i
);

  localparam int unsigned EntryBytes = 32;
  localparam int unsigned Bits = $clog2(Depth);

  // --- fetch -------------------------------------------------------------------------------------------------------------

  logic [63:0] asked_q, given;
  logic [31:0] entry_q, entry, judged_q, to_end;
  logic [Bits:0] places;
  logic [12:0] in_read;
  logic [7:0]  to_cut;
  logic [31:0] wanted, count;

  function automatic logic [31:0] least(logic [31:0] a, logic [31:0] b);
    return a < b ? a : b;
  endfunction

  assign given = tail_i - asked_q;
  assign fetch_address_o = ring_base_i + {27'h0, entry_q, 5'h0};
  // Reads are cut where the address is a multiple of the largest one, so none crosses 4 KiB.
  assign in_read = (13'd1 << max_read_i) - (fetch_address_o[12:0] & ((13'd1 << max_read_i) - 13'd1));
  assign to_cut = in_read[12:5];
  assign to_end = ring_entries_i - entry_q;
  assign wanted = least(given[63:32] != '0 ? '1 : given[31:0], least(32'(to_cut), to_end));
  assign places = (Bits+1)'(Depth) - (Bits+1)'(asked_q[Bits:0] - done_i[Bits:0]);
  assign count = least(wanted, 32'(places));
  assign fetch_o = given != '0 && 32'(places) >= least(wanted, 32'(Batch));
  assign fetch_bytes_o = {count[7:0], 5'h0};
  assign entry = entry_q + count;

  // --- what has come -----------------------------------------------------------------------------------------------------

  logic [20:0] available;
  logic [255:0] words;
  logic [63:0] address, cookie, last, spare;
  logic [31:0] length, flags;
  logic judges;

  silico_reassembly #(.Bytes(Depth * EntryBytes), .Parts(Depth), .BeatBytes(DataWidth / 8), .TakeBytes(EntryBytes)) u_words (
    .clk_i,
    .clear_i,
    .room_o(),
    .available_o(available),
    .data_o(words),
    .issue_i(fetch_grant_i),
    .issue_bytes_i(fetch_bytes_o),
    .start_o(fetch_start_o),
    .part_o(fetch_part_o),
    .take_i(judge_i ? 7'(EntryBytes) : '0),
    .beat_i,
    .beat_data_i,
    .arrival_i
  );

  reading_t reading_q;
  assign {spare, cookie, flags, length, address} = words;
  // After what is granted in this clock.
  assign can_judge_o = reading_q.left == 32'(read_bytes_i) && available >= 21'(EntryBytes);
  // The last byte must have an address.
  assign last = length == '0 ? '0 : 64'(length) - 64'd1;
  assign bad_o = spare != '0 || flags[31:2] != '0 || (length == '0 && !flags[0]) || address + last < address;
  assign bad_address_o = ring_base_i + {27'h0, judged_q, 5'h0};
  assign bad_cookie_o = cookie;
  assign judges = judge_i && !bad_o;
  assign reading_o = reading_q;

  // --- whose payload is put out ------------------------------------------------------------------------------------------

  // The oldest one stands by itself, since it shrinks; the others wait.
  logic valid_q, keeps, waits, follows, fits;
  active_t active_q, judged, waiting;
  logic [Bits:0] waiting_count;

  assign active_valid_o = valid_q;
  assign active_o = active_q;
  assign judged = '{left: length, ends_frame: flags[0], urgent: flags[1]};
  assign keeps = valid_q && !pop_i;
  assign follows = judges && (keeps || waits);

  silico_queue #(.T(active_t), .Depth(Depth)) u_waiting (
    .clk_i,
    .reset_i(clear_i),
    .flush_i(1'b0),
    .valid_i(follows),
    .ready_o(fits),
    .data_i(judged),
    .valid_o(waits),
    .ready_i(!keeps),
    .data_o(waiting),
    .count_o(waiting_count)
  );

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      asked_q <= '0;
      entry_q <= '0;
      judged_q <= '0;
      reading_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (fetch_grant_i) begin
        asked_q <= asked_q + 64'(count);
        entry_q <= entry == ring_entries_i ? '0 : entry;
      end
      if (judge_i) judged_q <= judged_q + 32'd1 == ring_entries_i ? '0 : judged_q + 32'd1;
      if (judges) begin
        reading_q <= '{address: address, left: length, cookie: cookie};
      end else begin
        reading_q.address <= reading_q.address + 64'(read_bytes_i);
        reading_q.left <= reading_q.left - 32'(read_bytes_i);
      end
      valid_q <= keeps || waits || judges;
    end
    if (keeps) active_q.left <= active_q.left - 32'(take_i);
    else active_q <= waits ? waiting : judged;
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (!clear_i) begin
      OnlyWhatCame: assert (!judge_i || can_judge_o);
      PlacesFit: assert (asked_q - done_i <= 64'(Depth));
      WaitingFits: assert (!follows || (fits && 32'(waiting_count) < Depth));
      NotBeyondTheTail: assert (asked_q <= tail_i);
      NotBeyondItsEnd: assert (reading_q.left >= 32'(read_bytes_i));
    end
  end
`endif

endmodule
