// What a card-to-host channel knows of its run beyond what a channel of either direction does.

package silico_c2h_state_pkg;

  import silico_channel_pkg::*;

  // A TLP of this channel on the transmitter.
  typedef enum logic [2:0] {
    FlightNone,
    // Payload: for the ring, for a page.
    FlightData,
    FlightPage,
    // The completion of a page.
    FlightEntry,
    // A read of page descriptors.
    FlightFetch,
    FlightWriteBack
  } flight_e;

  typedef struct packed {
    logic [63:0] sw_count;
    logic [31:0] discarded;
    logic        busy;
    flight_e     flight;
    // Of payload: bytes, and whether a frame has gone with it.
    logic [10:0] flight_payload;
    logic        flight_ends;
    // What the count becomes with it, or bytes and frames of a page that it announces.
    logic [63:0] flight_count;
    logic [31:0] flight_frames;
    // Frames in pages that are not announced.
    logic [31:0] held;
    staged_t     staged_sw_count;
    staged_t     staged_free_tail;
    staged_t     staged_comp_head;
  } account_t;

  // No completion of the run goes out any more; the frames behind those that were to come are discarded.
  function automatic account_t abandoned(account_t old);
    account_t s = old;
    s.discarded = old.discarded + old.held;
    s.held = '0;
    return s;
  endfunction

endpackage
