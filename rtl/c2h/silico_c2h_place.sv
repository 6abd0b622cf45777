// Puts frames into pages: which page, where in it, which TLP next, and when a page is full.
//
// TLPs are cut where the address is a multiple of MPS and at the end of a page. The header's place is kept free in front of the payload. As in the ring,
// the header leads the first TLP of a frame that is whole when it goes, and else goes last, by itself; so a page is announced only when no frame that
// touches it is under way. A frame that is dropped gives its pages back: the next one goes where it would have gone.
//
// Packed, a frame joins others in a page if it is known to fit; one that does not, or that fills half of the FIFO before anybody knows, starts a page of its
// own. Pages have numbers in the run; those in use are a range of them, of which only the last can be open. A clock has stages: the page that the next TLP
// needs is taken, one at most; a chunk or an entry is granted; the frame under way is given up; the timer flushes; a stop closes, or gives all up.

`include "silico_assert.svh"

module silico_c2h_place
  import silico_c2h_pkg::*;
#(
  parameter int unsigned FifoBytes = 16384
) (
  input  logic                clk_i,
  // For a new run.
  input  logic                restart_i,

  // Of the run: frames share pages; clocks after which a page that is open is done with, 0: never.
  input  logic                packed_i,
  input  logic [31:0]         flush_time_i,
  input  logic [63:0]         now_i,
  // log2 of MPS in bytes.
  input  logic [3:0]          max_payload_i,

  // The FIFO at the start of the clock.
  input  logic                head_valid_i,
  input  frame_t              head_i,
  input  logic [20:0]         available_i,

  // The channel runs: pages may be taken. Those below `fetched_i` can be.
  input  logic                running_i,
  input  logic [63:0]         fetched_i,
  output logic [PageBits-1:0] page_at_o,
  input  page_t               page_i,
  // Pages into which something was put.
  output logic [63:0]         started_o,

  output next_e               next_o,
  // Its place is an address.
  output chunk_t              chunk_o,
  // The chunk goes where a frame that was given up has left payload: it must not overtake that (PCIe 4.0 table 2-39, A2b).
  output logic                overwrites_o,
  output logic [63:0]         sequence_o,
  input  logic                grant_i,
  // It has filled all the pages that there can be in use, and there is more of its frame.
  output logic                too_long_o,

  // The oldest page waits for its completion: at the start of the clock, and after the timer. It is completed.
  output logic                ready_o,
  output logic                ready_flushed_o,
  output used_t               used_o,
  input  logic                announce_i,

  // The open frame was dropped.
  input  logic                give_up_i,
  // The timer may flush.
  input  logic                flush_i,
  // The host wants no more: what is whole is completed, what is not is forgotten.
  input  logic                close_i,
  // Nothing more is completed.
  input  logic                abandon_i
);

  localparam logic [31:0] HeaderBytes = 32'd32;

  // The last page in use.
  typedef struct packed {
    logic  valid;
    logic  sealed;
    page_t page;
    used_t used;
  } last_t;

  // The frame under way: the page in which it begins, and where; payload bytes granted.
  typedef struct packed {
    logic        valid;
    logic [63:0] first;
    logic [31:0] offset;
    logic [63:0] address;
    logic [31:0] sent;
    logic        header_sent;
  } begun_t;

  typedef struct packed {
    // Pages in use: from the first number on, below the second.
    logic [63:0] first;
    logic [63:0] past;
    logic [63:0] started;
    last_t       last;
    begun_t      frame;
    logic [63:0] sequence_number;
    // Up to here frames that were given up have left payload.
    logic [63:0] void_page;
    logic [31:0] void_offset;
    logic [63:0] put_at;
  } place_t;

  place_t s_q, s_prepared, s_granted, s_dropped, s_flushed, s_closed;

  function automatic logic [31:0] rest_of(last_t last);
    return last.page.length - last.used.used;
  endfunction

  // The oldest page is done with, and no frame under way touches it.
  function automatic logic is_ready(place_t s);
    logic done = s.past - s.first > 64'd1 || !s.last.valid || s.last.sealed;
    return s.past != s.first && done && (!s.frame.valid || s.frame.first > s.first);
  endfunction

  // Bytes up to the next cut.
  function automatic logic [31:0] to_cut(logic [63:0] at, logic [31:0] size);
    return size - (at[31:0] & (size - 32'd1));
  endfunction

  function automatic logic [31:0] lesser(logic [31:0] a, logic [31:0] b);
    return a < b ? a : b;
  endfunction

  // The frame under way goes: the next one goes where it would have gone. One that joined others was whole and lies in their page alone.
  function automatic place_t given_up(place_t old);
    place_t s = old;
    if (old.frame.valid) begin
      if (old.frame.sent != '0 && {old.past - 64'd1, old.last.used.used} > {old.void_page, old.void_offset}) begin
        s.void_page = old.past - 64'd1;
        s.void_offset = old.last.used.used;
      end
      s.frame.valid = 1'b0;
      if (old.frame.offset != '0) begin
        s.last.used.used = old.frame.offset;
      end else begin
        s.past = old.frame.first;
        s.last.valid = 1'b0;
      end
    end
    return s;
  endfunction

  function automatic place_t sealed(place_t old, logic [2:0] flags);
    place_t s = old;
    if (old.last.valid && !old.last.sealed) begin
      s.last.sealed = 1'b1;
      s.last.used.flags = old.last.used.flags | flags;
    end
    return s;
  endfunction

  // --- the next page -----------------------------------------------------------------------------------------------------------

  logic [31:0] available, padded, here_room;
  logic        open, fits, too_big, can_take, goes_on, begins, takes, retires;

  assign available = 32'(available_i);
  assign padded = padded_length(head_i.length);
  assign open = s_q.last.valid && !s_q.last.sealed;
  assign here_room = rest_of(s_q.last) - HeaderBytes;
  assign fits = head_valid_i && padded <= here_room;
  // A frame that is long, or comes slowly, begins a page of its own: behind another one it would keep that one's page from the host until it ends.
  assign too_big = head_valid_i ? !fits : available > here_room || available >= 32'(FifoBytes / 2);
  assign can_take = s_q.past - s_q.first < 64'(PagesHeld) && fetched_i > s_q.past;
  assign goes_on = s_q.frame.valid && rest_of(s_q.last) == '0 && (head_valid_i ? padded != s_q.frame.sent : available != '0);
  assign begins = !s_q.frame.valid && (head_valid_i || available != '0);
  assign takes = running_i && can_take && (goes_on || (begins && (!open || too_big)));
  assign retires = takes && s_q.last.valid;

  last_t retired;
  always_comb begin
    s_prepared = s_q;
    retired = s_q.last;
    if (running_i && goes_on) s_prepared = sealed(s_prepared, 3'd1 << FlagContinued);
    if (running_i && begins && open && too_big) s_prepared = sealed(s_prepared, '0);
    retired = s_prepared.last;
    if (takes) begin
      s_prepared.past = s_q.past + 64'd1;
      s_prepared.last = '{valid: 1'b1, sealed: 1'b0, page: page_i, used: '0};
      s_prepared.last.used.cookie = page_i.cookie;
      s_prepared.last.used.flags[FlagContinues] = goes_on;
    end
    if (running_i && begins && (takes || (open && fits))) begin
      s_prepared.frame = '0;
      s_prepared.frame.valid = 1'b1;
      s_prepared.frame.first = s_prepared.past - 64'd1;
      s_prepared.frame.offset = s_prepared.last.used.used;
      s_prepared.frame.address = s_prepared.last.page.address + 64'(s_prepared.last.used.used);
      s_prepared.last.used.used = s_prepared.last.used.used + HeaderBytes;
    end
  end

  // --- what is next --------------------------------------------------------------------------------------------------------------

  logic [31:0] mps, left, rest, room, behind;
  logic [63:0] page_end;

  assign mps = 32'd1 << max_payload_i;
  assign left = head_valid_i ? padded - s_prepared.frame.sent : available;
  assign rest = rest_of(s_prepared.last);
  assign page_end = s_prepared.last.page.address + 64'(s_prepared.last.used.used);
  assign room = lesser(rest, to_cut(page_end, mps));
  // A header that ends on a cut does not lead: it would find credits where the same frame, a clock less whole, found none.
  assign behind = lesser(rest, to_cut(s_prepared.frame.address, mps) - HeaderBytes);

  always_comb begin
    next_o = NextNoData;
    chunk_o = '0;
    if (!s_prepared.frame.valid) begin
      if (!(s_prepared.last.valid && !s_prepared.last.sealed) && (head_valid_i || available != '0)) next_o = NextNoRoom;
    end else if (head_valid_i && !s_prepared.frame.header_sent && left == '0) begin
      next_o = NextChunk;
      chunk_o = '{at: s_prepared.frame.address, header: 1'b1, ends: 1'b1, payload: '0};
    end else if (head_valid_i && !s_prepared.frame.header_sent && s_prepared.frame.sent == '0
                 && s_prepared.frame.first == s_prepared.past - 64'd1 && behind != '0) begin
      next_o = NextChunk;
      chunk_o = '{at: s_prepared.frame.address, header: 1'b1, ends: left <= behind, payload: 11'(lesser(behind, left))};
    end else if (left == '0) begin
      next_o = NextNoData;
    end else if (room == '0) begin
      next_o = NextNoRoom;
    end else if (head_valid_i || available >= room) begin
      next_o = NextChunk;
      chunk_o = '{at: page_end, header: 1'b0, ends: head_valid_i && s_prepared.frame.header_sent && left <= room, payload: 11'(lesser(room, left))};
    end
  end

  assign overwrites_o = (chunk_o.header ? {s_prepared.frame.first, s_prepared.frame.offset} : {s_prepared.past - 64'd1, s_prepared.last.used.used})
                      < {s_prepared.void_page, s_prepared.void_offset};
  assign sequence_o = s_prepared.sequence_number;
  assign started_o = s_q.started;

  // --- a grant -------------------------------------------------------------------------------------------------------------------

  localparam int unsigned HeldBits = $clog2(PagesHeld);

  logic full, puts;
  used_t front_q;
  logic [HeldBits-1:0] retired_at;

  assign retired_at = HeldBits'(s_q.past - 64'd1);

  assign full = rest_of(s_granted.last) == '0;
  assign too_long_o = grant_i && !chunk_o.ends && full && s_prepared.frame.first == s_prepared.first
                    && s_prepared.past - s_prepared.first == 64'(PagesHeld);
  assign puts = grant_i && chunk_o.ends && packed_i && !full;

  always_comb begin
    s_granted = s_prepared;
    if (grant_i) begin
      if (s_prepared.past > s_prepared.started) s_granted.started = s_prepared.past;
      s_granted.last.used.used = s_prepared.last.used.used + 32'(chunk_o.payload);
      s_granted.frame.sent = s_prepared.frame.sent + 32'(chunk_o.payload);
      s_granted.frame.header_sent = s_prepared.frame.header_sent || chunk_o.header;
      if (chunk_o.ends) begin
        s_granted.last.used.frames = s_prepared.last.used.frames + 32'd1;
        s_granted.last.sealed = rest == 32'(chunk_o.payload) || !packed_i;
        s_granted.sequence_number = s_prepared.sequence_number + 64'd1;
        s_granted.frame.valid = 1'b0;
      end
    end
    if (announce_i) begin
      s_granted.first = s_prepared.first + 64'd1;
      if (s_granted.first == s_prepared.past) s_granted.last.valid = 1'b0;
    end
  end

  assign ready_o = is_ready(s_prepared);
  // Of the last page, of the one that has become the last but one in this clock, or kept.
  always_comb begin
    used_o = front_q;
    if (s_prepared.past - s_prepared.first == 64'd1 && s_prepared.last.valid) used_o = s_prepared.last.used;
    else if (retires && retired_at == s_q.first[HeldBits-1:0]) used_o = retired.used;
  end

  // --- ends ------------------------------------------------------------------------------------------------------------------------

  logic late;
  assign s_dropped = give_up_i ? given_up(s_granted) : s_granted;
  // A page in which whole frames lie, alone.
  assign late = flush_i && flush_time_i != '0 && (puts ? now_i : s_q.put_at) + 64'(flush_time_i) <= now_i
              && !s_dropped.frame.valid && s_dropped.last.valid && !s_dropped.last.sealed;

  always_comb begin
    s_flushed = late ? sealed(s_dropped, 3'd1 << FlagFlushed) : s_dropped;
    if (puts) s_flushed.put_at = now_i;
  end
  assign ready_flushed_o = is_ready(s_flushed);

  always_comb begin
    s_closed = s_flushed;
    if (close_i) s_closed = sealed(given_up(s_flushed), 3'd1 << FlagFlushed);
    if (abandon_i) begin
      s_closed.past = s_flushed.first;
      s_closed.last.valid = 1'b0;
      s_closed.frame.valid = 1'b0;
    end
  end
  assign page_at_o = restart_i ? '0 : s_closed.past[PageBits-1:0];

  always_ff @(posedge clk_i) begin
    if (restart_i) s_q <= '0;
    else s_q <= s_closed;
  end

  // --- pages that are done with, but the last ---------------------------------------------------------------------------------------

  used_t used_q [PagesHeld];
  logic [HeldBits-1:0] front_at;

  assign front_at = s_closed.first[HeldBits-1:0];

  always_ff @(posedge clk_i) begin
    if (retires) used_q[retired_at] <= retired.used;
    front_q <= retires && retired_at == front_at ? retired.used : used_q[front_at];
  end

`ifndef SYNTHESIS
  // Pages in use are those that were fetched, and not too many.
  `SILICO_ASSERT(Fetched, restart_i, s_q.past <= fetched_i && s_q.past - s_q.first <= 64'(PagesHeld))
  `SILICO_ASSERT(InPage, restart_i, !s_q.last.valid || s_q.last.used.used <= s_q.last.page.length)
  `SILICO_ASSERT(FrameHasPage, restart_i, !s_q.frame.valid || (s_q.last.valid && s_q.frame.first >= s_q.first))
  `SILICO_ASSERT(AnnouncesReady, restart_i, !announce_i || ready_o)
  `SILICO_ASSERT(GrantsChunk, restart_i, !grant_i || next_o == NextChunk)
`endif

endmodule
