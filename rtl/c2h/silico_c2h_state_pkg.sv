// What a card-to-host channel knows of its run, and how a run ends: stop, failure, reset.

package silico_c2h_state_pkg;

  import silico_progress_pkg::*;
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
    state_e      state;
    after_e      after;
    logic        block_sent;
    logic        run_bit;
    logic [31:0] runs;
    logic [63:0] sw_count;
    delivered_t  delivered;
    logic [31:0] discarded;
    failure_t    error;
    logic        busy;
    progress_t   progress;
    causes_t     causes;
    vector_t [1:0] fired;
    flight_e     flight;
    // Of payload: bytes, and whether a frame has gone with it.
    logic [10:0] flight_payload;
    logic        flight_ends;
    // What the count becomes with it, or bytes and frames of a page that it announces.
    logic [63:0] flight_count;
    logic [31:0] flight_frames;
    // Frames in pages that are not announced.
    logic [31:0] held;
    // In this clock the pages are closed, or given up.
    logic        closes;
    logic        abandons;
    staged_t     staged_sw_count;
    staged_t     staged_arm;
    staged_t     staged_free_tail;
    staged_t     staged_comp_head;
  } channel_t;

  function automatic logic is_stopping(channel_t s);
    return s.state == StateStopping;
  endfunction

  // A reset is under way: nothing of the run counts any more.
  function automatic logic giving_up(channel_t s);
    return s.state == StateStopping && s.after == AfterReset;
  endfunction

  // No completion of the run goes out any more; the frames behind those that were to come are discarded.
  function automatic channel_t abandoned(channel_t old);
    channel_t s = old;
    s.discarded = old.discarded + old.held;
    s.held = '0;
    s.abandons = 1'b1;
    return s;
  endfunction

  function automatic channel_t stopped(channel_t old, after_e after);
    channel_t s = old;
    unique case (old.state)
      StateRunning: begin
        // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
        s.progress.due = 1'b0;
        s.state = StateStopping;
        s.after = after;
        s.block_sent = after == AfterReset;
        s.run_bit = 1'b0;
        s.busy = 1'b0;
        // A stop that the host wants announces what is whole. After an error nothing is announced any more: its reason may be what the host gave.
        if (after == AfterIdle) s.closes = 1'b1;
        else s = abandoned(s);
      end
      StateStopping: begin
        if (after == AfterReset) begin
          s.after = AfterReset;
          s.block_sent = 1'b1;
          s = abandoned(s);
        end
      end
      default: begin
        if (after == AfterReset) begin
          s.state = StateStopping;
          s.after = AfterReset;
          s.block_sent = 1'b1;
        end
      end
    endcase
    return s;
  endfunction

  function automatic channel_t failing(channel_t old, failure_t failure);
    channel_t s = old;
    if (old.state == StateRunning && failure.code != FailNone) begin
      s.error = failure;
      s = stopped(s, AfterError);
    end
    return s;
  endfunction

  // As after power-on, but that runs are counted on.
  function automatic channel_t power_on(logic [31:0] runs);
    channel_t s = '0;
    s.runs = runs;
    return s;
  endfunction

endpackage
