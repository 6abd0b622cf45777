// All channels of the card, of both directions, and the loops between them. Their streams are here what travels on them, beat by beat: the type of a beat is
// a parameter of all that pass it on.

module silico_channels
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
  import silico_h2c_pkg::receiver_t;
  import silico_h2c_pkg::OutputStream;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  parameter int unsigned Vectors = 16,
  parameter int unsigned H2cBufferBytes = 65536,
  parameter int unsigned FifoBytes = 16384,
  parameter int unsigned FifoFrames = 64,
  parameter int unsigned Elinks = 64
) (
  input  logic                             clk_i,
  // Power-on; the card is in reset, and has been before this clock; a reset of the function, by itself or with the link; of the card by its registers.
  input  logic                             rst_ni,
  input  logic                             in_reset_i,
  input  logic                             reset_i,
  input  logic                             card_reset_i,
  input  logic                             enabled_i,
  input  cfg_decoded_t                     decoded_i,
  input  logic [63:0]                      now_i,

  // Front-end streams.
  input  logic [NumC2h-1:0]                front_valid_i,
  input  logic [NumC2h-1:0]                front_last_i,
  input  logic [NumC2h-1:0]                front_error_i,
  input  logic [NumC2h-1:0][15:0]          front_source_i,
  input  logic [NumC2h-1:0][6:0]           front_bytes_i,
  input  logic [NumC2h-1:0][DataWidth-1:0] front_data_i,
  output logic [NumC2h-1:0]                front_ready_o,
  output logic [NumC2h-1:0]                front_busy_o,

  // Output streams of H2C channels.
  output logic [NumH2c-1:0]                out_valid_o,
  output logic [NumH2c-1:0]                out_last_o,
  output logic [NumH2c-1:0]                out_error_o,
  output logic [NumH2c-1:0][15:0]          out_source_o,
  output logic [NumH2c-1:0][6:0]           out_bytes_o,
  output logic [NumH2c-1:0][DataWidth-1:0] out_data_o,
  input  logic [NumH2c-1:0]                out_ready_i,

  // What they want to send and to read, and what becomes of it. Credits, for the counters; what lacks for a read.
  output write_t [NumC2h-1:0]              c2h_o,
  input  answer_t [NumC2h-1:0]             c2h_answer_i,
  output logic [NumC2h-1:0][DataWidth-1:0] c2h_data_o,
  input  flow_t [NumC2h-1:0]               c2h_flow_i,
  output read_t [NumC2h-1:0]               fetch_o,
  input  answer_t [NumC2h-1:0]             fetch_answer_i,
  input  logic [NumC2h-1:0][8:0]           fetches_i,
  output write_t [NumH2c-1:0]              block_o,
  input  answer_t [NumH2c-1:0]             block_answer_i,
  output read_t [NumH2c-1:0]               read_o,
  input  answer_t [NumH2c-1:0]             read_answer_i,
  input  logic [NumH2c-1:0][8:0]           reads_i,
  input  limit_t                           limit_i,
  input  consumed_t                        consumed_i,
  input  lack_e                            lack_i,

  // What comes of their reads: one ran out of time; what is received, with its bytes; a completion that counts, and whose it is.
  input  read_failure_t                    timeout_failure_i,
  input  told_t                            told_i,
  input  logic [DataWidth-1:0]             data_i,
  input  logic                             counts_i,
  input  reader_t                          reader_i,
  input  logic [12:0]                      count_bytes_i,

  // Registers.
  input  bus_t [NumC2h-1:0]                c2h_bus_i,
  output logic [NumC2h-1:0][31:0]          c2h_rdata_o,
  output logic [NumC2h-1:0]                c2h_hole_o,
  input  bus_t [NumH2c-1:0]                h2c_bus_i,
  output logic [NumH2c-1:0][31:0]          h2c_rdata_o,
  output logic [NumH2c-1:0]                h2c_hole_o,
  input  logic                             perf_latch_i,
  input  logic                             perf_clear_i,

  // Causes, two a channel: signalled in this clock; signalled and neither sent nor acknowledged, after the end of the clock and after the access. Channels that
  // stopped by an error, likewise.
  input  logic                             message_sent_i,
  input  logic [7:0]                       message_number_i,
  input  logic [NumC2h-1:0][1:0]           c2h_acknowledge_i,
  input  logic [NumH2c-1:0][1:0]           h2c_acknowledge_i,
  output vector_t [NumC2h-1:0][1:0]        c2h_signals_o,
  output vector_t [NumH2c-1:0][1:0]        h2c_signals_o,
  output vector_t [NumC2h-1:0][1:0]        c2h_fired_o,
  output vector_t [NumH2c-1:0][1:0]        h2c_fired_o,
  output vector_t [NumC2h-1:0][1:0]        c2h_fired_accessed_o,
  output vector_t [NumH2c-1:0][1:0]        h2c_fired_accessed_o,
  output logic [NumC2h-1:0]                c2h_failed_o,
  output logic [NumH2c-1:0]                h2c_failed_o,
  output logic [NumC2h-1:0]                c2h_failed_accessed_o,
  output logic [NumH2c-1:0]                h2c_failed_accessed_o
);

  // The data come last, so that they lie at bit 0.
  typedef struct packed {
    logic                 last;
    logic                 error;
    logic [15:0]          source;
    logic [6:0]           bytes;
    logic [DataWidth-1:0] data;
  } beat_t;

  beat_t loop [NumC2h];
  beat_t out [NumH2c];
  logic [NumC2h-1:0] loop_valid, loop_ready, attach, attached, detach, running;
  logic [NumH2c-1:0] output_valid, output_ready, receiver_stopped, target_valid;
  logic [NumH2c-1:0][3:0] target;
  logic [NumH2c-1:0][15:0] targets, others;
  receiver_t [NumH2c-1:0] receiver;

  for (genvar i = 0; i < int'(NumC2h); i++) begin : gen_c2h
    beat_t front;
    assign front = '{last: front_last_i[i], error: front_error_i[i], source: front_source_i[i], bytes: front_bytes_i[i], data: front_data_i[i]};

    silico_c2h #(
      .beat_t(beat_t), .DataWidth(DataWidth), .FifoBytes(FifoBytes), .FifoFrames(FifoFrames), .Elinks(Elinks), .Vectors(Vectors)
    ) u_c2h (
      .clk_i,
      .index_i(8'(i)),
      .rst_ni,
      .reset_i,
      .card_reset_i,
      .enabled_i,
      .decoded_i,
      .limit_i,
      .consumed_i,
      .now_i,
      .front_valid_i(front_valid_i[i]),
      .front_i(front),
      .front_ready_o(front_ready_o[i]),
      .front_busy_o(front_busy_o[i]),
      .loop_valid_i(loop_valid[i]),
      .loop_i(loop[i]),
      .loop_ready_o(loop_ready[i]),
      .attach_i(attach[i]),
      .attached_o(attached[i]),
      .detach_i(detach[i]),
      .running_o(running[i]),
      .write_o(c2h_o[i]),
      .answer_i(c2h_answer_i[i]),
      .data_o(c2h_data_o[i]),
      .flow_i(c2h_flow_i[i]),
      .fetch_o(fetch_o[i]),
      .fetch_answer_i(fetch_answer_i[i]),
      .reads_i(fetches_i[i]),
      .timeout_failure_i,
      .told_i,
      .read_data_i(data_i),
      .bus_i(c2h_bus_i[i]),
      .rdata_o(c2h_rdata_o[i]),
      .hole_o(c2h_hole_o[i]),
      .perf_latch_i,
      .perf_clear_i,
      .signals_o(c2h_signals_o[i]),
      .message_sent_i,
      .message_number_i,
      .acknowledge_i(c2h_acknowledge_i[i]),
      .fired_o(c2h_fired_o[i]),
      .fired_accessed_o(c2h_fired_accessed_o[i]),
      .failed_o(c2h_failed_o[i]),
      .failed_accessed_o(c2h_failed_accessed_o[i]),
      .reset_done_o()
    );
  end

  for (genvar i = 0; i < int'(NumH2c); i++) begin : gen_h2c
    silico_h2c #(.beat_t(beat_t), .DataWidth(DataWidth), .NumC2h(NumC2h), .BufferBytes(H2cBufferBytes), .Vectors(Vectors)) u_h2c (
      .clk_i,
      .index_i(8'(i)),
      .rst_ni,
      .in_reset_i,
      .reset_i,
      .card_reset_i,
      .enabled_i,
      .decoded_i,
      .now_i,
      .out_valid_o(output_valid[i]),
      .out_receiver_o(receiver[i]),
      .out_o(out[i]),
      .out_ready_i(output_ready[i]),
      .receiver_stopped_i(receiver_stopped[i]),
      .target_valid_o(target_valid[i]),
      .target_o(target[i]),
      .targets_o(targets[i]),
      .targets_i(others[i]),
      .block_o(block_o[i]),
      .block_answer_i(block_answer_i[i]),
      .read_o(read_o[i]),
      .read_answer_i(read_answer_i[i]),
      .lack_i,
      .reads_i(reads_i[i]),
      .timeout_failure_i,
      .told_i,
      .beat_data_i(data_i),
      .counts_i(counts_i && !reader_i.fetch && reader_i.channel == 4'(i)),
      .count_bytes_i,
      .bus_i(h2c_bus_i[i]),
      .rdata_o(h2c_rdata_o[i]),
      .hole_o(h2c_hole_o[i]),
      .perf_latch_i,
      .perf_clear_i,
      .signals_o(h2c_signals_o[i]),
      .message_sent_i,
      .message_number_i,
      .acknowledge_i(h2c_acknowledge_i[i]),
      .fired_o(h2c_fired_o[i]),
      .fired_accessed_o(h2c_fired_accessed_o[i]),
      .failed_o(h2c_failed_o[i]),
      .failed_accessed_o(h2c_failed_accessed_o[i])
    );

    assign out_valid_o[i] = output_valid[i] && receiver[i].valid && receiver[i].kind == OutputStream;
    assign out_last_o[i] = out[i].last;
    assign out_error_o[i] = out[i].error;
    assign out_source_o[i] = out[i].source;
    assign out_bytes_o[i] = out[i].bytes;
    assign out_data_o[i] = out[i].data;
  end

  silico_loops #(.beat_t(beat_t), .NumC2h(NumC2h), .NumH2c(NumH2c)) u_loops (
    .clk_i,
    .reset_i,
    .running_i(running),
    .attach_o(attach),
    .attached_i(attached),
    .detach_o(detach),
    .stopped_o(receiver_stopped),
    .target_valid_i(target_valid),
    .target_i(target),
    .targets_i(targets),
    .others_o(others),
    .valid_i(output_valid),
    .receiver_i(receiver),
    .beat_i(out),
    .stream_ready_i(out_ready_i),
    .ready_o(output_ready),
    .loop_valid_o(loop_valid),
    .loop_o(loop),
    .loop_ready_i(loop_ready)
  );

endmodule
