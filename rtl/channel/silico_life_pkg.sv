// What a channel of either direction knows of its life: the run, what the host was told of it, and how it ends: stop, failure, reset.

package silico_life_pkg;

  import silico_progress_pkg::*;
  import silico_channel_pkg::*;

  typedef struct packed {
    state_e      state;
    after_e      after;
    logic        block_sent;
    logic        run_bit;
    logic [31:0] runs;
    delivered_t  delivered;
    failure_t    error;
    progress_t   progress;
    causes_t     causes;
    vector_t [1:0] fired;
    staged_t     staged_arm;
  } life_t;

  // Registers of the life whose write is an event: which one is written.
  typedef struct packed {
    logic       control;
    logic       int_data;
    logic       int_error;
    logic [1:0] arm;
  } strobes_t;

  // A reset is under way: nothing of the run counts any more.
  function automatic logic giving_up(state_e state, after_e after);
    return state == StateStopping && after == AfterReset;
  endfunction

  function automatic life_t stopped(life_t old, after_e after);
    life_t s = old;
    if (old.state == StateRunning) begin
      // A block that was due, and waits for the transmitter, would be taken for the last one: that comes when the counts are final.
      s.progress.due = 1'b0;
      s.state = StateStopping;
      s.after = after;
      s.block_sent = after == AfterReset;
      s.run_bit = 1'b0;
    end else if (after == AfterReset) begin
      s.state = StateStopping;
      s.after = AfterReset;
      s.block_sent = 1'b1;
    end
    return s;
  endfunction

  // As stopped by an error, which is told.
  function automatic life_t failing(life_t old, failure_t failure);
    life_t s = old;
    if (old.state == StateRunning && failure.code != FailNone) begin
      s.error = failure;
      s.progress.due = 1'b0;
      s.state = StateStopping;
      s.after = AfterError;
      s.block_sent = 1'b0;
      s.run_bit = 1'b0;
    end
    return s;
  endfunction

  // As after power-on, but that runs are counted on.
  function automatic life_t power_on(logic [31:0] runs);
    life_t s = '0;
    s.runs = runs;
    return s;
  endfunction

  // The state, as the next write-back block shows it: that to which a stop leads.
  function automatic state_e told_state(state_e state, after_e after);
    if (state != StateStopping) return state;
    return after == AfterError ? StateError : StateIdle;
  endfunction

endpackage
