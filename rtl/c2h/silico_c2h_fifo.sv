// The front-end FIFO of a channel: payload on the 32-byte grid, and the ends of the frames in it.
//
// Three counts that only grow say it all: bytes written by the ingest, granted to the transmitter, freed once the TLP that took them has left. Fill is
// written - freed. An open frame can be taken back, so a frame is dropped whole or not at all. A clock has stages, in this order: a grant; a beat that
// is written, or the open frame taken back; what a TLP has left behind; a flush.

`include "silico_assert.svh"

module silico_c2h_fifo
  import silico_c2h_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned Bytes = 16384,
  parameter int unsigned Frames = 64,
  localparam int unsigned BeatBytes = DataWidth / 8
) (
  input  logic                 clk_i,
  // Empty, at once.
  input  logic                 reset_i,

  // At the start of the clock.
  output logic [20:0]          room_o,
  output logic [20:0]          available_o,
  output logic                 frame_room_o,
  // The oldest frame, if it is whole.
  output logic                 head_valid_o,
  output frame_t               head_o,
  // What is written after this clock's beat, and after what has left: for BUSY.
  output logic [20:0]          fill_written_o,
  output logic [20:0]          fill_freed_o,

  // First: a TLP takes so many bytes, and with them the oldest frame's end.
  input  logic                 grant_i,
  input  logic [10:0]          grant_bytes_i,
  input  logic                 grant_frame_i,

  // Then: a beat. The end of a frame is padded with zeros to the grid.
  input  logic                 write_i,
  input  logic [6:0]           write_bytes_i,
  input  logic [DataWidth-1:0] write_data_i,
  input  logic                 end_i,
  input  frame_t               end_frame_i,
  // Or the open frame is taken back: so many bytes of it were written.
  input  logic                 abandon_i,
  input  logic [31:0]          abandon_bytes_i,
  // A whole frame waits after that.
  output logic                 head_written_o,

  // Then: the TLP that took these bytes, and perhaps a frame's end, has left.
  input  logic                 free_i,
  input  logic [10:0]          free_bytes_i,
  input  logic                 free_frame_i,

  // Last: all that no TLP has taken goes. How many whole frames that is.
  input  logic                 flush_i,
  output logic [10:0]          flushed_o,

  // The bytes that were granted, in their order: what is shown, and that so many times 16 bytes of it pass.
  output logic [DataWidth-1:0] data_o,
  input  logic                 pass_i,
  input  logic [2:0]           pass_cells_i
);

  localparam int unsigned Bits = $clog2(Bytes);
  // Rows of 32 bytes: the grid.
  localparam int unsigned Rows = Bytes / 32;
  localparam int unsigned RowBits = Bits - 5;
  localparam int unsigned FrameBits = $clog2(Frames + 1);

  // --- counts, modulo twice the size -------------------------------------------------------------------------------------

  typedef logic [Bits:0] count_t;

  count_t written_q, granted_q, freed_q, written, granted, freed, beat_end, padded, back;
  // Ends of frames that wait; that went with TLPs which have not left.
  logic [FrameBits-1:0] frames, frames_written, leaving_q;
  logic head_goes;

  assign room_o = 21'(Bytes) - 21'(count_t'(written_q - freed_q));
  assign available_o = 21'(count_t'(written_q - granted_q));
  assign frame_room_o = 32'(frames) + 32'(leaving_q) < Frames;

  assign granted = grant_i ? granted_q + count_t'(grant_bytes_i) : granted_q;
  assign head_goes = grant_i && grant_frame_i && head_valid_o;

  // What is written, then what an end pads it to. What a TLP of a frame that is taken back has taken frees itself later.
  assign beat_end = write_i ? written_q + count_t'(write_bytes_i) : written_q;
  assign padded = end_i ? (beat_end + count_t'(31)) & ~count_t'(31) : beat_end;
  assign back = written_q - count_t'(abandon_bytes_i);

  always_comb begin
    written = padded;
    if (abandon_i) written = 21'(abandon_bytes_i[20:0]) > 21'(count_t'(written_q - granted)) || abandon_bytes_i[31:21] != '0 ? granted : back;
  end
  assign frames_written = frames - FrameBits'(head_goes) + FrameBits'(end_i);
  assign head_written_o = frames_written != '0;
  assign fill_written_o = 21'(count_t'(written - freed_q));

  assign freed = free_i ? freed_q + count_t'(free_bytes_i) : freed_q;
  assign fill_freed_o = 21'(count_t'(written - freed));
  assign flushed_o = 11'(frames_written);

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      written_q <= '0;
      granted_q <= '0;
      freed_q <= '0;
      leaving_q <= '0;
    end else begin
      granted_q <= granted;
      freed_q <= freed;
      written_q <= flush_i ? granted : written;
      leaving_q <= leaving_q + FrameBits'(head_goes) - FrameBits'(free_i && free_frame_i);
    end
  end

  logic frame_fits;

  silico_queue #(.T(frame_t), .Depth(Frames)) u_frames (
    .clk_i,
    .reset_i,
    .flush_i,
    .valid_i(end_i && !flush_i),
    .ready_o(frame_fits),
    .data_i(end_frame_i),
    .valid_o(head_valid_o),
    .ready_i(head_goes),
    .data_o(head_o),
    .count_o(frames)
  );

  // --- the memory --------------------------------------------------------------------------------------------------------

  // Counts of 16 bytes.
  logic [Bits-4:0] read_q, read;
  assign read = pass_i ? read_q + (Bits-3)'(pass_cells_i) : read_q;

  always_ff @(posedge clk_i) begin
    if (reset_i) read_q <= '0;
    else read_q <= read;
  end

  if (DataWidth == 512) begin : gen_two_rows
    // Two banks: rows of even and of odd number. A beat may begin in either.
    localparam int unsigned BankBits = RowBits - 1;
    logic [255:0] even_q [Rows/2];
    logic [255:0] odd_q [Rows/2];
    logic [255:0] even_data_q, odd_data_q;
    logic [RowBits-1:0] write_row, read_row;
    logic write_odd, read_odd_q;
    logic [BankBits-1:0] write_even_at, write_odd_at, read_even_at, read_odd_at;
    logic two;

    assign write_row = written_q[Bits-1:5];
    assign write_odd = write_row[0];
    assign two = write_bytes_i > 7'd32;
    assign write_even_at = write_odd ? write_row[RowBits-1:1] + BankBits'(1) : write_row[RowBits-1:1];
    assign write_odd_at = write_row[RowBits-1:1];
    assign read_row = read[Bits-5:1];
    assign read_even_at = read_row[0] ? read_row[RowBits-1:1] + BankBits'(1) : read_row[RowBits-1:1];
    assign read_odd_at = read_row[RowBits-1:1];

    always_ff @(posedge clk_i) begin
      if (write_i && (!write_odd || two)) even_q[write_even_at] <= write_odd ? write_data_i[511:256] : write_data_i[255:0];
      if (write_i && (write_odd || two)) odd_q[write_odd_at] <= write_odd ? write_data_i[255:0] : write_data_i[511:256];
      even_data_q <= even_q[read_even_at];
      odd_data_q <= odd_q[read_odd_at];
      read_odd_q <= read_row[0];
    end
    assign data_o = read_odd_q ? {even_data_q, odd_data_q} : {odd_data_q, even_data_q};
  end else if (DataWidth == 256) begin : gen_row
    logic [255:0] row_q [Rows];
    logic [255:0] data_q;

    always_ff @(posedge clk_i) begin
      if (write_i) row_q[written_q[Bits-1:5]] <= write_data_i;
      data_q <= row_q[read[Bits-5:1]];
    end
    assign data_o = data_q;
  end else begin : gen_half_row
    // Two beats to a row; a frame that ends in the lower half pads the upper one.
    logic pads_high;
    assign pads_high = end_i && beat_end[4:0] != '0 && beat_end[4:0] <= 5'd16;
    logic [127:0] low_q [Rows];
    logic [127:0] high_q [Rows];
    logic [127:0] low_data_q, high_data_q;
    logic high_half_q;

    always_ff @(posedge clk_i) begin
      if (write_i && !written_q[4]) low_q[written_q[Bits-1:5]] <= write_data_i;
      if ((write_i && written_q[4]) || pads_high) high_q[written_q[Bits-1:5]] <= pads_high ? '0 : write_data_i;
      low_data_q <= low_q[read[Bits-5:1]];
      high_data_q <= high_q[read[Bits-5:1]];
      high_half_q <= read[0];
    end
    assign data_o = high_half_q ? high_data_q : low_data_q;
  end

`ifndef SYNTHESIS
  `SILICO_ASSERT(NoOverflow, reset_i, count_t'(written_q - freed_q) <= count_t'(Bytes))
  `SILICO_ASSERT(NoUnderflow, reset_i, !grant_i || 21'(grant_bytes_i) <= available_o)
  `SILICO_ASSERT(FreedWasGranted, reset_i, count_t'(granted_q - freed_q) <= count_t'(Bytes))
  `SILICO_ASSERT(FramesFit, reset_i, (!end_i || frame_fits) && 32'(frames) + 32'(leaving_q) <= Frames)
  `SILICO_ASSERT(WholeBeats, reset_i, !write_i || 32'(write_bytes_i) <= BeatBytes)
`endif

endmodule
