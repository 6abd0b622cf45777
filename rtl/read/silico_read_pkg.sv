// Reads of host memory: who asks, where the bytes go, and what becomes of it.

package silico_read_pkg;

  import silico_progress_pkg::*;

  // A channel that reads, and what: payload, or the descriptors of an H2C channel (`fetch` low), or those of pages of a C2H channel (`fetch` high).
  typedef struct packed {
    logic        fetch;
    logic [3:0]  channel;
    logic        descriptors;
  } reader_t;

  // What a read is for: position of its first byte in the channel's buffer, its place among the reads of that buffer, cookie of the descriptor that
  // asks for it.
  typedef struct packed {
    reader_t     reader;
    logic [20:0] start;
    logic [13:0] part;
    logic [63:0] cookie;
  } owner_t;

  // A beat brings `bytes` bytes of a read, from byte `lead` of the beat on; in the read they start at byte `at`. They count once the completion is judged.
  typedef struct packed {
    logic        valid;
    owner_t      owner;
    logic [12:0] at;
    logic [1:0]  lead;
    logic [6:0]  bytes;
  } read_beat_t;

  // A completion has come, and is good: so many bytes of the read are there now.
  typedef struct packed {
    logic        valid;
    owner_t      owner;
    logic [12:0] got;
  } read_arrival_t;

  // A read that brought nothing, told to who asked.
  typedef struct packed {
    logic        valid;
    reader_t     reader;
    failure_t    failure;
  } read_failure_t;

  // What all who read are told of what is received; beats go with its bytes.
  typedef struct packed {
    read_beat_t    beat;
    read_arrival_t arrival;
    read_failure_t failure;
  } told_t;

endpackage
