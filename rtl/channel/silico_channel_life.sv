// The life of a channel of either direction: start, failure, stop, drain, reset; write-backs and interrupts as far as they hang on that. Knows no payload, no
// ring, and of the settings of a run only what writes back: their type is a parameter.
//
// A clock has stages, in this order, and each sees what those before it did: a grant; what has left; failures of the direction; the end of the clock, where
// write-backs and interrupts become due and a stop moves on; failures that come late; a register access; what is received; a reset. What is an input of a
// stage may hang on outputs of those before it.

`include "silico_assert.svh"

module silico_channel_life
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
#(
  parameter type settings_t = logic,
  parameter int unsigned Vectors = 16
) (
  input  logic           clk_i,
  // Power-on, or a reset of the function.
  input  logic           reset_i,
  input  logic           bus_master_i,
  input  logic [63:0]    now_i,

  // At the start of the clock; the settings of the run.
  output life_t          life_o,
  output settings_t      run_o,

  // A message has gone; a block is granted.
  input  logic           message_sent_i,
  input  logic [7:0]     message_number_i,
  input  logic           grants_block_i,

  // Counts after what has left; a block is among that.
  input  delivered_t     delivered_i,
  input  logic           block_left_i,

  // No memory may be written: nothing is due. The first failure of the clock. It ends the run; the channel still runs.
  input  logic           refuse_i,
  input  failure_t       failure_i,
  output logic           fails_o,
  output logic           runs_o,

  // The end of the clock: of the run's settings, how often it writes back, and that it can; nothing is on its way, so a stop moves on; unless it still waits.
  input  pace_t          pace_i,
  input  logic           block_fits_i,
  input  logic           idle_i,
  output logic           settles_o,
  input  logic           waits_i,
  input  logic [31:0]    frames_i,
  input  logic [31:0]    cycles_i,
  // Causes that are signalled: data or space, errors.
  output vector_t [1:0]  signals_o,
  output vector_t [1:0]  fired_o,

  // Of what ran out of time; it ends the run. The state after it, as the registers show it.
  input  failure_t       late_failure_i,
  output logic           fails_late_o,
  output life_t          shown_o,

  // The access. A start takes these settings, which are found good or not; a doorbell may be refused.
  input  bus_t           bus_i,
  input  strobes_t       strobes_i,
  input  settings_t      set_i,
  input  failure_t       start_failure_i,
  input  failure_t       doorbell_failure_i,
  input  logic [1:0]     acknowledge_i,
  input  logic           card_reset_i,
  output logic           starts_o,
  // The start is not refused. The run is stopped.
  output logic           sound_o,
  output logic           closes_o,
  output vector_t [1:0]  fired_accessed_o,
  output logic           failed_accessed_o,

  // Of what is received. A failure or reset ends the run, by the access or after it; the channel still runs.
  input  failure_t       received_failure_i,
  output logic           breaks_o,
  output logic           runs_on_o,

  // A reset ends with this clock, by itself or with the function's: all of the channel is as after power-on.
  output logic           reset_done_o,
  output logic           empties_o
);

  life_t s_q, s_failed, s_settled, s_ended, s_timed, s_accessed, s_received;
  settings_t run_q;

  assign life_o = s_q;
  assign run_o = run_q;

  // --- a grant, what has left, failures --------------------------------------------------------------------------------------

  // One structure for all three: each copy of it costs a simulator time.
  always_comb begin
    s_failed = s_q;
    if (message_sent_i) begin
      for (int unsigned i = 0; i < 2; i++) if (s_q.fired[i].number == message_number_i) s_failed.fired[i].valid = 1'b0;
    end
    if (grants_block_i) begin
      if (s_q.state == StateStopping) s_failed.block_sent = 1'b1;
      s_failed.progress = progress_granted(s_q.progress, s_q.delivered);
    end
    s_failed.delivered = delivered_i;
    if (block_left_i) s_failed.progress.published = s_failed.progress.written_frames;
    if (refuse_i) s_failed.progress.due = 1'b0;
    s_failed = failing(s_failed, failure_i);
  end
  assign fails_o = s_q.state == StateRunning && s_failed.state != StateRunning;
  assign runs_o = s_failed.state == StateRunning;

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic settles, writes_last, resets, data_fires, error_fires;
  progress_update_t updated;
  causes_t causes;

  // A stop moves on once nothing is under way.
  assign settles = s_failed.state == StateStopping && idle_i;
  assign settles_o = settles;
  assign writes_last = pace_i.writes_back && block_fits_i && !s_failed.block_sent;

  always_comb begin
    s_settled = s_failed;
    error_fires = 1'b0;
    resets = 1'b0;
    if (settles && !waits_i) begin
      if (writes_last && bus_master_i) begin
        s_settled.progress.due = 1'b1;
      end else begin
        // The last block could not be written: that is no clean stop.
        if (writes_last && s_failed.after == AfterIdle) begin
          s_settled.error = failed(FailBusMasterOff, '0);
          s_settled.after = AfterError;
        end
        s_settled.progress.due = 1'b0;
        // It takes the channel after the access, which finds the channel as it was.
        resets = s_settled.after == AfterReset;
        if (!resets) begin
          s_settled.state = s_settled.after == AfterError ? StateError : StateIdle;
          s_settled.progress = progress_finished(s_settled.progress, s_settled.causes, s_settled.delivered);
          error_fires = s_settled.after == AfterError;
        end
      end
    end
  end

  always_comb begin
    causes = s_settled.causes;
    causes.frames = frames_i;
    causes.cycles = cycles_i;
  end
  assign updated = progress_update(s_settled.progress, now_i, pace_i, causes, s_settled.delivered);
  assign data_fires = updated.fires && !giving_up(s_settled.state, s_settled.after);
  assign signals_o[0] = '{valid: data_fires && s_settled.causes.enable, number: s_settled.causes.number};
  assign signals_o[1] = '{valid: error_fires && s_settled.causes.error_enable, number: s_settled.causes.error_number};

  always_comb begin
    s_ended = s_settled;
    if (!giving_up(s_settled.state, s_settled.after)) begin
      s_ended.progress = updated.state;
      // Outside a run only a stop's last block goes out.
      if (s_settled.state != StateRunning) s_ended.progress.due = s_settled.progress.due;
    end
    for (int unsigned i = 0; i < 2; i++) if (signals_o[i].valid) s_ended.fired[i] = signals_o[i];
  end
  assign fired_o = s_ended.fired;

  assign s_timed = failing(s_ended, late_failure_i);
  assign fails_late_o = s_ended.state == StateRunning && s_timed.state != StateRunning;
  assign shown_o = s_timed;

  // --- an access -----------------------------------------------------------------------------------------------------------

  logic writes;
  logic [31:0] bits, control, cause, error_cause;
  failure_t refused;
  logic stops;
  after_e after;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign control = ({31'h0, s_timed.run_bit} & ~bits) | (bus_i.wdata & bits);
  assign starts_o = writes && strobes_i.control && !control[1] && control[0] && !s_timed.run_bit && (s_timed.state inside {StateIdle, StateError});
  assign cause = ({s_timed.causes.enable, 23'h0, s_timed.causes.number} & ~bits) | (bus_i.wdata & bits);
  assign error_cause = ({s_timed.causes.error_enable, 23'h0, s_timed.causes.error_number} & ~bits) | (bus_i.wdata & bits);

  always_comb begin
    s_accessed = s_timed;
    refused = doorbell_failure_i;
    stops = card_reset_i;
    after = AfterReset;
    if (starts_o) begin
      s_accessed.run_bit = 1'b1;
      s_accessed.runs = s_timed.runs + 32'd1;
      s_accessed.delivered = '0;
      s_accessed.error = '0;
      s_accessed.fired = '0;
      s_accessed.progress = '0;
      s_accessed.causes.arm = '0;
      s_accessed.state = StateRunning;
      refused = first_failure(start_failure_i, check_vectors(s_timed.causes, Vectors));
    end else if (writes && strobes_i.control) begin
      stops = control[1] || (!control[0] && s_timed.run_bit);
      after = control[1] ? AfterReset : AfterIdle;
    end
    if (writes && strobes_i.int_data) begin
      s_accessed.causes.enable = cause[31];
      s_accessed.causes.number = cause[7:0];
    end
    if (writes && strobes_i.int_error) begin
      s_accessed.causes.error_enable = error_cause[31];
      s_accessed.causes.error_number = error_cause[7:0];
    end
    // One register is written in a clock, so there is one to refuse.
    if (writes && (strobes_i.int_data || strobes_i.int_error)) refused = check_vectors(s_accessed.causes, Vectors);
    if (s_accessed.state == StateRunning && refused.code != FailNone) begin
      s_accessed.error = refused;
      stops = 1'b1;
      after = AfterError;
    end
    if (stops) s_accessed = stopped(s_accessed, after);
    if (writes && strobes_i.arm[0]) s_accessed.staged_arm = stage(s_timed.staged_arm, bus_i.wdata, bits);
    if (writes && strobes_i.arm[1]) begin
      s_accessed.staged_arm = '0;
      s_accessed.causes.arm = joined(s_timed.staged_arm, s_timed.causes.arm, bus_i.wdata, bits);
      s_accessed.progress = progress_armed(s_accessed.progress);
      s_accessed.fired[0].valid = 1'b0;
    end
    for (int unsigned i = 0; i < 2; i++) if (acknowledge_i[i]) s_accessed.fired[i].valid = 1'b0;
    if (card_reset_i) s_accessed.runs = '0;
    // Live settings: the register block has them.
    s_accessed.causes.frames = '0;
    s_accessed.causes.cycles = '0;
  end
  assign sound_o = s_accessed.state == StateRunning;
  assign closes_o = s_timed.state == StateRunning && s_accessed.state == StateStopping && s_accessed.after == AfterIdle;
  assign fired_accessed_o = s_accessed.fired;
  assign failed_accessed_o = s_accessed.error.code != FailNone;

  // --- what is received, and a reset ---------------------------------------------------------------------------------------

  assign s_received = failing(s_accessed, received_failure_i);
  assign runs_on_o = s_received.state == StateRunning;
  // A reset that finds a stop under way breaks that off too.
  assign breaks_o = (s_timed.state == StateRunning && s_received.state == StateStopping && s_received.after != AfterIdle)
                  || (s_timed.state == StateStopping && (card_reset_i || (writes && strobes_i.control && control[1])));
  assign reset_done_o = resets;
  assign empties_o = reset_i || resets;

  always_ff @(posedge clk_i) begin
    if (reset_i) s_q <= '0;
    else if (resets) s_q <= power_on(s_accessed.runs);
    else s_q <= s_received;

    if (empties_o) run_q <= '0;
    else if (starts_o) run_q <= set_i;
  end

`ifndef SYNTHESIS
  // What counts only grows within a run, and no more is published than is delivered.
  `SILICO_ASSERT(NotAhead, reset_i, s_q.progress.published <= s_q.delivered.frames && s_q.progress.written_frames <= s_q.delivered.frames)
  // Only a channel that runs has its bit set.
  `SILICO_ASSERT(RunIsRunning, reset_i, s_q.run_bit == (s_q.state == StateRunning))
`endif

endmodule
