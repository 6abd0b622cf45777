// A card-to-host channel: source, ingest, FIFO, packetizer, ring in host memory, or pages of it, and the progress that tells the host.
//
// A channel knows nothing of other channels, of the link or of registers' places in the card. Its units are joined here, and the next TLP is put together;
// `silico_c2h_life` says what a clock's stages are.

module silico_c2h
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_read_pkg::*;
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
  import silico_c2h_pkg::*;
  import silico_c2h_settings_pkg::*;
  import silico_c2h_state_pkg::*;
#(
  parameter type beat_t = logic,
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
  input  beat_t                front_i,
  output logic                 front_ready_o,
  output logic                 front_busy_o,

  // An H2C channel that feeds it instead, from the next frame on.
  input  logic                 loop_valid_i,
  input  beat_t                loop_i,
  output logic                 loop_ready_o,
  input  logic                 attach_i,
  output logic                 attached_o,
  input  logic                 detach_i,
  // Takes beats for a run, after the end of the clock.
  output logic                 running_o,

  // Towards the transmitter.
  output write_t               write_o,
  input  answer_t              answer_i,
  output logic [DataWidth-1:0] data_o,
  input  flow_t                flow_i,

  // Reads of page descriptors: the next one, what becomes of it, how many are outstanding. Beats come with the bytes received.
  output read_t                fetch_o,
  input  answer_t              fetch_answer_i,
  input  logic [8:0]           reads_i,
  input  read_failure_t        timeout_failure_i,
  input  told_t                told_i,
  input  logic [DataWidth-1:0] read_data_i,

  // Registers.
  input  bus_t                 bus_i,
  output logic [31:0]          rdata_o,
  output logic                 hole_o,
  input  logic                 perf_latch_i,
  input  logic                 perf_clear_i,

  // Causes: signalled in this clock; signalled and neither sent nor acknowledged, after the end of the clock and after the access.
  output vector_t [1:0]        signals_o,
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

  // At the start of the clock: the state, the configuration of the run. A start takes another one.
  life_t life;
  account_t account;
  settings_t run_q, taking;
  logic looped_q, function_reset, empties, starts;
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
    if (life.state != StateRunning) next = NextOff;
  end
  assign chunk = run_q.pages ? page_chunk : ring_chunk;
  assign overwrites = run_q.pages ? page_overwrites : ring_overwrites;
  assign sequence_number = run_q.pages ? page_sequence : ring_sequence;
  assign wants_entry = page_ready && entry_room && (enabled_i || life.state != StateRunning);
  assign wants_block = !wants_entry && life.progress.due;
  assign wants_chunk = !wants_entry && !wants_block && next == NextChunk && enabled_i;
  assign chunk_bytes = chunk.payload + (chunk.header ? 11'd32 : 11'd0);
  assign grants_entry = answer_i.grant && wants_entry;
  assign grants_block = answer_i.grant && wants_block;
  assign grants_chunk = answer_i.grant && !wants_entry && !wants_block;

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
      write_o.prefix = write_back(life.progress.sequence_number + 64'd1, life.delivered.count, life.delivered.frames, dropped, now_i, life.error.address,
                                  told_state(life.state, life.after), life.error.code, index_i, life.runs);
    end else begin
      write_o.bytes = chunk_bytes;
      write_o.address = run_q.pages ? chunk.at : run_q.ring_base + offset;
      write_o.attr.relaxed = run_q.relaxed && !overwrites;
      write_o.attr.no_snoop = run_q.no_snoop;
      write_o.prefix_bytes = chunk.header ? 7'd32 : 7'd0;
      write_o.prefix[255:0] = frame_header;
    end
  end

  // --- a beat of its source ------------------------------------------------------------------------------------------------

  // After the end of the clock: tied to an H2C channel, or untied.
  logic looped;
  assign looped = attach_i ? attached_o : looped_q && !detach_i;

  logic running, external, fed_by_loop, takes, offered, take;
  beat_t offer;
  logic [63:0] dropped_taken, made_taken, chunks_taken;
  logic fifo_write, fifo_end, fifo_abandon, give_up;
  logic [6:0] fifo_write_bytes;
  logic [DataWidth-1:0] fifo_write_data;
  frame_t fifo_end_frame;
  logic [31:0] fifo_abandon_bytes;

  assign running = life.state == StateRunning && enabled_i;
  assign external = !run_q.generator && !looped_q;
  assign fed_by_loop = looped_q && !run_q.generator;
  assign front_ready_o = running && external && takes;
  assign loop_ready_o = running && fed_by_loop && takes;
  assign front_busy_o = account.busy;

  assign take = running && offered && takes;
  assign give_up = fifo_abandon && !head_written;

  logic data_left, entry_left, settles, cut_frame, too_long, judges, flushes, closes, abandons, resuming;
  logic page_ready_flushed, entry_room_granted, rings_list, rings_entries, list_legal, entries_legal;
  logic [10:0] flushed;
  logic [63:0] free_tail, comp_head, pages_tail, pages_fetched, pages_head, entries_left;
  failure_t bad_page;
  read_beat_t page_beat;
  read_arrival_t page_arrival;

  assign function_reset = reset_i || !rst_ni;
  // Fed by the front-end stream again, in a run.
  assign resuming = detach_i && running_o && !run_q.generator;

  always_comb begin
    page_beat = told_i.beat;
    page_beat.valid = told_i.beat.valid && told_i.beat.owner.reader.fetch && told_i.beat.owner.reader.channel == index_i[3:0];
    page_arrival = told_i.arrival;
    page_arrival.valid = told_i.arrival.valid && told_i.arrival.owner.reader.fetch && told_i.arrival.owner.reader.channel == index_i[3:0];
  end

  always_ff @(posedge clk_i) begin
    looped_q <= looped && !function_reset;
  end

  // --- units ---------------------------------------------------------------------------------------------------------------

  silico_c2h_life #(.FifoBytes(FifoBytes), .Elinks(Elinks), .Vectors(Vectors)) u_life (
    .clk_i,
    .index_i,
    .reset_i(function_reset),
    .bus_master_i(decoded_i.bus_master),
    .now_i,
    .life_o(life),
    .account_o(account),
    .run_o(run_q),
    .left_i(answer_i.left),
    .fetch_left_i(fetch_answer_i.left),
    .grants_entry_i(grants_entry),
    .entry_i(entry),
    .grants_block_i(grants_block),
    .grants_chunk_i(grants_chunk),
    .chunk_i(chunk),
    .chunk_count_i(chunk_count),
    .fetch_grant_i(fetch_answer_i.grant),
    .message_sent_i,
    .message_number_i,
    .take_i(take),
    .fill_written_i(fill_written),
    .fill_freed_i(fill_freed),
    .data_left_o(data_left),
    .entry_left_o(entry_left),
    .refuse_i(answer_i.refuse || fetch_answer_i.refuse),
    .too_long_i(too_long),
    .judges_o(judges),
    .bad_page_i(bad_page),
    .flushes_o(flushes),
    .page_ready_i(page_ready_flushed),
    .entry_room_i(entry_room_granted),
    .reads_i,
    .settles_o(settles),
    .flushed_i(flushed),
    .cut_frame_i(cut_frame),
    .signals_o,
    .fired_o,
    .timeout_failure_i,
    .running_o,
    .failed_o,
    .bus_i,
    .rdata_o,
    .hole_o,
    .card_reset_i,
    .acknowledge_i,
    .starts_o(starts),
    .taking_o(taking),
    .rings_list_o(rings_list),
    .free_tail_o(free_tail),
    .list_legal_i(list_legal),
    .rings_entries_o(rings_entries),
    .comp_head_o(comp_head),
    .entries_legal_i(entries_legal),
    .dropped_i(dropped_taken),
    .made_i(made_taken),
    .chunks_i(chunks_taken),
    .pages_tail_i(pages_tail),
    .pages_fetched_i(pages_fetched),
    .pages_head_i(pages_head),
    .entries_left_i(entries_left),
    .perf_i(perf),
    .fired_accessed_o,
    .failed_accessed_o,
    .completion_failure_i(told_i.failure),
    .closes_o(closes),
    .abandons_o(abandons),
    .reset_done_o,
    .empties_o(empties)
  );

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
    .free_bytes_i(account.flight_payload),
    .free_frame_i(account.flight_ends),
    .flush_i(settles),
    .flushed_o(flushed),
    .data_o,
    .pass_i(flow_i.pass),
    .pass_cells_i(flow_i.cells)
  );

  silico_c2h_ingest #(.beat_t(beat_t), .DataWidth(DataWidth)) u_ingest (
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
    .beat_i(offer),
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
    .external_i(external),
    .cut_frame_o(cut_frame),
    .untie_i(detach_i),
    .restart_i(starts),
    .restart_external_i(!taking.generator && !looped),
    .resume_i(resuming),
    .at_boundary_o(attached_o)
  );

  silico_c2h_packetizer u_packetizer (
    .clk_i,
    .restart_i(starts || empties),
    .max_payload_i(decoded_i.max_payload),
    .ring_size_i(run_q.ring_size),
    .limit_i(account.sw_count + run_q.ring_size),
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
    .running_i(life.state == StateRunning),
    .enabled_i,
    .head_valid_i(head_valid),
    .head_i(head),
    .available_i(available),
    .fetch_o,
    .fetch_grant_i(fetch_answer_i.grant),
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
    .flush_i(flushes),
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
    .close_i(closes),
    .abandon_i(abandons),
    .tail_o(pages_tail),
    .fetched_o(pages_fetched),
    .head_o(pages_head),
    .left_o(entries_left)
  );

  silico_c2h_source #(.beat_t(beat_t), .DataWidth(DataWidth), .Elinks(Elinks)) u_source (
    .clk_i,
    .index_i,
    .run_i(run_q),
    .start_i(starts || empties),
    .start_run_i(taking),
    .now_i,
    .running_i(running),
    .looped_i(looped_q),
    .front_valid_i,
    .front_i,
    .loop_valid_i,
    .loop_i,
    .offered_o(offered),
    .beat_o(offer),
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
    .busy_i(account.busy),
    .wants_i(write_o.valid),
    .bytes_i(write_o.bytes),
    .next_i(next),
    .sending_i(flow_i.busy),
    .beat_i(flow_i.beat),
    .offered_i(offered),
    .takes_i(takes),
    .shown_o(perf)
  );

endmodule
