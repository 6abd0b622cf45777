// The run of a host-to-card channel: what is its own in it, its registers, and what becomes of them in a clock. What any channel goes through is
// `silico_channel_life`; what is read and put out is for others.
//
// A clock has stages, in this order, and each sees what those before it did: a grant of the transmitter (decided on the state at the start of the clock); a
// beat of the output; what has left the card; a read that ran out of time; the end of the clock, where write-backs and interrupts become due and a stop
// moves on; loops; a register access; a reset; what is received.

module silico_h2c_life
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
  import silico_h2c_pkg::*;
#(
  parameter int unsigned NumC2h = 4,
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

  // What has left, what is granted; and later: what cannot go, since no memory may be written or read.
  input  answer_t              block_answer_i,
  input  answer_t              read_answer_i,
  input  logic                 message_sent_i,
  input  logic [7:0]           message_number_i,

  // A beat of the output passes: so many bytes, the end of a frame, whose descriptor is done; a descriptor is done that ends none. One cannot be.
  input  logic [6:0]           passed_bytes_i,
  input  logic                 passed_frame_i,
  input  logic                 passed_urgent_i,
  input  logic                 done_i,
  input  logic                 done_urgent_i,
  input  failure_t             bad_descriptor_i,

  // A read ran out of time.
  input  read_failure_t        timeout_failure_i,

  // The end of the clock: reads that are outstanding.
  input  logic [8:0]           reads_i,
  output vector_t [1:0]        signals_o,
  output vector_t [1:0]        fired_o,
  output logic                 failed_o,
  // The run is one whose settings were found good, and has not ended; it has left the state of running with the end of the clock, or after it.
  output logic                 active_o,
  output logic                 cut_o,
  output logic                 cut_last_o,

  // The access, and what the registers show of other units. A start looks at the C2H channels that others feed.
  input  bus_t                 bus_i,
  output logic [31:0]          rdata_o,
  output logic                 hole_o,
  input  logic                 card_reset_i,
  input  logic [1:0]           acknowledge_i,
  input  logic [15:0]          targets_i,
  output logic                 starts_o,
  input  logic [31:0]          check_crc_i,
  input  logic [31:0]          check_length_i,
  input  logic [5:0][63:0]     perf_i,
  output vector_t [1:0]        fired_accessed_o,
  output logic                 failed_accessed_o,

  // What is received. A reset ends with this clock, by itself or with the function's.
  input  read_failure_t        completion_failure_i,
  output logic                 empties_o
);

  life_t life, life_shown;
  logic sound, runs_on;
  account_t s_q, s_granted, s_moved, s_settled, s_accessed;
  settings_t set, run_q;

  assign life_o = life;
  assign account_o = s_q;
  assign run_o = run_q;

  // --- a grant, and a beat of its output -----------------------------------------------------------------------------------

  logic [63:0] count_passed, count_done;
  delivered_t delivered;

  always_comb begin
    s_granted = s_q;
    if (read_answer_i.left || block_answer_i.left) s_granted.flight = 1'b0;
    if (read_answer_i.grant || block_answer_i.grant) s_granted.flight = 1'b1;
  end

  assign count_passed = life.delivered.count + 64'(passed_frame_i);
  assign count_done = count_passed + 64'(done_i);

  always_comb begin
    s_moved = s_granted;
    s_moved.bytes = s_granted.bytes + 64'(passed_bytes_i);
    s_moved.frames = s_granted.frames + 64'(passed_frame_i);
    delivered.count = count_done;
    delivered.frames = count_done;
    delivered.urgent = life.delivered.urgent;
    if (passed_frame_i && passed_urgent_i) delivered.urgent = count_passed;
    if (done_i && done_urgent_i) delivered.urgent = count_done;
  end

  // --- failures ------------------------------------------------------------------------------------------------------------

  failure_t failure;
  logic refuses;

  function automatic failure_t mine(read_failure_t told);
    return told.valid && is_mine(told.reader, index_i) ? told.failure : '0;
  endfunction

  assign refuses = read_answer_i.refuse || block_answer_i.refuse;
  always_comb begin
    failure = refuses ? failed(FailBusMasterOff, '0) : '0;
    failure = first_failure(mine(timeout_failure_i), failure);
    failure = first_failure(bad_descriptor_i, failure);
  end

  // --- the end of the clock ------------------------------------------------------------------------------------------------

  logic idle, settles;
  pace_t pace;
  logic [31:0] live_frames, live_cycles;

  assign pace = '{writes_back: run_q.write_back, frames: run_q.wb_every, bytes: '0, cycles: run_q.wb_time};

  // Nothing is on its way.
  assign idle = !s_granted.flight && reads_i == '0;

  always_comb begin
    s_settled = s_moved;
    if (settles) s_settled.discarded = 32'(s_moved.tail - delivered.count);
  end
  assign failed_o = life_shown.error.code != FailNone;
  assign active_o = (life_shown.state inside {StateRunning, StateStopping}) && s_q.sound;
  assign cut_o = life.state == StateRunning && life_shown.state != StateRunning;
  assign cut_last_o = life_shown.state == StateRunning && !runs_on;

  // --- registers -----------------------------------------------------------------------------------------------------------

  logic writes;
  logic [31:0] bits;
  logic [63:0] tail;
  failure_t refused_doorbell;
  strobes_t strobes;
  logic [1:0] select_tail;

  assign writes = bus_i.req && bus_i.write;
  assign bits = enabled_bits(bus_i.be);
  assign tail = joined(s_settled.staged_tail, s_settled.tail, bus_i.wdata, bits);

  always_comb begin
    s_accessed = s_settled;
    refused_doorbell = '0;
    if (starts_o) begin
      s_accessed.tail = '0;
      s_accessed.frames = '0;
      s_accessed.bytes = '0;
      s_accessed.discarded = '0;
    end
    if (writes && select_tail[0]) s_accessed.staged_tail = stage(s_settled.staged_tail, bus_i.wdata, bits);
    if (writes && select_tail[1]) begin
      s_accessed.staged_tail = '0;
      // A doorbell that goes back, or beyond what the ring holds, is refused.
      if (life_shown.state == StateRunning) begin
        if (tail < s_settled.tail || tail - life_shown.delivered.count > 64'(run_q.ring_entries)) begin
          refused_doorbell = failed(FailBadDoorbell, tail);
        end else begin
          s_accessed.tail = tail;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    s_q <= empties_o ? '0 : s_accessed;
    // What a start is refused for is told at once.
    if (starts_o && !empties_o) s_q.sound <= sound;
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
    .grants_block_i(block_answer_i.grant),
    .delivered_i(delivered),
    .block_left_i(block_answer_i.left),
    .refuse_i(refuses),
    .failure_i(failure),
    .fails_o(),
    .runs_o(),
    .pace_i(pace),
    .block_fits_i(run_q.wb_addr[5:0] == '0),
    .idle_i(idle),
    .settles_o(settles),
    .waits_i(1'b0),
    .frames_i(live_frames),
    .cycles_i(live_cycles),
    .signals_o,
    .fired_o,
    .late_failure_i('0),
    .fails_late_o(),
    .shown_o(life_shown),
    .bus_i,
    .strobes_i(strobes),
    .set_i(set),
    .start_failure_i(check(set, NumC2h, targets_i)),
    .doorbell_failure_i(refused_doorbell),
    .acknowledge_i,
    .card_reset_i,
    .starts_o,
    .sound_o(sound),
    .closes_o(),
    .fired_accessed_o,
    .failed_accessed_o,
    .received_failure_i(mine(completion_failure_i)),
    .breaks_o(),
    .runs_on_o(runs_on),
    .reset_done_o(),
    .empties_o
  );

  silico_h2c_registers u_registers (
    .clk_i,
    .reset_i(empties_o),
    .bus_i,
    .rdata_o,
    .hole_o,
    .set_o(set),
    .frames_o(live_frames),
    .cycles_o(live_cycles),
    .strobes_o(strobes),
    .tail_o(select_tail),
    .life_i(life_shown),
    .tail_i(s_settled.tail),
    .out_frames_i(s_settled.frames),
    .out_bytes_i(s_settled.bytes),
    .discarded_i(s_settled.discarded),
    .check_crc_i,
    .check_length_i,
    .perf_i
  );

endmodule
