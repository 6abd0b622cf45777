// All that is sent, and the reads of it that wait for their completions. What completions bring is told to all channels: its owner says whose it is.

module silico_outbound
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  parameter int unsigned ReadTags = 256,
  parameter logic [31:0] ReadTimeout = 32'd12_500_000
) (
  input  logic                             clk_i,
  // By link or power; by power or PERST#; of the function: one is to come, comes.
  input  logic                             reset_i,
  input  logic                             reset_fundamental_i,
  input  logic                             flr_pending_i,
  input  logic                             reset_flr_i,
  input  cfg_decoded_t                     decoded_i,
  input  cfg_decoded_t                     decoded_received_i,
  input  logic [63:0]                      now_i,

  output logic                             tx_valid_o,
  output logic                             tx_sop_o,
  output logic                             tx_eop_o,
  output logic [31:0]                      tx_digest_o,
  output logic [127:0]                     tx_header_o,
  output logic [6:0]                       tx_bytes_o,
  output logic [DataWidth-1:0]             tx_data_o,
  input  logic                             tx_ready_i,
  input  limits_t                          limits_i,
  output consumed_t                        posted_consumed_o,

  // Completions that are owed; messages, INTx, interrupts.
  input  logic                             completion_valid_i,
  input  header_t                          completion_i,
  input  logic [63:0]                      completion_data_i,
  output logic                             completion_pop_o,
  input  logic [3:0]                       messages_i,
  output logic [3:0]                       messages_sent_o,
  input  logic                             intx_due_i,
  input  logic                             intx_assert_i,
  output logic                             intx_sent_o,
  input  logic                             interrupt_valid_i,
  input  logic [63:0]                      interrupt_address_i,
  input  logic [31:0]                      interrupt_data_i,
  output logic                             interrupt_sent_o,

  // Of C2H channels: posted writes, and the beats of their FIFOs; reads of page descriptors.
  input  write_t [NumC2h-1:0]              c2h_i,
  output answer_t [NumC2h-1:0]             c2h_answer_o,
  input  logic [NumC2h-1:0][DataWidth-1:0] c2h_data_i,
  output flow_t [NumC2h-1:0]               c2h_flow_o,
  input  read_t [NumC2h-1:0]               fetch_i,
  output answer_t [NumC2h-1:0]             fetch_answer_o,
  output logic [NumC2h-1:0][8:0]           fetches_o,
  // Of H2C channels: write-back blocks, reads.
  input  write_t [NumH2c-1:0]              block_i,
  output answer_t [NumH2c-1:0]             block_answer_o,
  input  read_t [NumH2c-1:0]               read_i,
  output answer_t [NumH2c-1:0]             read_answer_o,
  output logic [NumH2c-1:0][8:0]           reads_o,
  output lack_e                            lack_o,

  // Reads of this life of the function are outstanding; tags that are in use, and at rest.
  output logic                             reads_pending_o,
  output logic [8:0]                       in_use_o,
  output logic [8:0]                       resting_o,
  output logic                             timed_out_o,
  output error_t                           timeout_error_o,

  // What is received: a beat, the first one of its TLP, where in it; a completion has come whole. What becomes of it.
  input  logic                             beat_i,
  input  logic                             first_i,
  input  header_t                          header_i,
  input  logic [12:0]                      passed_i,
  input  logic [6:0]                       beat_bytes_i,
  input  logic                             completion_come_i,
  input  logic [12:0]                      completion_bytes_i,
  output logic                             forgotten_o,
  output error_e                           completion_error_o,
  output logic                             aborted_o,
  output logic                             unsupported_o,
  // Told to all who read: a read ran out of time; what is received. Of an answer, whose it is.
  output read_failure_t                    timeout_failure_o,
  output told_t                            told_o,
  output logic                             counts_o,
  output reader_t                          reader_o,

  // As the clock ends, nothing is going out. A message could go.
  output logic                             quiet_o,
  output logic                             affords_message_o,
  // For the counters.
  output logic                             beat_passes_o,
  output logic                             held_o,
  output logic                             no_credit_o,
  output logic                             no_tag_o,
  output logic                             tlp_done_o
);

  logic tag_valid, issued, read_left;
  logic [7:0] tag, read_left_tag;
  read_t issued_read;

  silico_transmitter #(.DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c)) u_transmitter (
    .clk_i,
    .reset_i,
    .tx_valid_o,
    .tx_sop_o,
    .tx_eop_o,
    .tx_digest_o,
    .tx_header_o,
    .tx_bytes_o,
    .tx_data_o,
    .tx_ready_i,
    .limits_i,
    .posted_consumed_o,
    .decoded_i,
    .flr_pending_i,
    .completion_valid_i,
    .completion_i,
    .completion_data_i,
    .completion_pop_o,
    .messages_i,
    .message_sent_o(messages_sent_o),
    .intx_due_i,
    .intx_assert_i,
    .intx_sent_o,
    .interrupt_valid_i,
    .interrupt_address_i,
    .interrupt_data_i,
    .interrupt_sent_o,
    .c2h_i,
    .c2h_answer_o,
    .c2h_data_i,
    .c2h_flow_o,
    .block_i,
    .block_answer_o,
    .read_i,
    .read_answer_o,
    .fetch_i,
    .fetch_answer_o,
    .tag_valid_i(tag_valid),
    .tag_i(tag),
    .lack_o,
    .issued_o(issued),
    .issued_read_o(issued_read),
    .read_left_valid_o(read_left),
    .read_left_tag_o(read_left_tag),
    .quiet_o,
    .affords_message_o,
    .beat_passes_o,
    .held_o,
    .no_credit_o,
    .tlp_done_o
  );

  silico_reads #(.Tags(ReadTags), .NumC2h(NumC2h), .NumH2c(NumH2c), .ReadTimeout(ReadTimeout)) u_reads (
    .clk_i,
    .reset_i,
    .reset_time_i(reset_fundamental_i),
    .forget_i(reset_flr_i),
    .decoded_i,
    .decoded_received_i,
    .now_i,
    .tag_valid_o(tag_valid),
    .tag_o(tag),
    .issue_i(issued),
    .owner_i(issued_read.owner),
    .address_i(issued_read.address),
    .bytes_i(issued_read.bytes),
    .attr_i(issued_read.attr),
    .left_i(read_left),
    .left_tag_i(read_left_tag),
    .timed_out_o,
    .timeout_error_o,
    .timeout_failure_o,
    .beat_valid_i(beat_i),
    .first_i,
    .header_i,
    .passed_i,
    .beat_bytes_i,
    .beat_o(told_o.beat),
    .completion_i(completion_come_i),
    .completion_bytes_i,
    .forgotten_o,
    .error_o(completion_error_o),
    .aborted_o,
    .unsupported_o,
    .counts_o,
    .reader_o,
    .arrival_o(told_o.arrival),
    .failure_o(told_o.failure),
    .h2c_reads_o(reads_o),
    .c2h_reads_o(fetches_o),
    .pending_o(reads_pending_o),
    .in_use_o,
    .resting_o
  );

  // A channel wants to read, but for the one that may, and there is no tag.
  always_comb begin
    no_tag_o = 1'b0;
    for (int unsigned i = 0; i < NumH2c; i++) no_tag_o = no_tag_o || (lack_o == LackTag && read_i[i].valid && !read_answer_o[i].grant);
    for (int unsigned i = 0; i < NumC2h; i++) no_tag_o = no_tag_o || (lack_o == LackTag && fetch_i[i].valid && !fetch_answer_o[i].grant);
  end

endmodule
