// Reads of host memory: who asks, where the bytes go, and what becomes of it.

package silico_read_pkg;

  import silico_progress_pkg::*;

  // A channel that reads, and what: payload, or the descriptors of an H2C channel (`fetch` low), or those of pages of a C2H channel (`fetch` high).
  typedef struct packed {
    logic        fetch;
    logic [3:0]  channel;
    logic        descriptors;
  } reader_t;

  // What a read is for: position of its first byte in the channel's buffer, cookie of the descriptor that asks for it.
  typedef struct packed {
    reader_t     reader;
    logic [31:0] start;
    logic [63:0] cookie;
  } owner_t;

  // A read that brought nothing, told to who asked.
  typedef struct packed {
    logic        valid;
    reader_t     reader;
    failure_t    failure;
  } read_failure_t;

endpackage
