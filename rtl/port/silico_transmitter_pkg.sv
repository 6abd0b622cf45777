// What units that send say to the transmitter.

package silico_transmitter_pkg;

  import silico_pkg::*;
  import silico_read_pkg::*;

  // A posted write that a channel wants to send. Its payload is a prefix, which the transmitter takes when it grants, and then bytes of the
  // channel's FIFO, which the channel shows beat by beat.
  typedef struct packed {
    logic         valid;
    logic [10:0]  bytes;
    logic [63:0]  address;
    attr_t        attr;
    logic [6:0]   prefix_bytes;
    logic [511:0] prefix;
  } write_t;

  // A memory read that a channel wants to send, and whose bytes they are.
  typedef struct packed {
    logic         valid;
    logic [12:0]  bytes;
    logic [63:0]  address;
    attr_t        attr;
    owner_t       owner;
  } read_t;

  // What becomes of what a channel shows: it is granted; it may not go, since the card may not master the bus; one that was granted before has left.
  typedef struct packed {
    logic grant;
    logic refuse;
    logic left;
  } answer_t;

  // A channel's TLP is going out, or is granted in this clock; a beat of it passes, with so many cells of 16 bytes of the channel's FIFO.
  typedef struct packed {
    logic       busy;
    logic       beat;
    logic       pass;
    logic [2:0] cells;
  } flow_t;

  // Whose TLP is going out.
  typedef enum logic [2:0] {
    FromNobody,
    FromCompletion,
    FromInterrupt,
    FromMessage,
    FromC2h,
    FromBlock,
    FromRead,
    FromFetch
  } source_e;

  // Why a read does not go.
  typedef enum logic [1:0] {
    LackNone,
    LackCredit,
    LackTag
  } lack_e;

endpackage
