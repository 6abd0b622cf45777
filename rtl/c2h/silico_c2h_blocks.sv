// The generator's block mode: chunks of many e-links, each packed into the open block of its e-link; a full block goes out as a frame.
//
// Memory: one block of 1 KiB for each e-link, in rows as wide as a beat. In a clock, either a beat of the block that goes out is offered, or one row is
// written with what a piece of a chunk (up to the chunk's end, or to that of the block) puts into it, or a block whose time is up is closed: what was not
// written of it is read as padding. Open blocks are a list, the oldest first, from the middle of which a full one is taken.

`include "silico_assert.svh"

module silico_c2h_blocks #(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned Elinks = 64,
  localparam int unsigned BeatBytes = DataWidth / 8,
  localparam int unsigned Lanes = BeatBytes / 4,
  localparam int unsigned Rows = 1024 / BeatBytes,
  localparam int unsigned RowBits = $clog2(Rows),
  localparam int unsigned LinkBits = Elinks > 1 ? $clog2(Elinks) : 1
) (
  input  logic                 clk_i,
  // A new run, from the next clock on.
  input  logic                 start_i,
  // Of the run.
  input  logic [15:0]          source_i,
  input  logic [8:0]           links_i,
  input  logic [31:0]          limit_i,
  input  logic [63:0]          count_i,
  input  logic [31:0]          pause_i,
  input  logic [31:0]          flush_i,
  input  logic [63:0]          now_i,

  // The chunk that is packed, or packed next; `draw_o`: it is, so the next one.
  input  logic [31:0]          length_i,
  input  logic [63:0]          key_i,
  output logic                 draw_o,

  // A clock passes for it.
  input  logic                 enable_i,
  // A block goes out, its next beat is shown; that is taken.
  output logic                 going_o,
  output logic                 last_o,
  output logic [15:0]          source_o,
  output logic [DataWidth-1:0] data_o,
  input  logic                 take_i,

  // Nothing will ever go out again.
  output logic                 finished_o,
  // Chunks whose end has gone with its block, after this clock's beat.
  output logic [63:0]          chunks_taken_o
);

  localparam logic [63:0] Step = 64'h9e37_79b9_7f4a_7c15;
  localparam logic [15:0] Magic = 16'he11c;
  localparam logic [10:0] BlockEnd = 11'd1024;
  localparam logic [10:0] HeaderBytes = 11'd8;

  typedef enum logic [3:0] {
    PieceNull = 4'd0,
    PieceFirst = 4'd1,
    PieceLast = 4'd2,
    PieceWhole = 4'd3,
    PieceMiddle = 4'd4,
    PieceTimeout = 4'd5
  } piece_e;

  typedef struct packed {
    // Number of the block.
    logic [31:0] number;
    // Where the next piece begins in it.
    logic [10:0] at;
    // Chunks whose end is in it.
    logic [7:0]  ends;
  } link_t;

  typedef logic [LinkBits-1:0] index_t;

  // --- what the clock is used for ------------------------------------------------------------------------------------------

  logic going_q, chunk_q, piece_q, open_q;
  logic [63:0] drawn_q, gone_q;
  logic [31:0] pause_left_q;
  index_t head_q, tail_q, going_link_q;
  logic [RowBits-1:0] row_q;
  logic [10:0] used_q;
  logic [Elinks-1:0] seen_q;
  link_t link_q [Elinks];
  index_t next_q [Elinks], prev_q [Elinks];
  logic [63:0] since_q [Elinks];

  logic all_drawn, due, passes, packs, closes, pauses, gone, fills;
  logic [24:0] scaled;
  index_t chunk_link, index;
  link_t link;

  assign all_drawn = count_i != '0 && drawn_q == count_i;
  assign due = flush_i != '0 && open_q && since_q[head_q] + 64'(flush_i) <= now_i;
  assign finished_o = !going_q && all_drawn && !chunk_q && !open_q;
  assign passes = enable_i && !finished_o && !going_q;
  assign packs = passes && (chunk_q || (!due && !all_drawn && pause_left_q == '0));
  assign closes = passes && !chunk_q && (due || all_drawn);
  assign pauses = passes && !packs && !closes;
  assign gone = take_i && last_o;

  // A multiply instead of a division.
  assign scaled = 25'(key_i[63:48]) * 25'(links_i);
  assign chunk_link = index_t'(scaled[24:16]);
  assign index = going_q ? going_link_q : closes ? head_q : chunk_link;

  always_comb begin
    link = link_q[index];
    if (!seen_q[index]) link = '{number: '0, at: HeaderBytes, ends: '0};
  end

  // --- a row ---------------------------------------------------------------------------------------------------------------

  logic [31:0] length, done_q, left;
  logic [10:0] room, payload, payload_left_q, payload_left, space, written, rounded, at_next;
  logic [10:0] piece_bytes_q, piece_bytes;
  logic        cut, fits, begins, trailer_fits, ends_piece, ends_chunk;
  piece_e      kind_q, kind;
  logic [31:0] trailer;
  logic [63:0] word_q, word;
  logic [2*Lanes-1:0][31:0] pattern;
  logic [Lanes-1:0][31:0] row;
  logic [Lanes-1:0] enables;
  logic [10:0] first_lane, trailer_lane;

  assign cut = length_i > limit_i;
  assign length = cut ? limit_i : length_i;
  assign left = length - (chunk_q ? done_q : '0);
  assign room = BlockEnd - 11'd4 - link.at;
  assign fits = left <= 32'(room);
  assign begins = !chunk_q || done_q == '0;
  assign payload = fits ? left[10:0] : room;

  always_comb begin
    kind = kind_q;
    piece_bytes = piece_bytes_q;
    payload_left = payload_left_q;
    if (!piece_q) begin
      piece_bytes = payload;
      payload_left = payload;
      if (fits) kind = begins ? PieceWhole : PieceLast;
      // A trailer fits and no byte: a piece may not be empty.
      else if (room == '0) kind = PieceNull;
      else kind = begins ? PieceFirst : PieceMiddle;
    end
  end

  assign space = 11'(BeatBytes) - (link.at & 11'(BeatBytes - 1));
  assign written = payload_left < space ? payload_left : space;
  assign rounded = (written + 11'd3) & ~11'd3;
  assign trailer_fits = written == payload_left && rounded < space;
  assign at_next = link.at + rounded + (trailer_fits ? 11'd4 : 11'd0);
  assign ends_piece = packs && trailer_fits;
  assign ends_chunk = ends_piece && (kind inside {PieceWhole, PieceLast});
  assign fills = ends_piece && at_next == BlockEnd;
  assign trailer = {kind, 3'b000, cut && (kind inside {PieceWhole, PieceLast}), 8'h00, 5'h00, piece_bytes};
  assign draw_o = ends_chunk;

  // A piece but the last is a multiple of 4 bytes, so the next one may begin with the upper half of a word.
  assign word = chunk_q ? word_q : key_i;
  logic half_q, half;
  logic [10:0] words;
  assign half = chunk_q && half_q;
  assign words = ((written >> 2) + 11'(half)) >> 1;
  for (genvar i = 0; i < int'(Lanes); i++) begin : gen_word
    assign pattern[2*i +: 2] = word + 64'(i) * Step;
  end

  assign first_lane = (link.at & 11'(BeatBytes - 1)) >> 2;
  assign trailer_lane = first_lane + (rounded >> 2);
  always_comb begin
    for (int unsigned i = 0; i < Lanes; i++) begin
      logic [10:0] from;
      from = 11'(i) - first_lane;
      row[i] = pattern[$clog2(2*Lanes)'(from + 11'(half))];
      // Zeros after the end of a payload.
      for (int unsigned j = 0; j < 4; j++) if ({from, 2'(j)} >= {2'b00, written}) row[i][8*j +: 8] = 8'h00;
      if (trailer_fits && 11'(i) == trailer_lane) row[i] = trailer;
      enables[i] = packs && 11'(i) >= first_lane && (11'(i) < trailer_lane || (trailer_fits && 11'(i) == trailer_lane));
    end
  end

  // --- the blocks ------------------------------------------------------------------------------------------------------------

  logic [LinkBits+RowBits-1:0] write_at, read_at;
  logic [Lanes-1:0][31:0] memory_q [Elinks * Rows];
  logic [Lanes-1:0][31:0] read_q, shown;
  logic [RowBits-1:0] row_next;
  index_t going_next;

  assign row_next = !going_q ? '0 : take_i ? row_q + RowBits'(1) : row_q;
  assign going_next = going_q ? going_link_q : index;
  assign write_at = {chunk_link, link.at[9 -: RowBits]};
  assign read_at = {going_next, row_next};

  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < Lanes; i++) if (enables[i]) memory_q[write_at][i] <= row[i];
    read_q <= memory_q[read_at];
  end

  // The header is put before it, padding behind what was written: its trailer is the last dword.
  always_comb begin
    for (int unsigned i = 0; i < Lanes; i++) begin
      shown[i] = {row_q, 2'b00} * 11'(Lanes) + 11'(4 * i) < used_q ? read_q[i] : '0;
    end
    if (row_q == '0) shown[1:0] = {link.number, source_o, Magic};
    if (last_o && used_q != BlockEnd) shown[Lanes-1] = {PieceTimeout, 12'h000, 5'h00, BlockEnd - 11'd4 - used_q};
  end

  assign going_o = going_q;
  assign last_o = row_q == RowBits'(Rows - 1);
  assign source_o = source_i + 16'(going_link_q);
  assign data_o = shown;
  assign chunks_taken_o = gone ? gone_q + 64'(link.ends) : gone_q;

  // --- state -----------------------------------------------------------------------------------------------------------------

  logic opens, leaves;
  assign opens = packs && !piece_q && link.at == HeaderBytes;
  assign leaves = closes || fills;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      going_q <= 1'b0;
      chunk_q <= 1'b0;
      piece_q <= 1'b0;
      open_q <= 1'b0;
      drawn_q <= '0;
      gone_q <= '0;
      pause_left_q <= '0;
      seen_q <= '0;
    end else begin
      gone_q <= chunks_taken_o;
      if (gone) going_q <= 1'b0;
      if (leaves) going_q <= 1'b1;
      if (packs && !chunk_q) drawn_q <= drawn_q + 64'd1;
      if (packs) begin
        chunk_q <= !ends_chunk;
        piece_q <= !ends_piece;
      end
      if (ends_chunk) pause_left_q <= pause_i;
      else if (pauses) pause_left_q <= pause_left_q - 32'd1;
      if (packs || gone) seen_q[index] <= 1'b1;
      if (opens) open_q <= 1'b1;
      else if (leaves && head_q == tail_q) open_q <= 1'b0;
    end
    if (opens) begin
      if (!open_q) head_q <= index;
      tail_q <= index;
    end else if (leaves) begin
      if (index == head_q) head_q <= next_q[index];
      if (index == tail_q) tail_q <= prev_q[index];
    end
    if (opens) since_q[index] <= now_i;
    // One write of each in a clock.
    if (opens) next_q[tail_q] <= index;
    else if (leaves && index != head_q) next_q[prev_q[index]] <= next_q[index];
    if (opens) prev_q[index] <= tail_q;
    else if (leaves && index != tail_q) prev_q[next_q[index]] <= prev_q[index];
    if (packs) begin
      link_q[index] <= '{number: link.number, at: at_next, ends: link.ends + 8'(ends_chunk)};
      kind_q <= kind;
      piece_bytes_q <= piece_bytes;
      payload_left_q <= payload_left - written;
      done_q <= (chunk_q ? done_q : '0) + 32'(written);
      word_q <= word + 64'(words) * Step;
      half_q <= half ^ written[2];
    end else if (gone) begin
      link_q[index] <= '{number: link.number + 32'd1, at: HeaderBytes, ends: '0};
    end
    if (leaves) begin
      going_link_q <= index;
      used_q <= closes ? link.at : BlockEnd;
      row_q <= '0;
    end else if (take_i) begin
      row_q <= row_next;
    end
  end

`ifndef SYNTHESIS
  `SILICO_ASSERT(InBlock, start_i, !packs || at_next <= BlockEnd)
  `SILICO_ASSERT(TakenGoes, start_i, !take_i || going_q)
  // What goes out was open, and the list has a head while blocks are open.
  `SILICO_ASSERT(LeavesOpen, start_i, !leaves || open_q)
`endif

endmodule
