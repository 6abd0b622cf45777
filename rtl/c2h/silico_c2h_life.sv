// The run of a card-to-host channel: what is its own in it, its registers, and what becomes of them in a clock. What any channel goes through is
// `silico_channel_life`; what is sent, and where the bytes lie, is for others.
//
// A clock has stages, in this order, and each sees what those before it did: a grant of the transmitter (decided on the state at the start of the clock); a
// beat of the source; what has left the card; the end of the clock, where write-backs and interrupts become due and a stop moves on; a read that ran out of
// time; a register access; what is received; a reset.

module silico_c2h_life
  import silico_read_pkg::*;
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
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
  output life_t                life_o,
  output account_t             account_o,
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
  output vector_t [1:0]        signals_o,
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

  life_t life, life_shown;
  logic fails, runs, fails_late, breaks, runs_on;
  account_t s_q, s_granted, s_left, s_failed, s_settled, s_timed, s_accessed, s_received;
  settings_t set, run_q;
  logic [15:0][31:0] table_q;

  assign life_o = life;
  assign account_o = s_q;
  assign run_o = run_q;

  // --- a grant -------------------------------------------------------------------------------------------------------------

  always_comb begin
    s_granted = s_q;
    if (left_i || fetch_left_i) s_granted.flight = FlightNone;
    if (grants_block_i) s_granted.flight = FlightWriteBack;
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

  logic data_left, block_left, entry_left;
  delivered_t delivered;

  assign data_left_o = data_left;
  assign entry_left_o = entry_left;
  assign data_left = left_i && (s_q.flight inside {FlightData, FlightPage});
  assign block_left = left_i && s_q.flight == FlightWriteBack;
  assign entry_left = left_i && s_q.flight == FlightEntry && !giving_up(life.state, life.after);

  always_comb begin
    delivered = life.delivered;
    if (entry_left) begin
      delivered.count = life.delivered.count + s_q.flight_count;
      delivered.frames = life.delivered.frames + 64'(s_q.flight_frames);
    end
    if (data_left && s_q.flight == FlightData && s_q.flight_ends && !giving_up(life.state, life.after)) begin
      delivered.count = s_q.flight_count;
      delivered.frames = life.delivered.frames + 64'd1;
    end
  end

  // BUSY has a hysteresis. It goes by what was written, then by what has left.
  function automatic logic busy_at(logic old, logic [20:0] fill, settings_t run);
    if (32'(fill) >= run.busy_assert) return 1'b1;
    return old && 32'(fill) > run.busy_release;
  endfunction

  always_comb begin
    s_left = s_granted;
    if (take_i) s_left.busy = busy_at(s_left.busy, fill_written_i, run_q);
    if (data_left && life.state == StateRunning) s_left.busy = busy_at(s_left.busy, fill_freed_i, run_q);
  end

  // --- failures ------------------------------------------------------------------------------------------------------------

  failure_t failure;
  logic abandons_failed;

  assign judges_o = run_q.pages && life.state == StateRunning && !refuse_i && !too_long_i;
  assign flushes_o = run_q.pages && runs;

  always_comb begin
    failure = bad_page_i;
    if (too_long_i) failure = failed(FailBadFrameLimit, 64'(run_q.max_frame));
    if (refuse_i) failure = failed(FailBusMasterOff, '0);
  end

  // A stop that the host wants announces what is whole. After an error nothing is announced any more: its reason may be what the host gave.
  assign abandons_failed = fails || (refuse_i && life.state != StateRunning);
  assign s_failed = abandons_failed ? abandoned(s_left) : s_left;

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic idle, settles, waits, entry_goes, abandons_settled;
  pace_t pace;
  logic [31:0] live_frames, live_cycles;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_frames, bytes: run_q.wb_bytes, cycles: run_q.wb_time};
  assign settles_o = settles;
  assign idle = s_granted.flight == FlightNone;
  // Entries end a run; what cannot go, since no entry is free or no memory may be written, is given up.
  assign waits = page_ready_i && !abandons_failed;
  assign entry_goes = settles && waits && bus_master_i && entry_room_i;
  assign abandons_settled = settles && waits && !entry_goes;

  always_comb begin
    s_settled = s_failed;
    if (settles) s_settled.discarded = s_failed.discarded + 32'(flushed_i) + 32'(cut_frame_i);
    if (abandons_settled) s_settled = abandoned(s_settled);
  end

  // --- a read that ran out of time -----------------------------------------------------------------------------------------

  function automatic failure_t mine(read_failure_t told);
    return told.valid && told.reader.fetch && told.reader.channel == index_i[3:0] ? told.failure : '0;
  endfunction

  always_comb begin
    s_timed = fails_late ? abandoned(s_settled) : s_settled;
    s_timed.busy = s_settled.busy && life_shown.state == StateRunning;
  end
  assign running_o = life_shown.state == StateRunning;
  assign failed_o = life_shown.error.code != FailNone;

  // --- registers -----------------------------------------------------------------------------------------------------------

  logic writes, rings;
  logic [31:0] bits;
  failure_t refused_doorbell;
  logic [63:0] sw_count;
  strobes_t strobes;
  logic select_table;
  logic [1:0] select_sw_count, select_free_tail, select_comp_head;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign taking_o = resolved(set, FifoBytes);
  assign sw_count = joined(s_timed.staged_sw_count, s_timed.sw_count, bus_i.wdata, bits);
  assign free_tail_o = joined(s_timed.staged_free_tail, pages_tail_i, bus_i.wdata, bits);
  assign comp_head_o = joined(s_timed.staged_comp_head, pages_head_i, bus_i.wdata, bits);
  assign rings = writes && life_shown.state == StateRunning;
  assign rings_list_o = rings && run_q.pages && select_free_tail[1];
  assign rings_entries_o = rings && run_q.pages && select_comp_head[1];

  always_comb begin
    s_accessed = s_timed;
    refused_doorbell = '0;
    if (starts_o) begin
      s_accessed.sw_count = '0;
      s_accessed.discarded = '0;
      s_accessed.held = '0;
    end
    if (writes && select_sw_count[0]) s_accessed.staged_sw_count = stage(s_timed.staged_sw_count, bus_i.wdata, bits);
    if (writes && select_sw_count[1]) s_accessed.staged_sw_count = '0;
    if (rings && !run_q.pages && select_sw_count[1]) begin
      if (sw_count < s_timed.sw_count || sw_count > life_shown.delivered.count || sw_count[4:0] != '0) begin
        refused_doorbell = failed(FailBadDoorbell, sw_count);
      end else begin
        s_accessed.sw_count = sw_count;
      end
    end
    if (writes && select_free_tail[0]) s_accessed.staged_free_tail = stage(s_timed.staged_free_tail, bus_i.wdata, bits);
    if (writes && select_free_tail[1]) s_accessed.staged_free_tail = '0;
    if (rings_list_o && !list_legal_i) refused_doorbell = failed(FailBadDoorbell, free_tail_o);
    if (writes && select_comp_head[0]) s_accessed.staged_comp_head = stage(s_timed.staged_comp_head, bus_i.wdata, bits);
    if (writes && select_comp_head[1]) s_accessed.staged_comp_head = '0;
    if (rings_entries_o && !entries_legal_i) refused_doorbell = failed(FailBadDoorbell, comp_head_o);
  end

  // --- what is received, and a reset ---------------------------------------------------------------------------------------

  assign abandons_o = abandons_failed || abandons_settled || fails_late || breaks;

  always_comb begin
    s_received = breaks ? abandoned(s_accessed) : s_accessed;
    s_received.busy = s_accessed.busy && runs_on;
  end

  always_ff @(posedge clk_i) begin
    s_q <= empties_o ? '0 : s_received;

    if (empties_o) table_q <= '0;
    else if (writes && select_table) table_q[bus_i.offset[5:2]] <= (table_q[bus_i.offset[5:2]] & ~bits) | (bus_i.wdata & bits);
  end

  // --- units ---------------------------------------------------------------------------------------------------------------

  silico_channel_life #(.settings_t(settings_t), .Vectors(Vectors)) u_life (
    .clk_i,
    .reset_i,
    .bus_master_i,
    .now_i,
    .life_o(life),
    .run_o(run_q),
    .message_sent_i,
    .message_number_i,
    .grants_block_i,
    .delivered_i(delivered),
    .block_left_i(block_left),
    .refuse_i,
    .failure_i(failure),
    .fails_o(fails),
    .runs_o(runs),
    .pace_i(pace),
    .block_fits_i(run_q.wb_addr[5:0] == '0),
    .idle_i(idle),
    .settles_o(settles),
    .waits_i(entry_goes || reads_i != '0),
    .frames_i(live_frames),
    .cycles_i(live_cycles),
    .signals_o,
    .fired_o,
    .late_failure_i(mine(timeout_failure_i)),
    .fails_late_o(fails_late),
    .shown_o(life_shown),
    .bus_i,
    .strobes_i(strobes),
    .set_i(taking_o),
    .start_failure_i(check(taking_o, FifoBytes, Elinks)),
    .doorbell_failure_i(refused_doorbell),
    .acknowledge_i,
    .card_reset_i,
    .starts_o,
    .sound_o(),
    .closes_o,
    .fired_accessed_o,
    .failed_accessed_o,
    .received_failure_i(mine(completion_failure_i)),
    .breaks_o(breaks),
    .runs_on_o(runs_on),
    .reset_done_o,
    .empties_o
  );

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
    .strobes_o(strobes),
    .sw_count_o(select_sw_count),
    .free_tail_o(select_free_tail),
    .comp_head_o(select_comp_head),
    .table_o(select_table),
    .life_i(life_shown),
    .busy_i(s_timed.busy),
    .sw_count_i(s_timed.sw_count),
    .dropped_i(dropped_i),
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
