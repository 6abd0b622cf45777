// The reference card: a PCIe endpoint with DMA channels in both directions. Its parts joined; no behaviour of its own but the order of resets.
//
// One clock, and one reset scheme: `rst_ni` is power-on and takes everything; `pcie_reset_i` is fundamental reset (PERST#), a link that is down is a
// hot reset; both are sampled like any other input and take the function as a whole, at the end of the clock. All outputs come from registers.

module silico_card
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_receiver_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  parameter int unsigned ReadTags = 256,
  parameter logic [31:0] ReadTimeout = 32'd12_500_000,
  parameter int unsigned Vectors = 16,
  parameter int unsigned H2cBufferBytes = 65536,
  parameter int unsigned FifoBytes = 16384,
  parameter int unsigned FifoFrames = 64,
  parameter int unsigned Elinks = 64,
  parameter int unsigned NpDepth = 8,
  parameter logic [15:0] Vendor = 16'h10dc,
  parameter logic [15:0] Device = 16'h51c0,
  parameter logic [63:0] Serial = 64'h0051_c000_0000_0001,
  parameter logic [31:0] Build = 32'h5111_c000
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic                             pcie_reset_i,
  input  logic                             link_up_i,

  input  logic                             rx_valid_i,
  input  logic                             rx_sop_i,
  input  logic                             rx_eop_i,
  input  logic                             rx_discard_i,
  input  logic [31:0]                      rx_digest_i,
  input  logic [127:0]                     rx_header_i,
  input  logic [6:0]                       rx_bytes_i,
  input  logic [DataWidth-1:0]             rx_data_i,
  output logic                             rx_ready_o,

  output logic                             tx_valid_o,
  output logic                             tx_sop_o,
  output logic                             tx_eop_o,
  output logic [31:0]                      tx_digest_o,
  output logic [127:0]                     tx_header_o,
  output logic [6:0]                       tx_bytes_o,
  output logic [DataWidth-1:0]             tx_data_o,
  input  logic                             tx_ready_i,

  // Credits granted to the card, and by it.
  input  limits_t                          credits_i,
  output limits_t                          credits_o,

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
  input  logic [NumH2c-1:0]                out_ready_i
);

  // --- resets ------------------------------------------------------------------------------------------------------------

  logic in_reset_q, reset_now, hold, fundamental;
  logic flr, flr_pending_q, flr_pending, flr_asked, owes_nothing, quiet, intx_due_next, affords_message;
  logic [63:0] cycles_q;

  assign reset_now = pcie_reset_i || !link_up_i || !rst_ni;
  // In reset, and in the clock in which it is left, nothing else happens.
  assign hold = reset_now || in_reset_q;
  assign fundamental = pcie_reset_i || !rst_ni;

  // The last completion has gone, and INTA has fallen where the root complex can be told: now the function may be reset (PCIe 4.0 §6.6.2).
  assign flr_pending = flr_pending_q || flr_asked;
  assign flr = flr_pending && owes_nothing && quiet && !(intx_due_next && affords_message) && !hold;

  always_ff @(posedge clk_i) begin
    in_reset_q <= reset_now;
    cycles_q <= fundamental ? '0 : cycles_q + 64'd1;
    flr_pending_q <= flr_pending && !flr && !hold;
  end

  // --- signals -----------------------------------------------------------------------------------------------------------

  // The configuration at the start of the clock, after the access, and after a function-level reset.
  cfg_decoded_t decoded, decoded_accessed, decoded_received;

  // What is received.
  logic rx_beat, read_completion, forgotten, slot_power_valid, turn_off, tlp_received;
  header_t rx_header;
  logic [12:0] rx_passed, rx_bytes;
  logic [9:0] slot_power;
  limits_t granted;
  error_t access_error, received_error, timeout_error;
  error_e completion_error;

  // What is accessed.
  access_t access;
  config_access_t config_access;
  logic [31:0] bar0_rdata, bar2_rdata, cfg_rdata;

  // What the function sends.
  logic completion_valid, completion_pop;
  header_t completion;
  logic [63:0] completion_data;
  logic [3:0] messages, messages_sent;
  logic intx_due, intx_assert, intx_sent;
  logic interrupt_valid, interrupt_sent, vector_sent;
  logic [63:0] interrupt_address;
  logic [31:0] interrupt_data;
  logic [7:0] vector;

  // What channels send and read.
  write_t [NumC2h-1:0] c2h_write;
  answer_t [NumC2h-1:0] c2h_answer, fetch_answer;
  flow_t [NumC2h-1:0] c2h_flow;
  logic [NumC2h-1:0][DataWidth-1:0] c2h_data;
  read_t [NumC2h-1:0] fetch;
  logic [NumC2h-1:0][8:0] fetches;
  write_t [NumH2c-1:0] block;
  read_t [NumH2c-1:0] read;
  answer_t [NumH2c-1:0] block_answer, read_answer;
  logic [NumH2c-1:0][8:0] reads;
  consumed_t posted_consumed;
  lack_e lack;
  read_failure_t timeout_failure;
  told_t told;
  reader_t reader;
  logic reads_pending, read_aborted, read_unsupported, read_counts, read_timed_out;
  logic [8:0] tags_in_use, tags_resting;

  // Registers of channels, and their causes.
  bus_t [NumC2h-1:0] c2h_bus;
  bus_t [NumH2c-1:0] h2c_bus;
  logic [NumC2h-1:0][31:0] c2h_rdata;
  logic [NumH2c-1:0][31:0] h2c_rdata;
  logic [NumC2h-1:0] c2h_hole, c2h_failed, c2h_failed_accessed;
  logic [NumH2c-1:0] h2c_hole, h2c_failed, h2c_failed_accessed;
  logic [NumC2h-1:0][1:0] c2h_acknowledge;
  logic [NumH2c-1:0][1:0] h2c_acknowledge;
  vector_t [NumC2h-1:0][1:0] c2h_signals, c2h_fired, c2h_fired_accessed;
  vector_t [NumH2c-1:0][1:0] h2c_signals, h2c_fired, h2c_fired_accessed;
  vector_t card_signal, card_fired, card_fired_signalled;
  logic beat_passes, held, no_credit, no_tag, tlp_done, enabled, card_reset, perf_latch, perf_clear;

  // --- parts -------------------------------------------------------------------------------------------------------------

  silico_inbound #(.DataWidth(DataWidth), .NpDepth(NpDepth)) u_inbound (
    .clk_i,
    .reset_i(hold),
    .reset_flr_i(flr),
    .flr_pending_i(flr_pending_q),
    .decoded_i(decoded),
    .decoded_accessed_i(decoded_accessed),
    .decoded_received_i(decoded_received),
    .rx_valid_i,
    .rx_sop_i,
    .rx_eop_i,
    .rx_discard_i,
    .rx_digest_i,
    .rx_header_i,
    .rx_bytes_i,
    .rx_data_i,
    .credits_o(granted),
    .access_o(access),
    .rdata_i(access.bar2 ? bar2_rdata : bar0_rdata),
    .cfg_access_o(config_access),
    .cfg_rdata_i(cfg_rdata),
    .access_error_o(access_error),
    .completion_valid_o(completion_valid),
    .completion_o(completion),
    .completion_data_o(completion_data),
    .completion_pop_i(completion_pop),
    .owes_nothing_o(owes_nothing),
    .beat_o(rx_beat),
    .header_o(rx_header),
    .passed_o(rx_passed),
    .read_completion_o(read_completion),
    .bytes_o(rx_bytes),
    .forgotten_i(forgotten),
    .completion_error_i(completion_error),
    .received_error_o(received_error),
    .slot_power_valid_o(slot_power_valid),
    .slot_power_o(slot_power),
    .turn_off_o(turn_off),
    .received_o(tlp_received)
  );
  assign rx_ready_o = !in_reset_q;
  assign credits_o = in_reset_q ? '0 : granted;

  // Two causes a channel, those of C2H channels first, and that of the card last.
  silico_function #(
    .Causes(2 * NumC2h + 2 * NumH2c + 1), .Vectors(Vectors), .Vendor(Vendor), .Device(Device), .Serial(Serial), .Build(Build)
  ) u_function (
    .clk_i,
    .reset_i(hold),
    .reset_fundamental_i(fundamental),
    .flr_asked_o(flr_asked),
    .flr_pending_i(flr_pending),
    .reset_flr_i(flr),
    .decoded_o(decoded),
    .decoded_accessed_o(decoded_accessed),
    .decoded_received_o(decoded_received),
    .messages_o(messages),
    .messages_sent_i(messages_sent),
    .intx_due_o(intx_due),
    .intx_due_next_o(intx_due_next),
    .intx_assert_o(intx_assert),
    .intx_sent_i(intx_sent),
    .interrupt_valid_o(interrupt_valid),
    .interrupt_address_o(interrupt_address),
    .interrupt_data_o(interrupt_data),
    .interrupt_sent_i(interrupt_sent),
    .vector_sent_o(vector_sent),
    .vector_o(vector),
    .cfg_access_i(config_access),
    .cfg_rdata_o(cfg_rdata),
    .access_i(access),
    .rdata_o(bar2_rdata),
    .access_error_i(access_error),
    .reads_pending_i(reads_pending),
    .signals_i({h2c_signals, c2h_signals}),
    .card_signal_i(card_signal),
    .fired_i({card_fired, h2c_fired, c2h_fired}),
    .fired_accessed_i({card_fired_signalled, h2c_fired_accessed, c2h_fired_accessed}),
    .timeout_error_i(timeout_error),
    .received_error_i(received_error),
    .received_abort_i(read_aborted),
    .received_unsupported_i(read_unsupported),
    .slot_power_valid_i(slot_power_valid),
    .slot_power_i(slot_power),
    .turn_off_i(turn_off)
  );

  silico_outbound #(.DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c), .ReadTags(ReadTags), .ReadTimeout(ReadTimeout)) u_outbound (
    .clk_i,
    .reset_i(hold),
    .reset_fundamental_i(fundamental),
    .flr_pending_i(flr_pending_q),
    .reset_flr_i(flr),
    .decoded_i(decoded),
    .decoded_received_i(decoded_received),
    .now_i(cycles_q),
    .tx_valid_o,
    .tx_sop_o,
    .tx_eop_o,
    .tx_digest_o,
    .tx_header_o,
    .tx_bytes_o,
    .tx_data_o,
    .tx_ready_i,
    .limits_i(credits_i),
    .posted_consumed_o(posted_consumed),
    .completion_valid_i(completion_valid),
    .completion_i(completion),
    .completion_data_i(completion_data),
    .completion_pop_o(completion_pop),
    .messages_i(messages),
    .messages_sent_o(messages_sent),
    .intx_due_i(intx_due),
    .intx_assert_i(intx_assert),
    .intx_sent_o(intx_sent),
    .interrupt_valid_i(interrupt_valid),
    .interrupt_address_i(interrupt_address),
    .interrupt_data_i(interrupt_data),
    .interrupt_sent_o(interrupt_sent),
    .c2h_i(c2h_write),
    .c2h_answer_o(c2h_answer),
    .c2h_data_i(c2h_data),
    .c2h_flow_o(c2h_flow),
    .fetch_i(fetch),
    .fetch_answer_o(fetch_answer),
    .fetches_o(fetches),
    .block_i(block),
    .block_answer_o(block_answer),
    .read_i(read),
    .read_answer_o(read_answer),
    .reads_o(reads),
    .lack_o(lack),
    .reads_pending_o(reads_pending),
    .in_use_o(tags_in_use),
    .resting_o(tags_resting),
    .timed_out_o(read_timed_out),
    .timeout_error_o(timeout_error),
    .beat_i(rx_beat),
    .first_i(rx_sop_i),
    .header_i(rx_header),
    .passed_i(rx_passed),
    .beat_bytes_i(rx_bytes_i),
    .completion_come_i(read_completion),
    .completion_bytes_i(rx_bytes),
    .forgotten_o(forgotten),
    .completion_error_o(completion_error),
    .aborted_o(read_aborted),
    .unsupported_o(read_unsupported),
    .timeout_failure_o(timeout_failure),
    .told_o(told),
    .counts_o(read_counts),
    .reader_o(reader),
    .quiet_o(quiet),
    .affords_message_o(affords_message),
    .beat_passes_o(beat_passes),
    .held_o(held),
    .no_credit_o(no_credit),
    .no_tag_o(no_tag),
    .tlp_done_o(tlp_done)
  );

  silico_registers #(
    .DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c), .ReadTags(ReadTags), .Vectors(Vectors), .FifoBytes(FifoBytes),
    .FifoFrames(FifoFrames), .Elinks(Elinks), .Build(Build)
  ) u_registers (
    .clk_i,
    .reset_i(hold),
    .reset_flr_i(flr),
    .req_i(access.req && !access.bar2),
    .write_i(access.write),
    .offset_i(access.offset),
    .wdata_i(access.wdata),
    .be_i(access.be),
    .rdata_o(bar0_rdata),
    .c2h_bus_o(c2h_bus),
    .c2h_rdata_i(c2h_rdata),
    .c2h_hole_i(c2h_hole),
    .h2c_bus_o(h2c_bus),
    .h2c_rdata_i(h2c_rdata),
    .h2c_hole_i(h2c_hole),
    .card_reset_o(card_reset),
    .perf_latch_o(perf_latch),
    .perf_clear_o(perf_clear),
    .c2h_acknowledge_o(c2h_acknowledge),
    .h2c_acknowledge_o(h2c_acknowledge),
    .enabled_o(enabled),
    .cycles_i(cycles_q),
    .c2h_fired_i(c2h_fired),
    .h2c_fired_i(h2c_fired),
    .c2h_failed_i(c2h_failed),
    .h2c_failed_i(h2c_failed),
    .tags_in_use_i(tags_in_use),
    .tags_resting_i(tags_resting),
    .timed_out_i(read_timed_out),
    .c2h_failed_accessed_i(c2h_failed_accessed),
    .h2c_failed_accessed_i(h2c_failed_accessed),
    .message_sent_i(vector_sent),
    .message_number_i(vector),
    .card_signal_o(card_signal),
    .card_fired_o(card_fired),
    .card_fired_signalled_o(card_fired_signalled),
    .tx_passes_i(beat_passes),
    .tx_held_i(held),
    .no_credit_i(no_credit),
    .tlp_sent_i(tlp_done),
    .interrupt_sent_i(interrupt_sent || (intx_sent && intx_assert)),
    .no_tag_i(no_tag),
    .tlp_received_i(tlp_received),
    .rx_passes_i(rx_valid_i && !hold)
  );

  silico_channels #(
    .DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c), .Vectors(Vectors), .H2cBufferBytes(H2cBufferBytes), .FifoBytes(FifoBytes),
    .FifoFrames(FifoFrames), .Elinks(Elinks)
  ) u_channels (
    .clk_i,
    .rst_ni,
    .in_reset_i(in_reset_q),
    .reset_i(hold || flr),
    .card_reset_i(card_reset),
    .enabled_i(enabled),
    .decoded_i(decoded),
    .now_i(cycles_q),
    .front_valid_i,
    .front_last_i,
    .front_error_i,
    .front_source_i,
    .front_bytes_i,
    .front_data_i,
    .front_ready_o,
    .front_busy_o,
    .out_valid_o,
    .out_last_o,
    .out_error_o,
    .out_source_o,
    .out_bytes_o,
    .out_data_o,
    .out_ready_i,
    .c2h_o(c2h_write),
    .c2h_answer_i(c2h_answer),
    .c2h_data_o(c2h_data),
    .c2h_flow_i(c2h_flow),
    .fetch_o(fetch),
    .fetch_answer_i(fetch_answer),
    .fetches_i(fetches),
    .block_o(block),
    .block_answer_i(block_answer),
    .read_o(read),
    .read_answer_i(read_answer),
    .reads_i(reads),
    .limit_i(credits_i[ClassPosted]),
    .consumed_i(posted_consumed),
    .lack_i(lack),
    .timeout_failure_i(timeout_failure),
    .told_i(told),
    .data_i(rx_data_i),
    .counts_i(read_counts),
    .reader_i(reader),
    .count_bytes_i(rx_bytes),
    .c2h_bus_i(c2h_bus),
    .c2h_rdata_o(c2h_rdata),
    .c2h_hole_o(c2h_hole),
    .h2c_bus_i(h2c_bus),
    .h2c_rdata_o(h2c_rdata),
    .h2c_hole_o(h2c_hole),
    .perf_latch_i(perf_latch),
    .perf_clear_i(perf_clear),
    .message_sent_i(vector_sent),
    .message_number_i(vector),
    .c2h_acknowledge_i(c2h_acknowledge),
    .h2c_acknowledge_i(h2c_acknowledge),
    .c2h_signals_o(c2h_signals),
    .h2c_signals_o(h2c_signals),
    .c2h_fired_o(c2h_fired),
    .h2c_fired_o(h2c_fired),
    .c2h_fired_accessed_o(c2h_fired_accessed),
    .h2c_fired_accessed_o(h2c_fired_accessed),
    .c2h_failed_o(c2h_failed),
    .h2c_failed_o(h2c_failed),
    .c2h_failed_accessed_o(c2h_failed_accessed),
    .h2c_failed_accessed_o(h2c_failed_accessed)
  );

endmodule
