// A host-to-card channel: descriptors, payload reads, reassembly, output, and the progress that tells the host.
//
// A channel knows nothing of other channels, of tags, credits or the link. Its units are joined here, and what it reads and sends next is put together;
// `silico_h2c_life` says what a clock's stages are.

module silico_h2c
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
  import silico_h2c_pkg::*;
#(
  parameter type beat_t = logic,
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

  // Its output: a beat, and to whom; of the stream, or of the C2H channel that it feeds.
  output logic                 out_valid_o,
  output receiver_t            out_receiver_o,
  output beat_t                out_o,
  input  logic                 out_ready_i,
  // The C2H channel that it feeds, or still has to feed; those that others hold.
  input  logic                 receiver_stopped_i,
  output logic                 target_valid_o,
  output logic [3:0]           target_o,
  // All that nobody else may feed: of a frame that it owes the end of, and of its run.
  output logic [15:0]          targets_o,
  input  logic [15:0]          targets_i,

  // Towards the transmitter.
  output write_t               block_o,
  input  answer_t              block_answer_i,
  output read_t                read_o,
  input  answer_t              read_answer_i,
  input  lack_e                lack_i,

  // What comes of its reads. So many are outstanding.
  input  logic [8:0]           reads_i,
  input  read_failure_t        timeout_failure_i,
  input  told_t                told_i,
  input  logic [DataWidth-1:0] beat_data_i,
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
  output vector_t [1:0]        signals_o,
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

  // At the start of the clock: the state, the configuration of the run. A start takes another one.
  life_t life;
  account_t account;
  settings_t run_q;
  logic function_reset, empties, starts, active_run, cuts, cuts_last;
  logic [5:0][63:0] perf;

  assign function_reset = reset_i || !rst_ni;

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

  assign running = life.state == StateRunning && enabled_i && !in_reset_i;
  assign in_read = (13'd1 << decoded_i.max_read) - (reading.address[12:0] & ((13'd1 << decoded_i.max_read) - 13'd1));
  assign piece_bytes = reading.left < 32'(in_read) ? reading.left[12:0] : in_read;
  assign fetches = running && fetch;
  assign no_room = running && !fetch && reading.left != '0 && 21'(piece_bytes) > room;
  assign pieces = running && !fetch && reading.left != '0 && !no_room;
  assign no_descriptor = running && !fetch && reading.left == '0 && account.tail == life.delivered.count;

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
  assign grants_fetch = read_answer_i.grant && fetches;
  assign grants_piece = read_answer_i.grant && !fetches;

  always_comb begin
    block_o = '0;
    block_o.valid = life.progress.due && !in_reset_i;
    block_o.bytes = 11'd64;
    block_o.address = run_q.wb_addr;
    block_o.prefix_bytes = 7'd64;
    block_o.prefix = write_back(life.progress.sequence_number + 64'd1, life.delivered.count, account.frames, '0, now_i, life.error.address,
                                told_state(life.state, life.after), life.error.code, index_i, life.runs);
  end

  // --- a beat of its output, and the next descriptor -----------------------------------------------------------------------

  logic out_ready, passed_frame, passed_urgent, done, done_urgent;
  logic [6:0] passed_bytes;
  failure_t bad_descriptor;

  // The sink takes all, and nobody too.
  assign out_ready = out_ready_i || !out_receiver_o.valid || out_receiver_o.kind == OutputSink;
  assign judge = running && can_judge;
  assign bad_descriptor = judge && bad ? '{code: FailBadDescriptor, address: bad_address, cookie: bad_cookie} : '0;

  // --- loops ---------------------------------------------------------------------------------------------------------------

  receiver_t owed, run_target;
  assign run_target = owed.valid ? owed : receiver_of(run_q);
  assign target_valid_o = run_target.valid && run_target.kind == OutputLoopback && (owed.valid || active_run);
  assign target_o = run_target.channel;

  receiver_t run_receiver;
  assign run_receiver = receiver_of(run_q);
  always_comb begin
    targets_o = '0;
    if (owed.valid && owed.kind == OutputLoopback) targets_o[owed.channel] = 1'b1;
    if (active_run && run_receiver.valid && run_receiver.kind == OutputLoopback) targets_o[run_receiver.channel] = 1'b1;
  end

  // --- units ---------------------------------------------------------------------------------------------------------------

  read_beat_t payload_beat, words_beat;
  read_arrival_t payload_arrival, words_arrival;
  logic [31:0] check_crc, check_length;

  always_comb begin
    payload_beat = told_i.beat;
    words_beat = told_i.beat;
    payload_arrival = told_i.arrival;
    words_arrival = told_i.arrival;
    payload_beat.valid = told_i.beat.valid && is_mine(told_i.beat.owner.reader, index_i) && !told_i.beat.owner.reader.descriptors;
    words_beat.valid = told_i.beat.valid && is_mine(told_i.beat.owner.reader, index_i) && told_i.beat.owner.reader.descriptors;
    payload_arrival.valid = told_i.arrival.valid && is_mine(told_i.arrival.owner.reader, index_i) && !told_i.arrival.owner.reader.descriptors;
    words_arrival.valid = told_i.arrival.valid && is_mine(told_i.arrival.owner.reader, index_i) && told_i.arrival.owner.reader.descriptors;
  end

  silico_h2c_descriptors #(.DataWidth(DataWidth)) u_descriptors (
    .clk_i,
    .clear_i(starts || empties),
    .ring_base_i(run_q.ring_base),
    .ring_entries_i(run_q.ring_entries),
    .max_read_i(decoded_i.max_read),
    .tail_i(account.tail),
    .done_i(life.delivered.count),
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

  silico_h2c_output #(.beat_t(beat_t), .DataWidth(DataWidth)) u_output (
    .clk_i,
    .rst_ni,
    .in_reset_i,
    .reset_i(empties),
    .reset_function_i(function_reset),
    .source_i(16'(index_i)),
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
    .beat_o(out_o),
    .ready_i(out_ready),
    .passed_bytes_o(passed_bytes),
    .passed_frame_o(passed_frame),
    .passed_urgent_o(passed_urgent),
    .done_o(done),
    .done_urgent_o(done_urgent),
    .cut_i(cuts),
    .cut_last_i(cuts_last),
    .receiver_stopped_i,
    .owed_o(owed),
    .check_crc_o(check_crc),
    .check_length_o(check_length)
  );

  silico_h2c_life #(.NumC2h(NumC2h), .Vectors(Vectors)) u_life (
    .clk_i,
    .index_i,
    .reset_i(function_reset),
    .bus_master_i(decoded_i.bus_master),
    .now_i,
    .life_o(life),
    .account_o(account),
    .run_o(run_q),
    .block_answer_i,
    .read_answer_i,
    .message_sent_i,
    .message_number_i,
    .passed_bytes_i(passed_bytes),
    .passed_frame_i(passed_frame),
    .passed_urgent_i(passed_urgent),
    .done_i(done),
    .done_urgent_i(done_urgent),
    .bad_descriptor_i(bad_descriptor),
    .timeout_failure_i,
    .reads_i,
    .signals_o,
    .fired_o,
    .failed_o,
    .active_o(active_run),
    .cut_o(cuts),
    .cut_last_o(cuts_last),
    .bus_i,
    .rdata_o,
    .hole_o,
    .card_reset_i,
    .acknowledge_i,
    .targets_i,
    .starts_o(starts),
    .check_crc_i(check_crc),
    .check_length_i(check_length),
    .perf_i(perf),
    .fired_accessed_o,
    .failed_accessed_o,
    .completion_failure_i(told_i.failure),
    .empties_o(empties)
  );

  silico_h2c_perf #(.BeatBytes(BeatBytes)) u_perf (
    .clk_i,
    .reset_i(empties),
    .latch_i(perf_latch_i),
    .clear_i(perf_clear_i),
    .wants_i(read_o.valid),
    .grant_i(read_answer_i.grant),
    .lack_i,
    .no_room_i(no_room),
    .no_descriptor_i(no_descriptor),
    .shown_i(out_valid_o),
    .taken_i(out_ready),
    .counts_i,
    .count_bytes_i,
    .shown_o(perf)
  );

endmodule
