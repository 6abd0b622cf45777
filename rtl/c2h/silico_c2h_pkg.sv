// What the units of a card-to-host channel say to each other.

package silico_c2h_pkg;

  // What the FIFO knows of a whole frame.
  typedef struct packed {
    logic [31:0] length;
    logic [31:0] crc;
    logic [63:0] stamp;
    logic [15:0] source;
    // Bit 0: truncated; 1: frames were dropped before it; 2: the front end marked it as bad.
    logic [2:0]  flags;
  } frame_t;

  localparam int unsigned FlagTruncated = 0;
  localparam int unsigned FlagDroppedBefore = 1;
  localparam int unsigned FlagError = 2;

  function automatic logic [31:0] padded_length(logic [31:0] length);
    return (length + 32'd31) & ~32'd31;
  endfunction

  // One TLP to be: where in the ring (byte count at which it starts) or in memory (of a page), whether the frame's header leads it, whether the frame has gone with it, and its
  // payload bytes from the FIFO.
  typedef struct packed {
    logic [63:0] at;
    logic        header;
    logic        ends;
    logic [10:0] payload;
  } chunk_t;

  // A page that the host gave, as its descriptor has it; a page is known by its number in the run.
  typedef struct packed {
    logic [31:0] cookie;
    logic [31:0] length;
    logic [63:0] address;
  } page_t;

  // Of a number, as much as tells apart all pages between the oldest in use and the last one fetched.
  localparam int unsigned PageBits = 11;
  // Most pages in use: of frames under way, or not announced. No frame may fill so many.
  localparam int unsigned PagesHeld = 1024;

  // What is told of a page that is done with: bytes used, frames that end in it, and why it is (bit 0: it continues the page before; 1: it is continued in
  // the next one; 2: flushed).
  typedef struct packed {
    logic [31:0] cookie;
    logic [31:0] used;
    logic [31:0] frames;
    logic [2:0]  flags;
  } used_t;

  localparam int unsigned FlagContinues = 0;
  localparam int unsigned FlagContinued = 1;
  localparam int unsigned FlagFlushed = 2;

  typedef enum logic [1:0] {
    // The channel is not running.
    NextOff,
    // Send the chunk.
    NextChunk,
    // There are data for a TLP, and no room for it in host memory.
    NextNoRoom,
    // Nothing to send before more bytes have come, or the end of the open frame.
    NextNoData
  } next_e;

endpackage
