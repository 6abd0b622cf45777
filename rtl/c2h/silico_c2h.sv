// A card-to-host channel: source, ingest, FIFO, packetizer, ring in host memory, and the progress that tells the host.
//
// A channel knows nothing of other channels, of the link or of registers' places in the card. A clock has stages, in this order, and each sees what
// those before it did: a grant of the transmitter (decided on the state at the start of the clock); a beat of its source; what has left the card;
// the end of the clock, where write-backs and interrupts become due and a stop moves on; a register access; a reset.

module silico_c2h
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_c2h_pkg::*;
  import silico_c2h_settings_pkg::*;
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

  // A TLP of this channel on the transmitter.
  typedef enum logic [1:0] {
    FlightNone,
    FlightData,
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
    logic [10:0] flight_payload;
    logic        flight_ends;
    logic [63:0] flight_count;
    staged_t     staged_sw_count;
    staged_t     staged_arm;
  } channel_t;

  typedef struct packed {
    logic [63:0] tx_beats;
    logic [63:0] no_credit;
    logic [63:0] no_buffer;
    logic [63:0] no_data;
    logic [63:0] no_grant;
    logic [63:0] front_beats;
    logic [63:0] front_held;
    logic [63:0] busy;
  } perf_t;

  channel_t s_q, s_granted, s_taken, s_left, s_ended, s_accessed;
  settings_t set, run_q, taking;
  perf_t perf_q, perf, latched_q;
  logic looped_q;
  logic [15:0][31:0] table_q;

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
        s.busy = 1'b0;
      end
      StateStopping: begin
        if (after == AfterReset) begin
          s.after = AfterReset;
          s.block_sent = 1'b1;
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
    if (old.state == StateRunning) begin
      s.error = failure;
      s = stopped(s, AfterError);
    end
    return s;
  endfunction

  // --- what it wants to send -----------------------------------------------------------------------------------------------

  frame_t      head;
  logic        head_valid, frame_room, head_written;
  logic [20:0] room, available, fill_written, fill_freed;
  next_e       next, wants;
  chunk_t      chunk;
  logic [63:0] offset, sequence_number, chunk_count, dropped;
  logic        overwrites, wants_block, wants_chunk, grants_block, grants_chunk;
  logic [255:0] frame_header;
  logic [10:0] chunk_bytes;

  // Outside a run there is nothing to send but a stop's last block.
  assign wants = s_q.state == StateRunning ? next : NextOff;
  assign wants_block = s_q.progress.due;
  assign wants_chunk = !wants_block && wants == NextChunk && enabled_i;
  assign chunk_bytes = chunk.payload + (chunk.header ? 11'd32 : 11'd0);
  assign grants_block = grant_i && wants_block;
  assign grants_chunk = grant_i && !wants_block;

  // Magic, channel, flags, length; sequence; stamp; source, CRC.
  assign frame_header = {head.crc, 16'h0, head.source, head.stamp, sequence_number, head.length, 5'h0, head.flags, index_i, 16'h51c0};

  always_comb begin
    write_o = '0;
    write_o.valid = wants_block || wants_chunk;
    if (wants_block) begin
      write_o.bytes = 11'd64;
      write_o.address = run_q.wb_addr;
      write_o.prefix_bytes = 7'd64;
      write_o.prefix = write_back(s_q.progress.sequence_number + 64'd1, s_q.delivered.count, s_q.delivered.frames, dropped, now_i, s_q.error.address,
                                  !is_stopping(s_q) ? s_q.state : s_q.after == AfterError ? StateError : StateIdle, s_q.error.code, index_i, s_q.runs);
    end else begin
      write_o.bytes = chunk_bytes;
      write_o.address = run_q.ring_base + offset;
      write_o.attr.relaxed = run_q.relaxed && !overwrites;
      write_o.attr.no_snoop = run_q.no_snoop;
      write_o.prefix_bytes = chunk.header ? 7'd32 : 7'd0;
      write_o.prefix[255:0] = frame_header;
    end
  end

  // --- a grant -------------------------------------------------------------------------------------------------------------

  always_comb begin
    s_granted = s_q;
    if (left_i) s_granted.flight = FlightNone;
    if (message_sent_i) begin
      for (int unsigned i = 0; i < 2; i++) if (s_q.fired[i].number == message_number_i) s_granted.fired[i].valid = 1'b0;
    end
    if (grants_block) begin
      if (is_stopping(s_q)) s_granted.block_sent = 1'b1;
      s_granted.progress = progress_granted(s_q.progress, s_q.delivered);
      s_granted.flight = FlightWriteBack;
    end
    if (grants_chunk) begin
      s_granted.flight = FlightData;
      s_granted.flight_payload = chunk.payload;
      s_granted.flight_ends = chunk.ends;
      s_granted.flight_count = chunk_count;
    end
  end

  // --- a beat of its source ------------------------------------------------------------------------------------------------

  // After the end of the clock: tied to an H2C channel, or untied.
  logic looped;
  assign looped = attach_i ? attached_o : looped_q && !detach_i;

  logic running, external, fed_by_loop, takes, offered, take;
  logic offer_last, offer_error;
  logic [15:0] offer_source;
  logic [6:0] offer_bytes;
  logic [DataWidth-1:0] offer_data, generator_data;
  logic generator_valid, generator_last;
  logic [6:0] generator_bytes;
  logic [63:0] dropped_taken, made, made_taken;
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

  always_comb begin
    if (run_q.generator) begin
      offered = generator_valid;
      offer_last = generator_last;
      offer_error = 1'b0;
      offer_source = run_q.gen_source;
      offer_bytes = generator_bytes;
      offer_data = generator_data;
    end else if (looped_q) begin
      offered = loop_valid_i;
      offer_last = loop_last_i;
      offer_error = loop_error_i;
      offer_source = loop_source_i;
      offer_bytes = loop_bytes_i;
      offer_data = loop_data_i;
    end else begin
      offered = front_valid_i;
      offer_last = front_last_i;
      offer_error = front_error_i;
      offer_source = front_source_i;
      offer_bytes = front_bytes_i;
      offer_data = front_data_i;
    end
  end
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

  logic data_left, block_left;
  assign data_left = left_i && s_q.flight == FlightData;
  assign block_left = left_i && s_q.flight == FlightWriteBack;

  always_comb begin
    s_left = s_taken;
    if (block_left) s_left.progress.published = s_taken.progress.written_frames;
    if (data_left) begin
      if (s_q.flight_ends && !giving_up(s_taken)) begin
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

  logic settles, cut_frame, error_fires, data_fires, writes_last, resets;
  logic [10:0] flushed;
  progress_update_t updated;
  pace_t pace;
  causes_t causes;
  logic [31:0] live_frames, live_cycles;
  channel_t s_refused, s_settled;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_frames, bytes: run_q.wb_bytes, cycles: run_q.wb_time};

  always_comb begin
    s_refused = s_left;
    if (refuse_i) begin
      s_refused.progress.due = 1'b0;
      s_refused = failing(s_refused, failed(FailBusMasterOff, '0));
    end
  end

  // A stop moves on once nothing is under way.
  assign settles = is_stopping(s_refused) && s_refused.flight == FlightNone;
  assign writes_last = run_q.write_back && run_q.wb_addr[5:0] == '0 && !s_refused.block_sent;

  always_comb begin
    s_settled = s_refused;
    error_fires = 1'b0;
    resets = 1'b0;
    if (settles) begin
      s_settled.discarded = s_refused.discarded + 32'(flushed) + 32'(cut_frame);
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
  assign running_o = s_ended.state == StateRunning;
  assign fired_o = s_ended.fired;
  assign failed_o = s_ended.error.code != FailNone;
  assign reset_done_o = resets;

  // --- registers -----------------------------------------------------------------------------------------------------------

  logic starts, writes;
  logic [31:0] bits, control, cause;
  failure_t refused_start;
  logic [63:0] sw_count, arm;
  causes_t causes_at_start;
  logic select_control, select_int_data, select_int_error, select_table;
  logic [1:0] select_sw_count, select_arm, select_free_tail, select_comp_head;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign control = ({31'h0, s_ended.run_bit} & ~bits) | (bus_i.wdata & bits);
  assign starts = writes && select_control && !control[1] && control[0] && !s_ended.run_bit && (s_ended.state inside {StateIdle, StateError});
  assign taking = resolved(set, FifoBytes);
  assign sw_count = joined(s_ended.staged_sw_count, s_ended.sw_count, bus_i.wdata, bits);
  assign arm = joined(s_ended.staged_arm, s_ended.causes.arm, bus_i.wdata, bits);
  assign cause = ({s_ended.causes.enable, 23'h0, s_ended.causes.number} & ~bits) | (bus_i.wdata & bits);

  logic [31:0] error_cause;
  assign error_cause = ({s_ended.causes.error_enable, 23'h0, s_ended.causes.error_number} & ~bits) | (bus_i.wdata & bits);

  always_comb begin
    s_accessed = s_ended;
    refused_start = check(taking, FifoBytes, Elinks);
    causes_at_start = s_ended.causes;
    if (starts) begin
      s_accessed.run_bit = 1'b1;
      s_accessed.runs = s_ended.runs + 32'd1;
      s_accessed.sw_count = '0;
      s_accessed.delivered = '0;
      s_accessed.discarded = '0;
      s_accessed.error = '0;
      s_accessed.fired = '0;
      s_accessed.busy = 1'b0;
      s_accessed.progress = '0;
      s_accessed.causes.arm = '0;
      s_accessed.state = StateRunning;
      if (refused_start.code == FailNone) refused_start = check_vectors(s_ended.causes, Vectors);
      if (refused_start.code != FailNone) s_accessed = failing(s_accessed, refused_start);
    end else if (writes && select_control) begin
      if (control[1]) s_accessed = stopped(s_accessed, AfterReset);
      else if (!control[0] && s_ended.run_bit) s_accessed = stopped(s_accessed, AfterIdle);
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
      if (refused_start.code != FailNone) s_accessed = failing(s_accessed, refused_start);
    end
    if (writes && select_sw_count[0]) s_accessed.staged_sw_count = stage(s_ended.staged_sw_count, bus_i.wdata, bits);
    if (writes && select_sw_count[1]) begin
      s_accessed.staged_sw_count = '0;
      if (s_ended.state == StateRunning && !run_q.pages) begin
        if (sw_count < s_ended.sw_count || sw_count > s_ended.delivered.count || sw_count[4:0] != '0) begin
          s_accessed = failing(s_accessed, failed(FailBadDoorbell, sw_count));
        end else begin
          s_accessed.sw_count = sw_count;
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

  // --- counters ------------------------------------------------------------------------------------------------------------

  always_comb begin
    perf = perf_q;
    if (beat_i) perf.tx_beats = perf_q.tx_beats + 64'd1;
    if (s_q.busy) perf.busy = perf_q.busy + 64'd1;
    if (running && !sending_i) begin
      if (write_o.valid) begin
        if (!allows(consumed_i, limit_i, data_credits(13'(write_o.bytes)))) perf.no_credit = perf_q.no_credit + 64'd1;
        else perf.no_grant = perf_q.no_grant + 64'd1;
      end else if (wants == NextNoRoom) begin
        perf.no_buffer = perf_q.no_buffer + 64'd1;
      end else begin
        perf.no_data = perf_q.no_data + 64'd1;
      end
    end
    if (take) perf.front_beats = perf_q.front_beats + 64'd1;
    if (running && offered && !takes) perf.front_held = perf_q.front_held + 64'd1;
  end

  logic function_reset, empties;
  assign function_reset = reset_i || !rst_ni;
  assign empties = function_reset || resets;

  always_ff @(posedge clk_i) begin
    if (function_reset) s_q <= '0;
    else if (resets) s_q <= power_on(s_accessed.runs);
    else s_q <= s_accessed;

    if (empties) run_q <= '0;
    else if (starts) run_q <= taking;

    if (empties) table_q <= '0;
    else if (writes && select_table) table_q[bus_i.offset[5:2]] <= (table_q[bus_i.offset[5:2]] & ~bits) | (bus_i.wdata & bits);

    if (empties || perf_clear_i) perf_q <= '0;
    else perf_q <= perf;
    if (empties) latched_q <= '0;
    else if (perf_latch_i) latched_q <= perf;

    looped_q <= looped && !function_reset;
  end

  // As after power-on, but that runs are counted on.
  function automatic channel_t power_on(logic [31:0] runs);
    channel_t s = '0;
    s.runs = runs;
    return s;
  endfunction

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
    .resume_i(detach_i && s_ended.state == StateRunning && !run_q.generator),
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
    .next_o(next),
    .chunk_o(chunk),
    .offset_o(offset),
    .overwrites_o(overwrites),
    .sequence_o(sequence_number),
    .count_o(chunk_count),
    .grant_i(grants_chunk),
    .give_up_i(give_up)
  );

  settings_t generates;
  assign generates = starts ? taking : run_q;
  silico_c2h_generator #(.DataWidth(DataWidth)) u_generator (
    .clk_i,
    .index_i,
    .start_i(starts || empties),
    .seed_i(generates.gen_seed),
    .mode_i(generates.gen_mode),
    .min_i(generates.gen_min),
    .max_i(generates.gen_max),
    .table_i(generates.gen_table),
    .pause_i(run_q.gen_pause),
    .rate_i(run_q.gen_rate),
    .count_i(run_q.gen_count),
    .enable_i(running && run_q.generator),
    .valid_o(generator_valid),
    .last_o(generator_last),
    .bytes_o(generator_bytes),
    .data_o(generator_data),
    .take_i(take && run_q.generator),
    .made_o(made),
    .made_taken_o(made_taken)
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
    .run_bit_i(s_ended.run_bit),
    .state_i(s_ended.state),
    .busy_i(s_ended.busy),
    .armed_i(s_ended.progress.armed),
    .delivered_i(s_ended.delivered),
    .sw_count_i(s_ended.sw_count),
    .error_i(s_ended.error),
    .causes_i(s_ended.causes),
    .dropped_i(dropped_taken),
    .runs_i(s_ended.runs),
    .discarded_i(s_ended.discarded),
    .made_i(made_taken),
    .perf_i(latched_q)
  );

endmodule
