// All that is received: gathered, judged, queued, executed. What completions bring is for who reads; what is accessed, for who has the registers.

module silico_inbound
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_receiver_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NpDepth = 8
) (
  input  logic                 clk_i,
  // The card is reset by link or power. The function is; or will be, once nothing is owed.
  input  logic                 reset_i,
  input  logic                 reset_flr_i,
  input  logic                 flr_pending_i,
  // At the start of the clock, after the access, and after a function-level reset.
  input  cfg_decoded_t         decoded_i,
  input  cfg_decoded_t         decoded_accessed_i,
  input  cfg_decoded_t         decoded_received_i,

  input  logic                 rx_valid_i,
  input  logic                 rx_sop_i,
  input  logic                 rx_eop_i,
  input  logic                 rx_discard_i,
  input  logic [31:0]          rx_digest_i,
  input  header_t              rx_header_i,
  input  logic [6:0]           rx_bytes_i,
  input  logic [DataWidth-1:0] rx_data_i,
  output limits_t              credits_o,

  // One dword of BAR 0 or 2, or of configuration space.
  output access_t              access_o,
  input  logic [31:0]          rdata_i,
  output config_access_t       cfg_access_o,
  input  logic [31:0]          cfg_rdata_i,
  output error_t               access_error_o,

  // The oldest completion that is owed; as the clock ends, none is.
  output logic                 completion_valid_o,
  output header_t              completion_o,
  output logic [63:0]          completion_data_o,
  input  logic                 completion_pop_i,
  output logic                 owes_nothing_o,

  // The TLP that is received: how many bytes of it came before this beat, and that it is a completion that has come whole. What its read says of it.
  output logic                 beat_o,
  output header_t              header_o,
  output logic [12:0]          passed_o,
  output logic                 read_completion_o,
  output logic [12:0]          bytes_o,
  input  logic                 forgotten_i,
  input  error_e               completion_error_i,

  output error_t               received_error_o,
  output logic                 slot_power_valid_o,
  output logic [9:0]           slot_power_o,
  output logic                 turn_off_o,
  // For the counters.
  output logic                 received_o
);

  logic whole, digest_ok, too_long, is_write, is_bar2, is_request, is_dropped;
  logic [1:0][31:0] data;
  logic [15:0] write_offset;
  error_t judged_error;
  request_t arriving, request;
  logic request_valid, answerable, keeps, pops, overflow, queues_empty, access_busy;

  silico_rx #(.DataWidth(DataWidth)) u_rx (
    .clk_i,
    .reset_i,
    .rx_valid_i,
    .rx_sop_i,
    .rx_eop_i,
    .rx_discard_i,
    .rx_digest_i,
    .rx_header_i,
    .rx_bytes_i,
    .rx_data_i,
    .header_o,
    .passed_o,
    .beat_valid_o(beat_o),
    .valid_o(whole),
    .bytes_o,
    .data_o(data),
    .digest_ok_o(digest_ok),
    .too_long_o(too_long)
  );

  silico_judge u_judge (
    .valid_i(whole),
    .too_long_i(too_long),
    .header_i(header_o),
    .bytes_i(bytes_o),
    .digest_ok_i(digest_ok),
    .decoded_i(decoded_received_i),
    .forgotten_i,
    .write_o(is_write),
    .bar2_o(is_bar2),
    .offset_o(write_offset),
    .request_o(is_request),
    .completion_o(read_completion_o),
    .slot_power_o(slot_power_valid_o),
    .turn_off_o,
    .dropped_o(is_dropped),
    .received_o,
    .error_o(judged_error)
  );
  assign slot_power_o = data[0][9:0];

  assign arriving = '{header: header_o, data: data, bar2: is_bar2, offset: write_offset, posted: is_write};

  always_comb begin
    received_error_o = judged_error;
    if (overflow) received_error_o = '{kind: ErrorReceiverOverflow, has_header: 1'b0, header: '0};
    else if (read_completion_o) received_error_o = '{kind: completion_error_i, has_header: 1'b1, header: header_o};
  end

  silico_receiver #(.NpDepth(NpDepth)) u_receiver (
    .clk_i,
    .reset_i,
    .drop_posted_i(reset_flr_i),
    .answerable_i(answerable),
    .head_valid_o(request_valid),
    .head_o(request),
    .keep_i(keeps),
    .pop_i(pops),
    .posted_i(is_write),
    .non_posted_i(is_request),
    .request_i(arriving),
    .overflow_o(overflow),
    .dropped_i(is_dropped),
    .dropped_class_i(class_of(header_o)),
    .dropped_bytes_i(bytes_o),
    .credits_o,
    .empty_o(queues_empty)
  );

  silico_access #(.NpDepth(NpDepth)) u_access (
    .clk_i,
    .reset_i(reset_i || reset_flr_i),
    .reset_completions_i(reset_i),
    .flr_pending_i,
    .decoded_i,
    .head_valid_i(request_valid),
    .head_i(request),
    .answerable_o(answerable),
    .keep_o(keeps),
    .pop_o(pops),
    .busy_o(access_busy),
    .reg_req_o(access_o.req),
    .reg_write_o(access_o.write),
    .reg_bar2_o(access_o.bar2),
    .reg_offset_o(access_o.offset),
    .reg_wdata_o(access_o.wdata),
    .reg_be_o(access_o.be),
    .reg_rdata_i(rdata_i),
    .cfg_write_o(cfg_access_o.write),
    .cfg_at_o(cfg_access_o.at),
    .cfg_wdata_o(cfg_access_o.wdata),
    .cfg_be_o(cfg_access_o.be),
    .cfg_destination_o(cfg_access_o.destination),
    .cfg_rdata_i,
    .bdf_i(decoded_accessed_i.bdf),
    .error_o(access_error_o),
    .completion_valid_o,
    .completion_o,
    .completion_data_o,
    .completion_pop_i,
    .owes_nothing_o
  );

endmodule
