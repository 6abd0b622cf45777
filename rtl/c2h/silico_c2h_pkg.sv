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

  // One TLP to be: where in the ring (byte count at which it starts), whether the frame's header leads it, whether the frame has gone with it, and its
  // payload bytes from the FIFO.
  typedef struct packed {
    logic [63:0] at;
    logic        header;
    logic        ends;
    logic [10:0] payload;
  } chunk_t;

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
