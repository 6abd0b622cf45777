// The run of a card-to-host channel: its state, its registers, and what becomes of them in a clock. What is sent, and where the bytes lie, is for others.
//
// A clock has stages, in this order, and each sees what those before it did: a grant of the transmitter (decided on the state at the start of the clock); a
// beat of the source; what has left the card; the end of the clock, where write-backs and interrupts become due and a stop moves on; a read that ran out of
// time; a register access; what is received; a reset.

module silico_c2h_life
  import silico_read_pkg::*;
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_c2h_pkg::*;
  import silico_c2h_settings_pkg::*;
  import silico_c2h_state_pkg::*;
#(
  parameter int unsigned FifoBytes = 16384,
  parameter int unsigned Elinks = 64,
  parameter int unsigned Vectors = 16
) (
  input  logic                 clk_i,
  input  logic [7:0]           index_i,
  // Power-on, or a reset of the function.
  input  logic                 reset_i,
  input  logic                 bus_master_i,
  input  logic [63:0]          now_i,

  // At the start of the clock: the state, and the configuration of the run.
  output channel_t             state_o,
  output settings_t            run_o,

  // A TLP has left, and which one is granted.
  input  logic                 left_i,
  input  logic                 fetch_left_i,
  input  logic                 grants_entry_i,
  input  used_t                entry_i,
  input  logic                 grants_block_i,
  input  logic                 grants_chunk_i,
  input  chunk_t               chunk_i,
  input  logic [63:0]          chunk_count_i,
  input  logic                 fetch_grant_i,
  input  logic                 message_sent_i,
  input  logic [7:0]           message_number_i,

  // A beat of the source is taken; what the FIFO holds then, and after what has left.
  input  logic                 take_i,
  input  logic [20:0]          fill_written_i,
  input  logic [20:0]          fill_freed_i,
  output logic                 data_left_o,
  output logic                 entry_left_o,

  // The end of the clock: no memory may be written; a frame fills too many pages; a descriptor cannot be. Whether descriptors are judged, the timer may
  // flush, and a stop takes what the FIFO and the ingest still have.
  input  logic                 refuse_i,
  input  logic                 too_long_i,
  output logic                 judges_o,
  input  failure_t             bad_page_i,
  output logic                 flushes_o,
  input  logic                 page_ready_i,
  input  logic                 entry_room_i,
  input  logic [8:0]           reads_i,
  output logic                 settles_o,
  input  logic [10:0]          flushed_i,
  input  logic                 cut_frame_i,
  output vector_t              data_signal_o,
  output vector_t              error_signal_o,
  output vector_t [1:0]        fired_o,

  // A read ran out of time. Takes beats for a run after that.
  input  read_failure_t        timeout_failure_i,
  output logic                 running_o,
  output logic                 failed_o,

  // The access, and what the registers show of other units. A start takes this configuration.
  input  bus_t                 bus_i,
  output logic [31:0]          rdata_o,
  output logic                 hole_o,
  input  logic                 card_reset_i,
  input  logic [1:0]           acknowledge_i,
  output logic                 starts_o,
  output settings_t            taking_o,
  output logic                 rings_list_o,
  output logic [63:0]          free_tail_o,
  input  logic                 list_legal_i,
  output logic                 rings_entries_o,
  output logic [63:0]          comp_head_o,
  input  logic                 entries_legal_i,
  input  logic [63:0]          dropped_i,
  input  logic [63:0]          made_i,
  input  logic [63:0]          chunks_i,
  input  logic [63:0]          pages_tail_i,
  input  logic [63:0]          pages_fetched_i,
  input  logic [63:0]          pages_head_i,
  input  logic [63:0]          entries_left_i,
  input  logic [7:0][63:0]     perf_i,
  output vector_t [1:0]        fired_accessed_o,
  output logic                 failed_accessed_o,

  // What is received.
  input  read_failure_t        completion_failure_i,

  // Pages are closed, or given up. A reset ends with this clock, by itself or with the function's.
  output logic                 closes_o,
  output logic                 abandons_o,
  output logic                 reset_done_o,
  output logic                 empties_o
);

  channel_t s_q, s_granted, s_taken, s_left, s_refused, s_judged, s_settled, s_ended, s_timed, s_accessed, s_received;
  settings_t set, run_q;
  logic [15:0][31:0] table_q;

  assign state_o = s_q;
  assign run_o = run_q;

  // --- a grant -------------------------------------------------------------------------------------------------------------

  always_comb begin
    s_granted = s_q;
    if (left_i || fetch_left_i) s_granted.flight = FlightNone;
    if (message_sent_i) begin
      for (int unsigned i = 0; i < 2; i++) if (s_q.fired[i].number == message_number_i) s_granted.fired[i].valid = 1'b0;
    end
    if (grants_block_i) begin
      if (is_stopping(s_q)) s_granted.block_sent = 1'b1;
      s_granted.progress = progress_granted(s_q.progress, s_q.delivered);
      s_granted.flight = FlightWriteBack;
    end
    if (grants_entry_i) begin
      s_granted.flight = FlightEntry;
      s_granted.flight_count = 64'(entry_i.used);
      s_granted.flight_frames = entry_i.frames;
      s_granted.held = s_q.held - entry_i.frames;
    end
    if (grants_chunk_i) begin
      s_granted.flight = run_q.pages ? FlightPage : FlightData;
      s_granted.flight_payload = chunk_i.payload;
      s_granted.flight_ends = chunk_i.ends;
      s_granted.flight_count = chunk_count_i;
      if (run_q.pages && chunk_i.ends) s_granted.held = s_q.held + 32'd1;
    end
    if (fetch_grant_i) s_granted.flight = FlightFetch;
  end

  // --- a beat of its source, and what has left ------------------------------------------------------------------------------

  always_comb begin
    s_taken = s_granted;
    if (take_i) begin
      if (32'(fill_written_i) >= run_q.busy_assert) s_taken.busy = 1'b1;
      else if (32'(fill_written_i) <= run_q.busy_release) s_taken.busy = 1'b0;
    end
  end


  logic data_left, block_left, entry_left;
  assign data_left_o = data_left;
  assign entry_left_o = entry_left;
  assign data_left = left_i && (s_q.flight inside {FlightData, FlightPage});
  assign block_left = left_i && s_q.flight == FlightWriteBack;
  assign entry_left = left_i && s_q.flight == FlightEntry && !giving_up(s_q);

  always_comb begin
    s_left = s_taken;
    if (block_left) s_left.progress.published = s_taken.progress.written_frames;
    if (entry_left) begin
      s_left.delivered.count = s_taken.delivered.count + s_q.flight_count;
      s_left.delivered.frames = s_taken.delivered.frames + 64'(s_q.flight_frames);
    end
    if (data_left) begin
      if (s_q.flight == FlightData && s_q.flight_ends && !giving_up(s_taken)) begin
        s_left.delivered.count = s_q.flight_count;
        s_left.delivered.frames = s_taken.delivered.frames + 64'd1;
      end
      if (s_taken.state == StateRunning) begin
        if (32'(fill_freed_i) >= run_q.busy_assert) s_left.busy = 1'b1;
        else if (32'(fill_freed_i) <= run_q.busy_release) s_left.busy = 1'b0;
      end
    end
  end

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic settles, error_fires, data_fires, writes_last, resets, waits, reads_left, entry_goes;
  progress_update_t updated;
  pace_t pace;
  causes_t causes;
  logic [31:0] live_frames, live_cycles;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_frames, bytes: run_q.wb_bytes, cycles: run_q.wb_time};

  always_comb begin
    s_refused = s_left;
    if (refuse_i) begin
      s_refused.progress.due = 1'b0;
      if (s_left.state != StateRunning) s_refused = abandoned(s_refused);
      s_refused = failing(s_refused, failed(FailBusMasterOff, '0));
    end
    if (too_long_i) s_refused = failing(s_refused, failed(FailBadFrameLimit, 64'(run_q.max_frame)));
  end
  assign judges_o = run_q.pages && s_refused.state == StateRunning;
  assign flushes_o = run_q.pages && s_judged.state == StateRunning;
  assign s_judged = failing(s_refused, bad_page_i);

  // A stop moves on once nothing is under way.
  assign settles_o = settles;
  assign settles = is_stopping(s_judged) && s_judged.flight == FlightNone;
  // Entries end a run; what cannot go, since no entry is free or no memory may be written, is given up.
  assign waits = page_ready_i && !s_judged.abandons;
  assign reads_left = reads_i != '0;
  assign writes_last = run_q.write_back && run_q.wb_addr[5:0] == '0 && !s_judged.block_sent;

  always_comb begin
    s_settled = s_judged;
    error_fires = 1'b0;
    resets = 1'b0;
    entry_goes = 1'b0;
    if (settles) begin
      s_settled.discarded = s_judged.discarded + 32'(flushed_i) + 32'(cut_frame_i);
      entry_goes = waits && bus_master_i && entry_room_i;
      if (waits && !entry_goes) s_settled = abandoned(s_settled);
      if (entry_goes || reads_left) begin
        // Not yet.
      end else if (writes_last && bus_master_i) begin
        s_settled.progress.due = 1'b1;
      end else begin
        // The last block could not be written: that is no clean stop.
        if (writes_last && s_judged.after == AfterIdle) begin
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
    causes.frames = live_frames;
    causes.cycles = live_cycles;
  end
  assign updated = progress_update(s_settled.progress, now_i, pace, causes, s_settled.delivered);
  assign data_fires = updated.fires && !giving_up(s_settled);
  assign data_signal_o = '{valid: data_fires && s_settled.causes.enable, number: s_settled.causes.number};
  assign error_signal_o = '{valid: error_fires && s_settled.causes.error_enable, number: s_settled.causes.error_number};

  always_comb begin
    s_ended = s_settled;
    if (!giving_up(s_settled)) begin
      s_ended.progress = updated.state;
      // Outside a run only a stop's last block goes out.
      if (s_settled.state != StateRunning) s_ended.progress.due = s_settled.progress.due;
    end
    if (data_signal_o.valid) s_ended.fired[0] = data_signal_o;
    if (error_signal_o.valid) s_ended.fired[1] = error_signal_o;
  end
  assign fired_o = s_ended.fired;
  assign reset_done_o = resets;

  // --- a read that ran out of time -----------------------------------------------------------------------------------------

  function automatic failure_t mine(read_failure_t told);
    return told.valid && told.reader.fetch && told.reader.channel == index_i[3:0] ? told.failure : '0;
  endfunction

  assign s_timed = failing(s_ended, mine(timeout_failure_i));
  assign running_o = s_timed.state == StateRunning;
  assign failed_o = s_timed.error.code != FailNone;

  // --- registers -----------------------------------------------------------------------------------------------------------

  logic writes;
  logic [31:0] bits, control, cause;
  failure_t refused_start;
  logic [63:0] sw_count, arm;
  logic rings;
  logic select_control, select_int_data, select_int_error, select_table;
  logic [1:0] select_sw_count, select_arm, select_free_tail, select_comp_head;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign control = ({31'h0, s_timed.run_bit} & ~bits) | (bus_i.wdata & bits);
  assign starts_o = writes && select_control && !control[1] && control[0] && !s_timed.run_bit && (s_timed.state inside {StateIdle, StateError});
  assign taking_o = resolved(set, FifoBytes);
  assign sw_count = joined(s_timed.staged_sw_count, s_timed.sw_count, bus_i.wdata, bits);
  assign free_tail_o = joined(s_timed.staged_free_tail, pages_tail_i, bus_i.wdata, bits);
  assign comp_head_o = joined(s_timed.staged_comp_head, pages_head_i, bus_i.wdata, bits);
  assign rings = writes && s_timed.state == StateRunning && run_q.pages;
  assign rings_list_o = rings && select_free_tail[1];
  assign rings_entries_o = rings && select_comp_head[1];
  assign arm = joined(s_timed.staged_arm, s_timed.causes.arm, bus_i.wdata, bits);
  assign cause = ({s_timed.causes.enable, 23'h0, s_timed.causes.number} & ~bits) | (bus_i.wdata & bits);

  logic [31:0] error_cause;
  assign error_cause = ({s_timed.causes.error_enable, 23'h0, s_timed.causes.error_number} & ~bits) | (bus_i.wdata & bits);

  always_comb begin
    s_accessed = s_timed;
    refused_start = check(taking_o, FifoBytes, Elinks);
    if (starts_o) begin
      s_accessed.run_bit = 1'b1;
      s_accessed.runs = s_timed.runs + 32'd1;
      s_accessed.sw_count = '0;
      s_accessed.delivered = '0;
      s_accessed.discarded = '0;
      s_accessed.error = '0;
      s_accessed.fired = '0;
      s_accessed.busy = 1'b0;
      s_accessed.progress = '0;
      s_accessed.held = '0;
      s_accessed.causes.arm = '0;
      s_accessed.state = StateRunning;
      if (refused_start.code == FailNone) refused_start = check_vectors(s_timed.causes, Vectors);
      s_accessed = failing(s_accessed, refused_start);
    end else if (writes && select_control) begin
      if (control[1]) s_accessed = stopped(s_accessed, AfterReset);
      else if (!control[0] && s_timed.run_bit) s_accessed = stopped(s_accessed, AfterIdle);
    end
    if (writes && select_int_data) begin
      s_accessed.causes.enable = cause[31];
      s_accessed.causes.number = cause[7:0];
    end
    if (writes && select_int_error) begin
      s_accessed.causes.error_enable = error_cause[31];
      s_accessed.causes.error_number = error_cause[7:0];
    end
    if (writes && (select_int_data || select_int_error)) begin
      refused_start = check_vectors(s_accessed.causes, Vectors);
      s_accessed = failing(s_accessed, refused_start);
    end
    if (writes && select_sw_count[0]) s_accessed.staged_sw_count = stage(s_timed.staged_sw_count, bus_i.wdata, bits);
    if (writes && select_sw_count[1]) begin
      s_accessed.staged_sw_count = '0;
      if (s_timed.state == StateRunning && !run_q.pages) begin
        if (sw_count < s_timed.sw_count || sw_count > s_timed.delivered.count || sw_count[4:0] != '0) begin
          s_accessed = failing(s_accessed, failed(FailBadDoorbell, sw_count));
        end else begin
          s_accessed.sw_count = sw_count;
        end
      end
    end
    if (writes && select_free_tail[0]) s_accessed.staged_free_tail = stage(s_timed.staged_free_tail, bus_i.wdata, bits);
    if (writes && select_free_tail[1]) s_accessed.staged_free_tail = '0;
    if (rings_list_o && !list_legal_i) s_accessed = failing(s_accessed, failed(FailBadDoorbell, free_tail_o));
    if (writes && select_comp_head[0]) s_accessed.staged_comp_head = stage(s_timed.staged_comp_head, bus_i.wdata, bits);
    if (writes && select_comp_head[1]) s_accessed.staged_comp_head = '0;
    if (rings_entries_o && !entries_legal_i) s_accessed = failing(s_accessed, failed(FailBadDoorbell, comp_head_o));
    if (writes && select_arm[0]) s_accessed.staged_arm = stage(s_timed.staged_arm, bus_i.wdata, bits);
    if (writes && select_arm[1]) begin
      s_accessed.staged_arm = '0;
      s_accessed.causes.arm = arm;
      s_accessed.progress = progress_armed(s_accessed.progress);
      s_accessed.fired[0].valid = 1'b0;
    end
    for (int unsigned i = 0; i < 2; i++) if (acknowledge_i[i]) s_accessed.fired[i].valid = 1'b0;
    if (card_reset_i) begin
      s_accessed = stopped(s_accessed, AfterReset);
      s_accessed.runs = '0;
    end
    // Live settings: the register block has them.
    s_accessed.causes.frames = '0;
    s_accessed.causes.cycles = '0;
  end
  assign fired_accessed_o = s_accessed.fired;
  assign failed_accessed_o = s_accessed.error.code != FailNone;

  // --- what is received ----------------------------------------------------------------------------------------------------

  assign s_received = failing(s_accessed, mine(completion_failure_i));
  assign closes_o = s_received.closes;
  assign abandons_o = s_received.abandons;

  assign empties_o = reset_i || resets;

  always_ff @(posedge clk_i) begin
    if (reset_i) s_q <= '0;
    else if (resets) s_q <= power_on(s_accessed.runs);
    else s_q <= s_received;
    s_q.closes <= 1'b0;
    s_q.abandons <= 1'b0;

    if (empties_o) run_q <= '0;
    else if (starts_o) run_q <= taking_o;

    if (empties_o) table_q <= '0;
    else if (writes && select_table) table_q[bus_i.offset[5:2]] <= (table_q[bus_i.offset[5:2]] & ~bits) | (bus_i.wdata & bits);
  end

  // --- the registers -------------------------------------------------------------------------------------------------------

  silico_c2h_registers u_registers (
    .clk_i,
    .reset_i(empties_o),
    .bus_i,
    .rdata_o,
    .hole_o,
    .set_o(set),
    .frames_o(live_frames),
    .cycles_o(live_cycles),
    .table_i(table_q),
    .control_o(select_control),
    .int_data_o(select_int_data),
    .int_error_o(select_int_error),
    .sw_count_o(select_sw_count),
    .arm_o(select_arm),
    .free_tail_o(select_free_tail),
    .comp_head_o(select_comp_head),
    .table_o(select_table),
    .run_bit_i(s_timed.run_bit),
    .state_i(s_timed.state),
    .busy_i(s_timed.busy),
    .armed_i(s_timed.progress.armed),
    .delivered_i(s_timed.delivered),
    .sw_count_i(s_timed.sw_count),
    .error_i(s_timed.error),
    .causes_i(s_timed.causes),
    .dropped_i(dropped_i),
    .runs_i(s_timed.runs),
    .discarded_i(s_timed.discarded),
    .made_i(made_i),
    .chunks_i(chunks_i),
    .free_tail_i(pages_tail_i),
    .comp_head_i(pages_head_i),
    .free_head_i(pages_fetched_i),
    .comp_tail_i(entries_left_i),
    .perf_i(perf_i)
  );

endmodule
