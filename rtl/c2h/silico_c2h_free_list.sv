// The free list: page descriptors that the host gives, fetched in batches, judged, and kept until frames are put into their pages.
//
// A descriptor is fetched once the doorbell has announced it and not before, and no more of them are kept ahead than `Ahead`. What has come is judged one
// a clock; after a bad one the channel has failed. Pages are known by their number in the run, so a page that is given back is the next one again. A clock
// has stages: a read is granted; a descriptor is judged; the doorbell; what was received.

`include "silico_assert.svh"

module silico_c2h_free_list
  import silico_read_pkg::*;
  import silico_progress_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_c2h_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  localparam int unsigned Lanes = DataWidth / 128,
  localparam int unsigned LaneBits = Lanes > 1 ? $clog2(Lanes) : 1
) (
  input  logic                 clk_i,
  input  logic [7:0]           index_i,
  // For a new run.
  input  logic                 restart_i,
  input  logic [63:0]          base_i,
  input  logic [31:0]          entries_i,
  // log2 of MRRS in bytes.
  input  logic [3:0]           max_read_i,

  // What to read next; pages into which something was put so far.
  input  logic [63:0]          started_i,
  output read_t                fetch_o,
  input  logic                 grant_i,

  // The next descriptor is judged, if one has come.
  input  logic                 judge_i,
  output failure_t             bad_o,

  // Counts of this run: given; fetched and good, at the start of the clock and after the judgement.
  output logic [63:0]          tail_o,
  output logic [63:0]          fetched_o,
  output logic [63:0]          fetched_judged_o,

  // The doorbell.
  input  logic                 ring_i,
  input  logic [63:0]          value_i,
  output logic                 legal_o,

  input  read_beat_t           beat_i,
  input  logic [DataWidth-1:0] data_i,
  input  read_arrival_t        arrival_i,

  // The page of this number, in the next clock.
  input  logic [PageBits-1:0]  page_at_i,
  output page_t                page_o
);

  // Descriptors asked for ahead of the pages in use; rather than ask for fewer than a batch, a channel waits until it has used more pages.
  localparam int unsigned Ahead = 64;
  localparam logic [63:0] Batch = 64'd8;
  localparam int unsigned SlotBits = $clog2(Ahead);
  // Of a position in bytes, as an owner has it.
  localparam int unsigned NumberBits = 17;

  logic [63:0] tail_q, asked_q, fetched_q, fetched;
  logic [31:0] entry_q, judged_q;
  logic [Ahead-1:0] come_q;

  // --- what to read ----------------------------------------------------------------------------------------------------------

  logic [63:0] given, places, address;
  logic [31:0] to_cut, wanted, count;
  logic [12:0] max_read, bytes_to_cut;

  assign max_read = 13'd1 << max_read_i;
  assign given = tail_q - asked_q;
  assign places = 64'(Ahead) - (asked_q - started_i);
  assign address = base_i + {28'h0, entry_q, 4'h0};
  // Reads are cut where the address is a multiple of MRRS, so none crosses 4 KiB.
  assign bytes_to_cut = max_read - (address[12:0] & (max_read - 13'd1));
  assign to_cut = 32'(bytes_to_cut[12:4]);

  always_comb begin
    wanted = to_cut < entries_i - entry_q ? to_cut : entries_i - entry_q;
    if (given < 64'(wanted)) wanted = given[31:0];
    count = places < 64'(wanted) ? places[31:0] : wanted;
    fetch_o = '0;
    fetch_o.valid = given != '0 && (places >= 64'(wanted) || places >= Batch);
    fetch_o.address = address;
    fetch_o.bytes = {count[8:0], 4'h0};
    fetch_o.owner.reader = '{fetch: 1'b1, channel: index_i[3:0], descriptors: 1'b1};
    fetch_o.owner.start = {asked_q[NumberBits-1:0], 4'h0};
  end

  // --- what has come ---------------------------------------------------------------------------------------------------------

  // A beat may begin in any lane. Bank `i` has the descriptors whose number is `i` modulo the lanes.
  localparam int unsigned BankBits = SlotBits - (Lanes > 1 ? LaneBits : 0);
  logic [NumberBits-1:0] first, received;
  logic [Lanes-1:0][127:0] head;
  logic [127:0] descriptor;
  logic [SlotBits-1:0] slot;

  assign first = beat_i.owner.start[20:4] + NumberBits'(beat_i.at[12:4]);
  assign received = NumberBits'(arrival_i.got[12:4]);
  assign slot = fetched_q[SlotBits-1:0];

  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_bank
    logic [127:0] bank_q [Ahead/Lanes];
    logic [LaneBits-1:0] lane;
    logic [NumberBits-1:0] number;

    if (Lanes > 1) begin : gen_lane
      assign lane = LaneBits'(i) - first[LaneBits-1:0];
    end else begin : gen_only
      assign lane = '0;
    end
    assign number = first + NumberBits'(lane);
    always_ff @(posedge clk_i) begin
      if (beat_i.valid && {1'b0, lane, 4'h0} < (LaneBits+5)'(beat_i.bytes)) bank_q[number[SlotBits-1 -: BankBits]] <= data_i[128*lane +: 128];
    end
    assign head[i] = bank_q[slot[SlotBits-1 -: BankBits]];
  end
  if (Lanes > 1) begin : gen_choose
    assign descriptor = head[slot[LaneBits-1:0]];
  end else begin : gen_first
    assign descriptor = head[0];
  end

  // --- judgement -------------------------------------------------------------------------------------------------------------

  page_t page;
  logic judges, bad;
  logic [64:0] last;

  assign page = descriptor;
  assign judges = judge_i && come_q[slot];
  // On the grid; the last byte must have an address.
  assign last = {1'b0, page.address} + 65'(page.length) - 65'd1;
  assign bad = page.address[4:0] != '0 || page.length[4:0] != '0 || page.length == '0 || last[64];
  always_comb begin
    bad_o = '0;
    if (judges && bad) bad_o = '{code: FailBadDescriptor, address: base_i + {28'h0, judged_q, 4'h0}, cookie: 64'(page.cookie)};
  end
  assign fetched = judges && !bad ? fetched_q + 64'd1 : fetched_q;

  assign tail_o = tail_q;
  assign fetched_o = fetched_q;
  assign fetched_judged_o = fetched;
  assign legal_o = value_i >= tail_q && value_i - fetched <= 64'(entries_i);

  logic [Ahead-1:0] come;
  always_comb begin
    come = come_q;
    if (judges) come[slot] = 1'b0;
    for (int unsigned i = 0; i < Ahead; i++) begin
      logic [NumberBits-1:0] number;
      // Of the read's, those that are not judged yet.
      number = fetched[NumberBits-1:0] + NumberBits'(i);
      if (arrival_i.valid && number - arrival_i.owner.start[20:4] < received) come[number[SlotBits-1:0]] = 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (restart_i) begin
      tail_q <= '0;
      asked_q <= '0;
      fetched_q <= '0;
      entry_q <= '0;
      judged_q <= '0;
      come_q <= '0;
    end else begin
      if (ring_i && legal_o) tail_q <= value_i;
      if (grant_i) begin
        asked_q <= asked_q + 64'(count);
        entry_q <= entry_q + count == entries_i ? '0 : entry_q + count;
      end
      fetched_q <= fetched;
      if (judges && !bad) judged_q <= judged_q + 32'd1 == entries_i ? '0 : judged_q + 32'd1;
      come_q <= come;
    end
  end

  // --- pages -----------------------------------------------------------------------------------------------------------------

  page_t page_q [2**PageBits];
  page_t read_q;

  always_ff @(posedge clk_i) begin
    if (judges) page_q[fetched_q[PageBits-1:0]] <= page;
    read_q <= judges && fetched_q[PageBits-1:0] == page_at_i ? page : page_q[page_at_i];
  end
  assign page_o = read_q;

`ifndef SYNTHESIS
  // No descriptor is asked for that was not given, or that there is no place for.
  `SILICO_ASSERT(NotAhead, restart_i, asked_q <= tail_q && asked_q - started_i <= 64'(Ahead))
  `SILICO_ASSERT(InOrder, restart_i, fetched_q <= asked_q)
  `SILICO_ASSERT(WholeDescriptors, restart_i, !arrival_i.valid || arrival_i.got[3:0] == '0)
`endif

endmodule
