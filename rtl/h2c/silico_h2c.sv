// A host-to-card channel: descriptors, payload reads, reassembly, output; its life, and the progress that tells the host.
//
// A channel knows nothing of other channels, of tags, credits or the link. A clock has stages, in this order, and each sees what those before it did: a
// grant of the transmitter (decided on the state at the start of the clock); a beat of its output; what has left the card; a read that ran out of time;
// the end of the clock, where write-backs and interrupts become due and a stop moves on; loops; a register access; a reset; what is received.

module silico_h2c
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
  import silico_h2c_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned BufferBytes = 65536,
  parameter int unsigned Vectors = 16
) (
  input  logic                 clk_i,
  // The channel's number; constant.
  input  logic [7:0]           index_i,
  // Power-on.
  input  logic                 rst_ni,
  // The card is in reset, and has been before this clock.
  input  logic                 in_reset_i,
  // A reset of the function: as after power-on, save the end of a frame that the output is owed.
  input  logic                 reset_i,
  // A reset of the card by its registers: as a channel reset, and runs are counted anew.
  input  logic                 card_reset_i,

  input  logic                 enabled_i,
  input  cfg_decoded_t         decoded_i,
  input  logic [63:0]          now_i,

  // Its output: a beat, and to whom. `ready_i`: of the stream port, and of the C2H channels that it feeds.
  output logic                 out_valid_o,
  output receiver_t            out_receiver_o,
  output logic                 out_last_o,
  output logic                 out_error_o,
  output logic [6:0]           out_bytes_o,
  output logic [DataWidth-1:0] out_data_o,
  input  logic                 stream_ready_i,
  input  logic [NumC2h-1:0]    loop_ready_i,
  // The C2H channel that it feeds, or still has to feed; those that others do.
  input  logic                 receiver_stopped_i,
  output logic                 target_valid_o,
  output logic [3:0]           target_o,
  input  logic [15:0]          targets_i,

  // Towards the transmitter.
  output write_t               block_o,
  input  logic                 block_grant_i,
  input  logic                 block_refuse_i,
  input  logic                 block_left_i,
  output read_t                read_o,
  input  logic                 read_grant_i,
  input  logic                 read_refuse_i,
  input  logic                 read_left_i,
  input  lack_e                lack_i,

  // What comes of its reads. So many are outstanding.
  input  logic [8:0]           reads_i,
  input  read_failure_t        timeout_failure_i,
  input  read_beat_t           beat_i,
  input  logic [DataWidth-1:0] beat_data_i,
  input  read_arrival_t        arrival_i,
  input  read_failure_t        completion_failure_i,
  // A completion of its reads has come: so many beats.
  input  logic                 counts_i,
  input  logic [12:0]          count_bytes_i,

  // Registers.
  input  bus_t                 bus_i,
  output logic [31:0]          rdata_o,
  output logic                 hole_o,
  input  logic                 perf_latch_i,
  input  logic                 perf_clear_i,

  // Causes: signalled in this clock; signalled and neither sent nor acknowledged, after the end of the clock and after the access.
  output vector_t              space_signal_o,
  output vector_t              error_signal_o,
  input  logic                 message_sent_i,
  input  logic [7:0]           message_number_i,
  input  logic [1:0]           acknowledge_i,
  output vector_t [1:0]        fired_o,
  output vector_t [1:0]        fired_accessed_o,
  // The channel stopped by an error and has not been started or reset since: before and after the access.
  output logic                 failed_o,
  output logic                 failed_accessed_o
);
  // One class for all channels.
  /* verilator no_inline_module */

  localparam int unsigned BeatBytes = DataWidth / 8;
  localparam int unsigned Parts = 2 ** $clog2(BufferBytes / 128 + 256);

  // --- state -------------------------------------------------------------------------------------------------------------

  typedef struct packed {
    state_e      state;
    after_e      after;
    logic        block_sent;
    logic        run_bit;
    // The settings of the run, or of the one that is ending, were found good.
    logic        sound;
    logic [31:0] runs;
    // Descriptors given, and done.
    logic [63:0] tail;
    delivered_t  delivered;
    logic [63:0] frames;
    logic [63:0] bytes;
    logic [31:0] discarded;
    failure_t    error;
    progress_t   progress;
    causes_t     causes;
    vector_t [1:0] fired;
    // A TLP of this channel is on the transmitter.
    logic        flight;
    staged_t     staged_tail;
    staged_t     staged_arm;
  } channel_t;

  typedef struct packed {
    logic [63:0] rx_beats;
    logic [63:0] no_credit;
    logic [63:0] no_tag;
    logic [63:0] no_buffer;
    logic [63:0] no_data;
    logic [63:0] out_held;
  } perf_t;

  channel_t s_q, s_granted, s_moved, s_left, s_ended, s_accessed, s_received;
  settings_t set, run_q;
  perf_t perf_q, perf_passed, perf_received, latched_q;

  function automatic logic is_stopping(channel_t s);
    return s.state == StateStopping;
  endfunction

  // A reset is under way: nothing of the run counts any more.
  function automatic logic giving_up(channel_t s);
    return s.state == StateStopping && s.after == AfterReset;
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
    if (old.state == StateRunning) begin
      s.error = failure;
      s = stopped(s, AfterError);
    end
    return s;
  endfunction

  function automatic channel_t power_on(logic [31:0] runs);
    channel_t s = '0;
    s.runs = runs;
    return s;
  endfunction

  // Of this channel.
  function automatic logic is_mine(reader_t reader, logic [7:0] index);
    return !reader.fetch && 8'(reader.channel) == index;
  endfunction

  // --- what it reads: descriptors first, then their payload ----------------------------------------------------------------

  logic running, fetches, pieces, no_room, no_descriptor;
  logic fetch, can_judge, judge, bad, active_valid, pop;
  logic [63:0] fetch_address, bad_address, bad_cookie;
  logic [12:0] fetch_bytes, in_read, piece_bytes;
  logic [20:0] fetch_start, payload_start, room, available;
  logic [13:0] fetch_part, payload_part;
  reading_t reading;
  active_t active;
  logic [6:0] take;
  logic [DataWidth-1:0] payload;
  logic grants_fetch, grants_piece;

  assign running = s_q.state == StateRunning && enabled_i && !in_reset_i;
  assign in_read = (13'd1 << decoded_i.max_read) - (reading.address[12:0] & ((13'd1 << decoded_i.max_read) - 13'd1));
  assign piece_bytes = reading.left < 32'(in_read) ? reading.left[12:0] : in_read;
  assign fetches = running && fetch;
  assign no_room = running && !fetch && reading.left != '0 && 21'(piece_bytes) > room;
  assign pieces = running && !fetch && reading.left != '0 && !no_room;
  assign no_descriptor = running && !fetch && reading.left == '0 && s_q.tail == s_q.delivered.count;

  always_comb begin
    read_o = '0;
    read_o.valid = fetches || pieces;
    read_o.owner.reader = '{fetch: 1'b0, channel: index_i[3:0], descriptors: fetches};
    if (fetches) begin
      read_o.bytes = fetch_bytes;
      read_o.address = fetch_address;
      read_o.owner.start = fetch_start;
      read_o.owner.part = fetch_part;
    end else begin
      read_o.bytes = piece_bytes;
      read_o.address = reading.address;
      read_o.attr.relaxed = run_q.relaxed;
      read_o.attr.no_snoop = run_q.no_snoop;
      read_o.owner.start = payload_start;
      read_o.owner.part = payload_part;
      read_o.owner.cookie = reading.cookie;
    end
  end
  assign grants_fetch = read_grant_i && fetches;
  assign grants_piece = read_grant_i && !fetches;

  always_comb begin
    block_o = '0;
    block_o.valid = s_q.progress.due && !in_reset_i;
    block_o.bytes = 11'd64;
    block_o.address = run_q.wb_addr;
    block_o.prefix_bytes = 7'd64;
    block_o.prefix = write_back(s_q.progress.sequence_number + 64'd1, s_q.delivered.count, s_q.frames, '0, now_i, s_q.error.address,
                                !is_stopping(s_q) ? s_q.state : s_q.after == AfterError ? StateError : StateIdle, s_q.error.code, index_i, s_q.runs);
  end

  always_comb begin
    s_granted = s_q;
    if (read_left_i || block_left_i) s_granted.flight = 1'b0;
    if (message_sent_i) begin
      for (int unsigned i = 0; i < 2; i++) if (s_q.fired[i].number == message_number_i) s_granted.fired[i].valid = 1'b0;
    end
    if (read_grant_i) s_granted.flight = 1'b1;
    if (block_grant_i) begin
      if (is_stopping(s_q)) s_granted.block_sent = 1'b1;
      s_granted.progress = progress_granted(s_q.progress, s_q.delivered);
      s_granted.flight = 1'b1;
    end
  end

  // --- a beat of its output, and the next descriptor -----------------------------------------------------------------------

  logic out_ready, passed_frame, passed_urgent, done, done_urgent;
  logic [6:0] passed_bytes;
  logic [63:0] count_passed, count_done;

  always_comb begin
    out_ready = !out_receiver_o.valid || out_receiver_o.kind == OutputSink;
    if (out_receiver_o.valid && out_receiver_o.kind == OutputStream) out_ready = stream_ready_i;
    for (int unsigned i = 0; i < NumC2h; i++) begin
      if (out_receiver_o.valid && out_receiver_o.kind == OutputLoopback && out_receiver_o.channel == 4'(i)) out_ready = loop_ready_i[i];
    end
  end
  assign judge = running && can_judge;
  assign count_passed = s_granted.delivered.count + 64'(passed_frame);
  assign count_done = count_passed + 64'(done);

  always_comb begin
    s_moved = s_granted;
    s_moved.bytes = s_granted.bytes + 64'(passed_bytes);
    s_moved.frames = s_granted.frames + 64'(passed_frame);
    s_moved.delivered.count = count_done;
    s_moved.delivered.frames = count_done;
    if (passed_frame && passed_urgent) s_moved.delivered.urgent = count_passed;
    if (done && done_urgent) s_moved.delivered.urgent = count_done;
    if (judge && bad) s_moved = failing(s_moved, '{code: FailBadDescriptor, address: bad_address, cookie: bad_cookie});
  end

  // --- what has left, and what came too late -------------------------------------------------------------------------------

  channel_t s_refused, s_settled;

  always_comb begin
    s_left = s_moved;
    if (block_left_i) s_left.progress.published = s_moved.progress.written_frames;
    if (timeout_failure_i.valid && is_mine(timeout_failure_i.reader, index_i)) s_left = failing(s_left, timeout_failure_i.failure);
    s_refused = s_left;
    if (read_refuse_i || block_refuse_i) begin
      s_refused.progress.due = 1'b0;
      s_refused = failing(s_refused, failed(FailBusMasterOff, '0));
    end
  end

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic settles, writes_last, resets, error_fires, space_fires;
  progress_update_t updated;
  pace_t pace;
  causes_t causes;
  logic [31:0] live_frames, live_cycles;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_every, bytes: '0, cycles: run_q.wb_time};
  // A stop moves on once nothing is under way.
  assign settles = is_stopping(s_refused) && !s_refused.flight && reads_i == '0 && !in_reset_i;
  assign writes_last = run_q.write_back && run_q.wb_addr[5:0] == '0 && !s_refused.block_sent;

  always_comb begin
    s_settled = s_refused;
    error_fires = 1'b0;
    resets = 1'b0;
    if (settles) begin
      s_settled.discarded = 32'(s_refused.tail - s_refused.delivered.count);
      if (writes_last && decoded_i.bus_master) begin
        s_settled.progress.due = 1'b1;
      end else begin
        // The last block could not be written: that is no clean stop.
        if (writes_last && s_refused.after == AfterIdle) begin
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
  assign space_fires = updated.fires && !giving_up(s_settled) && !in_reset_i;
  assign space_signal_o = '{valid: space_fires && s_settled.causes.enable, number: s_settled.causes.number};
  assign error_signal_o = '{valid: error_fires && s_settled.causes.error_enable, number: s_settled.causes.error_number};

  always_comb begin
    s_ended = s_settled;
    if (!giving_up(s_settled)) begin
      s_ended.progress = updated.state;
      // Outside a run only a stop's last block goes out.
      if (s_settled.state != StateRunning) s_ended.progress.due = s_settled.progress.due;
    end
    if (space_signal_o.valid) s_ended.fired[0] = space_signal_o;
    if (error_signal_o.valid) s_ended.fired[1] = error_signal_o;
  end
  assign fired_o = s_ended.fired;
  assign failed_o = s_ended.error.code != FailNone;

  // --- loops ---------------------------------------------------------------------------------------------------------------

  receiver_t owed, run_target;
  logic active_run;
  assign active_run = s_ended.state inside {StateRunning, StateStopping} && s_ended.sound;
  assign run_target = owed.valid ? owed : receiver_of(run_q);
  assign target_valid_o = run_target.valid && run_target.kind == OutputLoopback && (owed.valid || active_run);
  assign target_o = run_target.channel;

  // --- registers -----------------------------------------------------------------------------------------------------------

  logic starts, writes;
  logic [31:0] bits, control, cause, error_cause;
  failure_t refused_start;
  logic [63:0] tail, arm;
  logic select_control, select_int_space, select_int_error;
  logic [1:0] select_tail, select_arm;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign control = ({31'h0, s_ended.run_bit} & ~bits) | (bus_i.wdata & bits);
  assign starts = writes && select_control && !control[1] && control[0] && !s_ended.run_bit && (s_ended.state inside {StateIdle, StateError});
  assign tail = joined(s_ended.staged_tail, s_ended.tail, bus_i.wdata, bits);
  assign arm = joined(s_ended.staged_arm, s_ended.causes.arm, bus_i.wdata, bits);
  assign cause = ({s_ended.causes.enable, 23'h0, s_ended.causes.number} & ~bits) | (bus_i.wdata & bits);
  assign error_cause = ({s_ended.causes.error_enable, 23'h0, s_ended.causes.error_number} & ~bits) | (bus_i.wdata & bits);

  always_comb begin
    s_accessed = s_ended;
    refused_start = check(set, NumC2h, targets_i);
    if (starts) begin
      s_accessed.run_bit = 1'b1;
      s_accessed.runs = s_ended.runs + 32'd1;
      s_accessed.tail = '0;
      s_accessed.delivered = '0;
      s_accessed.frames = '0;
      s_accessed.bytes = '0;
      s_accessed.discarded = '0;
      s_accessed.error = '0;
      s_accessed.fired = '0;
      s_accessed.progress = '0;
      s_accessed.causes.arm = '0;
      s_accessed.state = StateRunning;
      if (refused_start.code == FailNone) refused_start = check_vectors(s_ended.causes, Vectors);
      s_accessed.sound = refused_start.code == FailNone;
      if (refused_start.code != FailNone) s_accessed = failing(s_accessed, refused_start);
    end else if (writes && select_control) begin
      if (control[1]) s_accessed = stopped(s_accessed, AfterReset);
      else if (!control[0] && s_ended.run_bit) s_accessed = stopped(s_accessed, AfterIdle);
    end
    if (writes && select_int_space) begin
      s_accessed.causes.enable = cause[31];
      s_accessed.causes.number = cause[7:0];
    end
    if (writes && select_int_error) begin
      s_accessed.causes.error_enable = error_cause[31];
      s_accessed.causes.error_number = error_cause[7:0];
    end
    if (writes && (select_int_space || select_int_error)) begin
      refused_start = check_vectors(s_accessed.causes, Vectors);
      if (refused_start.code != FailNone) s_accessed = failing(s_accessed, refused_start);
    end
    if (writes && select_tail[0]) s_accessed.staged_tail = stage(s_ended.staged_tail, bus_i.wdata, bits);
    if (writes && select_tail[1]) begin
      s_accessed.staged_tail = '0;
      // A doorbell that goes back, or beyond what the ring holds, is refused.
      if (s_ended.state == StateRunning) begin
        if (tail < s_ended.tail || tail - s_ended.delivered.count > 64'(run_q.ring_entries)) begin
          s_accessed = failing(s_accessed, failed(FailBadDoorbell, tail));
        end else begin
          s_accessed.tail = tail;
        end
      end
    end
    if (writes && select_arm[0]) s_accessed.staged_arm = stage(s_ended.staged_arm, bus_i.wdata, bits);
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

  logic function_reset, empties;
  assign function_reset = reset_i || !rst_ni;
  assign empties = function_reset || resets;

  always_comb begin
    s_received = s_accessed;
    if (completion_failure_i.valid && is_mine(completion_failure_i.reader, index_i)) s_received = failing(s_received, completion_failure_i.failure);
  end

  always_ff @(posedge clk_i) begin
    if (function_reset) s_q <= '0;
    else if (resets) s_q <= power_on(s_accessed.runs);
    else s_q <= s_received;

    if (empties) run_q <= '0;
    else if (starts) run_q <= set;
  end

  // --- counters ------------------------------------------------------------------------------------------------------------

  logic [12:0] rx_beats;
  assign rx_beats = count_bytes_i == '0 ? 13'd1 : (count_bytes_i + 13'(BeatBytes - 1)) / 13'(BeatBytes);

  always_comb begin
    perf_passed = perf_q;
    if (!read_grant_i) begin
      if (no_room) perf_passed.no_buffer = perf_q.no_buffer + 64'd1;
      if (no_descriptor) perf_passed.no_data = perf_q.no_data + 64'd1;
      if (read_o.valid && lack_i == LackCredit) perf_passed.no_credit = perf_q.no_credit + 64'd1;
      if (read_o.valid && lack_i == LackTag) perf_passed.no_tag = perf_q.no_tag + 64'd1;
    end
    if (out_valid_o && !out_ready) perf_passed.out_held = perf_q.out_held + 64'd1;
    perf_received = perf_clear_i ? '0 : perf_passed;
    if (counts_i) perf_received.rx_beats = perf_received.rx_beats + 64'(rx_beats);
  end

  always_ff @(posedge clk_i) begin
    perf_q <= empties ? '0 : perf_received;
    if (empties) latched_q <= '0;
    else if (perf_latch_i) latched_q <= perf_passed;
  end

  // --- units ---------------------------------------------------------------------------------------------------------------

  read_beat_t payload_beat, words_beat;
  read_arrival_t payload_arrival, words_arrival;
  logic [31:0] check_crc, check_length;

  always_comb begin
    payload_beat = beat_i;
    words_beat = beat_i;
    payload_arrival = arrival_i;
    words_arrival = arrival_i;
    payload_beat.valid = beat_i.valid && is_mine(beat_i.owner.reader, index_i) && !beat_i.owner.reader.descriptors;
    words_beat.valid = beat_i.valid && is_mine(beat_i.owner.reader, index_i) && beat_i.owner.reader.descriptors;
    payload_arrival.valid = arrival_i.valid && is_mine(arrival_i.owner.reader, index_i) && !arrival_i.owner.reader.descriptors;
    words_arrival.valid = arrival_i.valid && is_mine(arrival_i.owner.reader, index_i) && arrival_i.owner.reader.descriptors;
  end

  silico_h2c_descriptors #(.DataWidth(DataWidth)) u_descriptors (
    .clk_i,
    .clear_i(starts || empties),
    .ring_base_i(run_q.ring_base),
    .ring_entries_i(run_q.ring_entries),
    .max_read_i(decoded_i.max_read),
    .tail_i(s_q.tail),
    .done_i(s_q.delivered.count),
    .fetch_o(fetch),
    .fetch_address_o(fetch_address),
    .fetch_bytes_o(fetch_bytes),
    .fetch_start_o(fetch_start),
    .fetch_part_o(fetch_part),
    .fetch_grant_i(grants_fetch),
    .reading_o(reading),
    .read_bytes_i(grants_piece ? piece_bytes : '0),
    .active_valid_o(active_valid),
    .active_o(active),
    .take_i(take),
    .pop_i(pop),
    .judge_i(judge),
    .can_judge_o(can_judge),
    .bad_o(bad),
    .bad_address_o(bad_address),
    .bad_cookie_o(bad_cookie),
    .beat_i(words_beat),
    .beat_data_i,
    .arrival_i(words_arrival)
  );

  silico_reassembly #(.Bytes(BufferBytes), .Parts(Parts), .BeatBytes(BeatBytes), .TakeBytes(BeatBytes)) u_payload (
    .clk_i,
    .clear_i(starts || empties),
    .room_o(room),
    .available_o(available),
    .data_o(payload),
    .issue_i(grants_piece),
    .issue_bytes_i(piece_bytes),
    .start_o(payload_start),
    .part_o(payload_part),
    .take_i(take),
    .beat_i(payload_beat),
    .beat_data_i,
    .arrival_i(payload_arrival)
  );

  silico_h2c_output #(.DataWidth(DataWidth)) u_output (
    .clk_i,
    .rst_ni,
    .in_reset_i,
    .reset_i(empties),
    .reset_function_i(function_reset),
    .running_i(running),
    .run_i(receiver_of(run_q)),
    .active_valid_i(active_valid),
    .active_i(active),
    .available_i(available),
    .data_i(payload),
    .take_o(take),
    .pop_o(pop),
    .valid_o(out_valid_o),
    .receiver_o(out_receiver_o),
    .last_o(out_last_o),
    .error_o(out_error_o),
    .bytes_o(out_bytes_o),
    .data_o(out_data_o),
    .ready_i(out_ready),
    .passed_bytes_o(passed_bytes),
    .passed_frame_o(passed_frame),
    .passed_urgent_o(passed_urgent),
    .done_o(done),
    .done_urgent_o(done_urgent),
    .cut_i(s_q.state == StateRunning && s_ended.state != StateRunning),
    .cut_last_i(s_ended.state == StateRunning && s_received.state != StateRunning),
    .receiver_stopped_i,
    .owed_o(owed),
    .check_crc_o(check_crc),
    .check_length_o(check_length)
  );

  silico_h2c_registers u_registers (
    .clk_i,
    .reset_i(empties),
    .bus_i,
    .rdata_o,
    .hole_o,
    .set_o(set),
    .frames_o(live_frames),
    .cycles_o(live_cycles),
    .control_o(select_control),
    .int_space_o(select_int_space),
    .int_error_o(select_int_error),
    .tail_o(select_tail),
    .arm_o(select_arm),
    .run_bit_i(s_ended.run_bit),
    .state_i(s_ended.state),
    .armed_i(s_ended.progress.armed),
    .done_i(s_ended.delivered.count),
    .tail_i(s_ended.tail),
    .error_i(s_ended.error),
    .causes_i(s_ended.causes),
    .out_frames_i(s_ended.frames),
    .out_bytes_i(s_ended.bytes),
    .runs_i(s_ended.runs),
    .discarded_i(s_ended.discarded),
    .check_crc_i(check_crc),
    .check_length_i(check_length),
    .perf_i(latched_q)
  );

endmodule
