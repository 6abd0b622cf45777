// A card-to-host channel: source, ingest, FIFO, packetizer, ring in host memory, or pages of it, and the progress that tells the host.
//
// A channel knows nothing of other channels, of the link or of registers' places in the card. A clock has stages, in this order, and each sees what
// those before it did: a grant of the transmitter (decided on the state at the start of the clock); a beat of its source; what has left the card;
// the end of the clock, where write-backs and interrupts become due and a stop moves on; a read that ran out of time; a register access; what is
// received; a reset.

module silico_c2h
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_read_pkg::*;
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_c2h_pkg::*;
  import silico_c2h_settings_pkg::*;
  import silico_c2h_state_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned FifoBytes = 16384,
  parameter int unsigned FifoFrames = 64,
  parameter int unsigned Elinks = 64,
  parameter int unsigned Vectors = 16
) (
  input  logic                 clk_i,
  // The channel's number; constant.
  input  logic [7:0]           index_i,
  // Power-on.
  input  logic                 rst_ni,
  // A reset of the function: as after power-on, save the front-end stream's position.
  input  logic                 reset_i,
  // A reset of the card by its registers: as a channel reset, and runs are counted anew.
  input  logic                 card_reset_i,

  input  logic                 enabled_i,
  input  cfg_decoded_t         decoded_i,
  input  limit_t               limit_i,
  input  consumed_t            consumed_i,
  input  logic [63:0]          now_i,

  // The front-end stream.
  input  logic                 front_valid_i,
  input  logic                 front_last_i,
  input  logic                 front_error_i,
  input  logic [15:0]          front_source_i,
  input  logic [6:0]           front_bytes_i,
  input  logic [DataWidth-1:0] front_data_i,
  output logic                 front_ready_o,
  output logic                 front_busy_o,

  // An H2C channel that feeds it instead, from the next frame on.
  input  logic                 loop_valid_i,
  input  logic                 loop_last_i,
  input  logic                 loop_error_i,
  input  logic [15:0]          loop_source_i,
  input  logic [6:0]           loop_bytes_i,
  input  logic [DataWidth-1:0] loop_data_i,
  output logic                 loop_ready_o,
  input  logic                 attach_i,
  output logic                 attached_o,
  input  logic                 detach_i,
  // Takes beats for a run, after the end of the clock.
  output logic                 running_o,

  // Towards the transmitter.
  output write_t               write_o,
  input  logic                 grant_i,
  input  logic                 refuse_i,
  input  logic                 left_i,
  output logic [DataWidth-1:0] data_o,
  input  logic                 pass_i,
  input  logic [2:0]           pass_cells_i,
  // A TLP of the channel is going out, or was granted in this clock; a beat of it passes.
  input  logic                 sending_i,
  input  logic                 beat_i,

  // Reads of page descriptors: the next one, what becomes of it, how many are outstanding. Beats come with the bytes received.
  output read_t                fetch_o,
  input  logic                 fetch_grant_i,
  input  logic                 fetch_refuse_i,
  input  logic                 fetch_left_i,
  input  logic [8:0]           reads_i,
  input  read_beat_t           read_beat_i,
  input  logic [DataWidth-1:0] read_data_i,
  input  read_arrival_t        read_arrival_i,
  input  read_failure_t        timeout_failure_i,
  input  read_failure_t        completion_failure_i,

  // Registers.
  input  bus_t                 bus_i,
  output logic [31:0]          rdata_o,
  output logic                 hole_o,
  input  logic                 perf_latch_i,
  input  logic                 perf_clear_i,

  // Causes: signalled in this clock; signalled and neither sent nor acknowledged, after the end of the clock and after the access.
  output vector_t              data_signal_o,
  output vector_t              error_signal_o,
  input  logic                 message_sent_i,
  input  logic [7:0]           message_number_i,
  input  logic [1:0]           acknowledge_i,
  output vector_t [1:0]        fired_o,
  output vector_t [1:0]        fired_accessed_o,
  // The channel stopped by an error and has not been started or reset since: before and after the access.
  output logic                 failed_o,
  output logic                 failed_accessed_o,
  // A reset ends with this clock.
  output logic                 reset_done_o
);
  // One class for all channels.
  /* verilator no_inline_module */

  // --- state -------------------------------------------------------------------------------------------------------------

  channel_t s_q, s_granted, s_taken, s_left, s_refused, s_judged, s_settled, s_ended, s_timed, s_accessed, s_received;
  settings_t set, run_q, taking;
  logic looped_q;
  logic [15:0][31:0] table_q;
  logic [7:0][63:0] perf;

  // --- what it wants to send -----------------------------------------------------------------------------------------------

  frame_t      head;
  logic        head_valid, frame_room, head_written;
  logic [20:0] room, available, fill_written, fill_freed;
  next_e       next, ring_next, page_next;
  chunk_t      chunk, ring_chunk, page_chunk;
  logic [63:0] offset, sequence_number, ring_sequence, page_sequence, chunk_count, dropped;
  logic        overwrites, ring_overwrites, page_overwrites;
  logic        wants_entry, wants_block, wants_chunk, grants_entry, grants_block, grants_chunk;
  logic        page_ready, entry_room, entry_phase;
  logic [63:0] entry_address, entry_number;
  used_t       entry;
  logic [255:0] frame_header;
  logic [10:0] chunk_bytes;

  // Outside a run there is nothing to send but a stop's last entries and block. Of a run that is being stopped, entries go as the last block does:
  // whatever the global enable says.
  always_comb begin
    next = run_q.pages ? page_next : ring_next;
    if (s_q.state != StateRunning) next = NextOff;
  end
  assign chunk = run_q.pages ? page_chunk : ring_chunk;
  assign overwrites = run_q.pages ? page_overwrites : ring_overwrites;
  assign sequence_number = run_q.pages ? page_sequence : ring_sequence;
  assign wants_entry = page_ready && entry_room && (enabled_i || s_q.state != StateRunning);
  assign wants_block = !wants_entry && s_q.progress.due;
  assign wants_chunk = !wants_entry && !wants_block && next == NextChunk && enabled_i;
  assign chunk_bytes = chunk.payload + (chunk.header ? 11'd32 : 11'd0);
  assign grants_entry = grant_i && wants_entry;
  assign grants_block = grant_i && wants_block;
  assign grants_chunk = grant_i && !wants_entry && !wants_block;

  // Magic, channel, flags, length; sequence; stamp; source, CRC.
  assign frame_header = {head.crc, 16'h0, head.source, head.stamp, sequence_number, head.length, 5'h0, head.flags, index_i, 16'h51c0};

  always_comb begin
    write_o = '0;
    write_o.valid = wants_entry || wants_block || wants_chunk;
    if (wants_entry) begin
      // Never relaxed, so all that it announces is in memory before it.
      write_o.bytes = 11'd32;
      write_o.address = entry_address;
      write_o.prefix_bytes = 7'd32;
      write_o.prefix[255:0] = {entry_phase, 28'h0, entry.flags, entry.frames, now_i, entry_number, entry.used, entry.cookie};
    end else if (wants_block) begin
      write_o.bytes = 11'd64;
      write_o.address = run_q.wb_addr;
      write_o.prefix_bytes = 7'd64;
      write_o.prefix = write_back(s_q.progress.sequence_number + 64'd1, s_q.delivered.count, s_q.delivered.frames, dropped, now_i, s_q.error.address,
                                  !is_stopping(s_q) ? s_q.state : s_q.after == AfterError ? StateError : StateIdle, s_q.error.code, index_i, s_q.runs);
    end else begin
      write_o.bytes = chunk_bytes;
      write_o.address = run_q.pages ? chunk.at : run_q.ring_base + offset;
      write_o.attr.relaxed = run_q.relaxed && !overwrites;
      write_o.attr.no_snoop = run_q.no_snoop;
      write_o.prefix_bytes = chunk.header ? 7'd32 : 7'd0;
      write_o.prefix[255:0] = frame_header;
    end
  end

  // --- a grant -------------------------------------------------------------------------------------------------------------

  always_comb begin
    s_granted = s_q;
    if (left_i || fetch_left_i) s_granted.flight = FlightNone;
    if (message_sent_i) begin
      for (int unsigned i = 0; i < 2; i++) if (s_q.fired[i].number == message_number_i) s_granted.fired[i].valid = 1'b0;
    end
    if (grants_block) begin
      if (is_stopping(s_q)) s_granted.block_sent = 1'b1;
      s_granted.progress = progress_granted(s_q.progress, s_q.delivered);
      s_granted.flight = FlightWriteBack;
    end
    if (grants_entry) begin
      s_granted.flight = FlightEntry;
      s_granted.flight_count = 64'(entry.used);
      s_granted.flight_frames = entry.frames;
      s_granted.held = s_q.held - entry.frames;
    end
    if (grants_chunk) begin
      s_granted.flight = run_q.pages ? FlightPage : FlightData;
      s_granted.flight_payload = chunk.payload;
      s_granted.flight_ends = chunk.ends;
      s_granted.flight_count = chunk_count;
      if (run_q.pages && chunk.ends) s_granted.held = s_q.held + 32'd1;
    end
    if (fetch_grant_i) s_granted.flight = FlightFetch;
  end

  // --- a beat of its source ------------------------------------------------------------------------------------------------

  // After the end of the clock: tied to an H2C channel, or untied.
  logic looped;
  assign looped = attach_i ? attached_o : looped_q && !detach_i;

  logic running, external, fed_by_loop, takes, offered, take;
  logic offer_last, offer_error;
  logic [15:0] offer_source;
  logic [6:0] offer_bytes;
  logic [DataWidth-1:0] offer_data;
  logic [63:0] dropped_taken, made_taken, chunks_taken;
  logic fifo_write, fifo_end, fifo_abandon, give_up;
  logic [6:0] fifo_write_bytes;
  logic [DataWidth-1:0] fifo_write_data;
  frame_t fifo_end_frame;
  logic [31:0] fifo_abandon_bytes;

  assign running = s_q.state == StateRunning && enabled_i;
  assign external = !run_q.generator && !looped_q;
  assign fed_by_loop = looped_q && !run_q.generator;
  assign front_ready_o = running && external && takes;
  assign loop_ready_o = running && fed_by_loop && takes;
  assign front_busy_o = s_q.busy;

  assign take = running && offered && takes;
  assign give_up = fifo_abandon && !head_written;

  always_comb begin
    s_taken = s_granted;
    if (take) begin
      if (32'(fill_written) >= run_q.busy_assert) s_taken.busy = 1'b1;
      else if (32'(fill_written) <= run_q.busy_release) s_taken.busy = 1'b0;
    end
  end

  // --- what has left -------------------------------------------------------------------------------------------------------

  logic data_left, block_left, entry_left;
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
        if (32'(fill_freed) >= run_q.busy_assert) s_left.busy = 1'b1;
        else if (32'(fill_freed) <= run_q.busy_release) s_left.busy = 1'b0;
      end
    end
  end

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic settles, cut_frame, error_fires, data_fires, writes_last, resets, too_long, judges, waits, reads_left, entry_goes;
  logic page_ready_flushed, entry_room_granted;
  logic [10:0] flushed;
  progress_update_t updated;
  pace_t pace;
  causes_t causes;
  logic [31:0] live_frames, live_cycles;
  failure_t bad_page;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_frames, bytes: run_q.wb_bytes, cycles: run_q.wb_time};

  always_comb begin
    s_refused = s_left;
    if (refuse_i || fetch_refuse_i) begin
      s_refused.progress.due = 1'b0;
      if (s_left.state != StateRunning) s_refused = abandoned(s_refused);
      s_refused = failing(s_refused, failed(FailBusMasterOff, '0));
    end
    if (too_long) s_refused = failing(s_refused, failed(FailBadFrameLimit, 64'(run_q.max_frame)));
  end
  assign judges = run_q.pages && s_refused.state == StateRunning;
  assign s_judged = failing(s_refused, bad_page);

  // A stop moves on once nothing is under way.
  assign settles = is_stopping(s_judged) && s_judged.flight == FlightNone;
  // Entries end a run; what cannot go, since no entry is free or no memory may be written, is given up.
  assign waits = page_ready_flushed && !s_judged.abandons;
  assign reads_left = reads_i != '0;
  assign writes_last = run_q.write_back && run_q.wb_addr[5:0] == '0 && !s_judged.block_sent;

  always_comb begin
    s_settled = s_judged;
    error_fires = 1'b0;
    resets = 1'b0;
    entry_goes = 1'b0;
    if (settles) begin
      s_settled.discarded = s_judged.discarded + 32'(flushed) + 32'(cut_frame);
      entry_goes = waits && decoded_i.bus_master && entry_room_granted;
      if (waits && !entry_goes) s_settled = abandoned(s_settled);
      if (entry_goes || reads_left) begin
        // Not yet.
      end else if (writes_last && decoded_i.bus_master) begin
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

  logic starts, writes;
  logic [31:0] bits, control, cause;
  failure_t refused_start;
  logic [63:0] sw_count, arm, free_tail, comp_head;
  logic [63:0] pages_tail, pages_fetched, pages_head, entries_left;
  logic rings, rings_list, rings_entries, list_legal, entries_legal;
  logic select_control, select_int_data, select_int_error, select_table;
  logic [1:0] select_sw_count, select_arm, select_free_tail, select_comp_head;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign control = ({31'h0, s_timed.run_bit} & ~bits) | (bus_i.wdata & bits);
  assign starts = writes && select_control && !control[1] && control[0] && !s_timed.run_bit && (s_timed.state inside {StateIdle, StateError});
  assign taking = resolved(set, FifoBytes);
  assign sw_count = joined(s_timed.staged_sw_count, s_timed.sw_count, bus_i.wdata, bits);
  assign free_tail = joined(s_timed.staged_free_tail, pages_tail, bus_i.wdata, bits);
  assign comp_head = joined(s_timed.staged_comp_head, pages_head, bus_i.wdata, bits);
  assign rings = writes && s_timed.state == StateRunning && run_q.pages;
  assign rings_list = rings && select_free_tail[1];
  assign rings_entries = rings && select_comp_head[1];
  assign arm = joined(s_timed.staged_arm, s_timed.causes.arm, bus_i.wdata, bits);
  assign cause = ({s_timed.causes.enable, 23'h0, s_timed.causes.number} & ~bits) | (bus_i.wdata & bits);

  logic [31:0] error_cause;
  assign error_cause = ({s_timed.causes.error_enable, 23'h0, s_timed.causes.error_number} & ~bits) | (bus_i.wdata & bits);

  always_comb begin
    s_accessed = s_timed;
    refused_start = check(taking, FifoBytes, Elinks);
    if (starts) begin
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
    if (rings_list && !list_legal) s_accessed = failing(s_accessed, failed(FailBadDoorbell, free_tail));
    if (writes && select_comp_head[0]) s_accessed.staged_comp_head = stage(s_timed.staged_comp_head, bus_i.wdata, bits);
    if (writes && select_comp_head[1]) s_accessed.staged_comp_head = '0;
    if (rings_entries && !entries_legal) s_accessed = failing(s_accessed, failed(FailBadDoorbell, comp_head));
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

  read_beat_t page_beat;
  read_arrival_t page_arrival;

  assign s_received = failing(s_accessed, mine(completion_failure_i));
  always_comb begin
    page_beat = read_beat_i;
    page_beat.valid = read_beat_i.valid && read_beat_i.owner.reader.fetch && read_beat_i.owner.reader.channel == index_i[3:0];
    page_arrival = read_arrival_i;
    page_arrival.valid = read_arrival_i.valid && read_arrival_i.owner.reader.fetch && read_arrival_i.owner.reader.channel == index_i[3:0];
  end

  logic function_reset, empties;
  assign function_reset = reset_i || !rst_ni;
  assign empties = function_reset || resets;

  always_ff @(posedge clk_i) begin
    if (function_reset) s_q <= '0;
    else if (resets) s_q <= power_on(s_accessed.runs);
    else s_q <= s_received;
    s_q.closes <= 1'b0;
    s_q.abandons <= 1'b0;

    if (empties) run_q <= '0;
    else if (starts) run_q <= taking;

    if (empties) table_q <= '0;
    else if (writes && select_table) table_q[bus_i.offset[5:2]] <= (table_q[bus_i.offset[5:2]] & ~bits) | (bus_i.wdata & bits);

    looped_q <= looped && !function_reset;
  end

  // --- units ---------------------------------------------------------------------------------------------------------------

  silico_c2h_fifo #(.DataWidth(DataWidth), .Bytes(FifoBytes), .Frames(FifoFrames)) u_fifo (
    .clk_i,
    .reset_i(empties),
    .room_o(room),
    .available_o(available),
    .frame_room_o(frame_room),
    .head_valid_o(head_valid),
    .head_o(head),
    .fill_written_o(fill_written),
    .fill_freed_o(fill_freed),
    .grant_i(grants_chunk),
    .grant_bytes_i(chunk.payload),
    .grant_frame_i(chunk.ends),
    .write_i(fifo_write),
    .write_bytes_i(fifo_write_bytes),
    .write_data_i(fifo_write_data),
    .end_i(fifo_end),
    .end_frame_i(fifo_end_frame),
    .abandon_i(fifo_abandon),
    .abandon_bytes_i(fifo_abandon_bytes),
    .head_written_o(head_written),
    .free_i(data_left),
    .free_bytes_i(s_q.flight_payload),
    .free_frame_i(s_q.flight_ends),
    .flush_i(settles),
    .flushed_o(flushed),
    .data_o,
    .pass_i,
    .pass_cells_i
  );

  silico_c2h_ingest #(.DataWidth(DataWidth)) u_ingest (
    .clk_i,
    .reset_i(empties),
    .reset_stream_i(!rst_ni),
    .drops_i(run_q.drop),
    .max_frame_i(frame_limit(run_q)),
    .now_i,
    .room_i(room),
    .frame_room_i(frame_room),
    .ready_o(takes),
    .take_i(take),
    .last_i(offer_last),
    .error_i(offer_error),
    .source_i(offer_source),
    .bytes_i(offer_bytes),
    .data_i(offer_data),
    .write_o(fifo_write),
    .write_bytes_o(fifo_write_bytes),
    .write_data_o(fifo_write_data),
    .end_o(fifo_end),
    .end_frame_o(fifo_end_frame),
    .abandon_o(fifo_abandon),
    .abandon_bytes_o(fifo_abandon_bytes),
    .dropped_o(dropped),
    .dropped_taken_o(dropped_taken),
    .cut_i(settles || empties),
    // A reset of the function comes after a loop has ended.
    .external_i(settles ? external : !run_q.generator && !(looped_q && !detach_i)),
    .cut_frame_o(cut_frame),
    .restart_i(starts),
    .restart_external_i(!taking.generator && !looped),
    .resume_i(detach_i && s_timed.state == StateRunning && !run_q.generator),
    .at_boundary_o(attached_o)
  );

  silico_c2h_packetizer u_packetizer (
    .clk_i,
    .restart_i(starts || empties),
    .max_payload_i(decoded_i.max_payload),
    .ring_size_i(run_q.ring_size),
    .limit_i(s_q.sw_count + run_q.ring_size),
    .head_valid_i(head_valid),
    .head_i(head),
    .available_i(available),
    .next_o(ring_next),
    .chunk_o(ring_chunk),
    .offset_o(offset),
    .overwrites_o(ring_overwrites),
    .sequence_o(ring_sequence),
    .count_o(chunk_count),
    .grant_i(grants_chunk && !run_q.pages),
    .give_up_i(give_up)
  );

  silico_c2h_pages #(.DataWidth(DataWidth), .FifoBytes(FifoBytes)) u_pages (
    .clk_i,
    .index_i,
    .restart_i(starts || empties),
    .run_i(run_q),
    .now_i,
    .max_payload_i(decoded_i.max_payload),
    .max_read_i(decoded_i.max_read),
    .running_i(s_q.state == StateRunning),
    .enabled_i,
    .head_valid_i(head_valid),
    .head_i(head),
    .available_i(available),
    .fetch_o,
    .fetch_grant_i,
    .next_o(page_next),
    .chunk_o(page_chunk),
    .overwrites_o(page_overwrites),
    .sequence_o(page_sequence),
    .grant_i(grants_chunk && run_q.pages),
    .too_long_o(too_long),
    .ready_o(page_ready),
    .room_o(entry_room),
    .entry_o(entry),
    .entry_address_o(entry_address),
    .entry_number_o(entry_number),
    .entry_phase_o(entry_phase),
    .announce_i(grants_entry),
    .give_up_i(give_up),
    .entry_left_i(entry_left),
    .judge_i(judges),
    .bad_o(bad_page),
    .flush_i(run_q.pages && s_judged.state == StateRunning),
    .ready_flushed_o(page_ready_flushed),
    .room_granted_o(entry_room_granted),
    .ring_list_i(rings_list),
    .free_tail_i(free_tail),
    .list_legal_o(list_legal),
    .ring_entries_i(rings_entries),
    .comp_head_i(comp_head),
    .entries_legal_o(entries_legal),
    .beat_i(page_beat),
    .data_i(read_data_i),
    .arrival_i(page_arrival),
    .close_i(s_received.closes),
    .abandon_i(s_received.abandons),
    .tail_o(pages_tail),
    .fetched_o(pages_fetched),
    .head_o(pages_head),
    .left_o(entries_left)
  );

  silico_c2h_source #(.DataWidth(DataWidth), .Elinks(Elinks)) u_source (
    .clk_i,
    .index_i,
    .run_i(run_q),
    .start_i(starts || empties),
    .start_run_i(taking),
    .now_i,
    .running_i(running),
    .looped_i(looped_q),
    .front_valid_i,
    .front_last_i,
    .front_error_i,
    .front_source_i,
    .front_bytes_i,
    .front_data_i,
    .loop_valid_i,
    .loop_last_i,
    .loop_error_i,
    .loop_source_i,
    .loop_bytes_i,
    .loop_data_i,
    .offered_o(offered),
    .last_o(offer_last),
    .error_o(offer_error),
    .source_o(offer_source),
    .bytes_o(offer_bytes),
    .data_o(offer_data),
    .take_i(take),
    .made_o(made_taken),
    .chunks_o(chunks_taken)
  );

  silico_c2h_perf u_perf (
    .clk_i,
    .reset_i(empties),
    .latch_i(perf_latch_i),
    .clear_i(perf_clear_i),
    .consumed_i,
    .limit_i,
    .running_i(running),
    .busy_i(s_q.busy),
    .wants_i(write_o.valid),
    .bytes_i(write_o.bytes),
    .next_i(next),
    .sending_i,
    .beat_i,
    .offered_i(offered),
    .takes_i(takes),
    .shown_o(perf)
  );

  silico_c2h_registers u_registers (
    .clk_i,
    .reset_i(empties),
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
    .dropped_i(dropped_taken),
    .runs_i(s_timed.runs),
    .discarded_i(s_timed.discarded),
    .made_i(made_taken),
    .chunks_i(chunks_taken),
    .free_tail_i(pages_tail),
    .comp_head_i(pages_head),
    .free_head_i(pages_fetched),
    .comp_tail_i(entries_left),
    .perf_i(perf)
  );

endmodule
