// The reference card: a PCIe endpoint with DMA channels in both directions. Its units joined; no behaviour of its own but the order of resets.
//
// One clock, and one reset scheme: `rst_ni` is power-on and takes everything; `pcie_reset_i` is fundamental reset (PERST#), a link that is down is a
// hot reset; both are sampled like any other input and take the function as a whole, at the end of the clock. All outputs come from registers.

module silico_card
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_receiver_pkg::*;
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_channel_pkg::*;
  import silico_h2c_pkg::receiver_t;
  import silico_h2c_pkg::OutputStream;
  import silico_h2c_pkg::OutputLoopback;
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

  localparam int unsigned Causes = 2 * NumC2h + 2 * NumH2c + 1;

  // --- resets ------------------------------------------------------------------------------------------------------------

  logic in_reset_q, reset_now, hold, fundamental, flr, flr_pending_q, flr_pending, flr_asked;
  logic [63:0] cycles_q;

  assign reset_now = pcie_reset_i || !link_up_i || !rst_ni;
  // In reset, and in the clock in which it is left, nothing else happens.
  assign hold = reset_now || in_reset_q;
  assign fundamental = pcie_reset_i || !rst_ni;

  always_ff @(posedge clk_i) begin
    in_reset_q <= reset_now;
    cycles_q <= fundamental ? '0 : cycles_q + 64'd1;
    flr_pending_q <= flr_pending && !flr && !hold;
  end

  // --- signals -----------------------------------------------------------------------------------------------------------

  cfg_decoded_t decoded, decoded_accessed, decoded_received;

  header_t     rx_header;
  logic [12:0] rx_passed, rx_bytes;
  logic        rx_beat, rx_valid, rx_digest_ok, rx_too_long;
  logic [1:0][31:0] rx_data;

  logic is_write, is_bar2, is_request, is_completion, is_slot_power, is_turn_off, is_dropped, is_received;
  logic [15:0] write_offset;
  error_t judged_error, received_error, access_error;

  request_t arriving, request;
  logic request_valid, answerable, keeps, pops, overflow, queues_empty, access_busy;

  logic reg_req, reg_write, reg_bar2;
  logic [15:0] reg_offset;
  logic [31:0] reg_wdata, reg_rdata, bar0_rdata, bar2_rdata;
  logic [3:0] reg_be;

  logic cfg_write;
  logic [9:0] cfg_at;
  logic [31:0] cfg_wdata, cfg_rdata;
  logic [3:0] cfg_be;
  logic [15:0] cfg_destination;
  report_t report, report_received;
  limits_t granted;

  logic completion_valid, completion_pop, owes_nothing;
  header_t completion;
  logic [63:0] completion_data;

  logic [3:0] messages_q, messages_sent;
  logic intx_due, intx_due_next, intx_assert, intx_sent, affords_message, transmitter_quiet;
  logic msix_ready, msi_ready, interrupt_sent, msix_sent;
  logic [7:0] msix_number;
  logic [63:0] msix_address, msi_address;
  logic [31:0] msix_data, msi_data;
  logic [Vectors-1:0] msix_raise, msix_raise_accessed, msix_keep;
  logic [7:0] msi_raise, msi_raise_accessed, msi_raise_card, msi_keep;
  logic msix_keep_valid, msi_keep_valid, interrupt_status, msix_pending, msi_pending;

  write_t [NumC2h-1:0] c2h_write;
  logic [NumC2h-1:0] c2h_grant, c2h_refuse, c2h_left, c2h_pass, c2h_beat, c2h_busy;
  logic [NumC2h-1:0][DataWidth-1:0] c2h_data;
  logic [2:0] c2h_cells;
  bus_t [NumC2h-1:0] c2h_bus;
  logic [NumC2h-1:0][31:0] c2h_rdata;
  logic [NumC2h-1:0] c2h_hole, c2h_failed, c2h_failed_accessed;
  logic [NumC2h-1:0][1:0] c2h_acknowledge;
  vector_t [NumC2h-1:0][1:0] c2h_fired, c2h_fired_accessed;
  vector_t [NumC2h-1:0] c2h_data_signal, c2h_error_signal;

  read_t [NumH2c-1:0] h2c_read;
  logic [NumH2c-1:0] h2c_read_grant, h2c_read_refuse, h2c_read_left;
  logic [NumH2c-1:0][8:0] h2c_reads;
  read_t [NumC2h-1:0] c2h_fetch;
  logic [NumC2h-1:0] c2h_fetch_grant, c2h_fetch_refuse, c2h_fetch_left;
  logic [NumC2h-1:0][8:0] c2h_reads;

  logic tag_valid, issued, read_left, reads_forgotten, reads_pending, read_aborted, read_unsupported, read_counts, read_timed_out;
  logic [7:0] tag, read_left_tag;
  logic [8:0] tags_in_use, tags_resting;
  lack_e lack;
  read_t issued_read;
  error_e completion_error;
  error_t timeout_error;
  reader_t reader;
  read_beat_t read_beat;
  read_arrival_t read_arrival;
  read_failure_t timeout_failure, completion_failure;

  write_t [NumH2c-1:0] h2c_block;
  logic [NumH2c-1:0] h2c_block_grant, h2c_block_refuse, h2c_block_left;
  bus_t [NumH2c-1:0] h2c_bus;
  logic [NumH2c-1:0][31:0] h2c_rdata;
  logic [NumH2c-1:0] h2c_hole, h2c_failed, h2c_failed_accessed;
  logic [NumH2c-1:0][1:0] h2c_acknowledge;
  vector_t [NumH2c-1:0][1:0] h2c_fired, h2c_fired_accessed;
  vector_t [NumH2c-1:0] h2c_space_signal, h2c_error_signal;

  logic [NumH2c-1:0] output_valid, output_last, output_error, target_valid, receiver_stopped;
  receiver_t [NumH2c-1:0] output_receiver;
  logic [NumH2c-1:0][6:0] output_bytes;
  logic [NumH2c-1:0][DataWidth-1:0] output_data;
  logic [NumH2c-1:0][3:0] target;
  logic [NumC2h-1:0][NumH2c-1:0] loop_feeds;
  logic [NumC2h-1:0] loop_valid, loop_last, loop_error, loop_ready, loop_attach, loop_attached, loop_detach, c2h_running;
  logic [NumC2h-1:0][15:0] loop_source;
  logic [NumC2h-1:0][6:0] loop_bytes;
  logic [NumC2h-1:0][DataWidth-1:0] loop_data;

  consumed_t posted_consumed;
  logic beat_passes, held, no_credit, tlp_done, enabled, card_reset, perf_latch, perf_clear;
  vector_t card_signal, card_fired, card_fired_signalled;

  vector_t [Causes-2:0] signals;
  vector_t [Causes-1:0] fired, fired_accessed;

  // --- receive -------------------------------------------------------------------------------------------------------------

  silico_rx #(.DataWidth(DataWidth)) u_rx (
    .clk_i,
    .reset_i(hold),
    .rx_valid_i,
    .rx_sop_i,
    .rx_eop_i,
    .rx_discard_i,
    .rx_digest_i,
    .rx_header_i,
    .rx_bytes_i,
    .rx_data_i,
    .header_o(rx_header),
    .passed_o(rx_passed),
    .beat_valid_o(rx_beat),
    .valid_o(rx_valid),
    .bytes_o(rx_bytes),
    .data_o(rx_data),
    .digest_ok_o(rx_digest_ok),
    .too_long_o(rx_too_long)
  );
  assign rx_ready_o = !in_reset_q;

  silico_judge u_judge (
    .valid_i(rx_valid),
    .too_long_i(rx_too_long),
    .header_i(rx_header),
    .bytes_i(rx_bytes),
    .digest_ok_i(rx_digest_ok),
    .decoded_i(decoded_received),
    .forgotten_i(reads_forgotten),
    .write_o(is_write),
    .bar2_o(is_bar2),
    .offset_o(write_offset),
    .request_o(is_request),
    .completion_o(is_completion),
    .slot_power_o(is_slot_power),
    .turn_off_o(is_turn_off),
    .dropped_o(is_dropped),
    .received_o(is_received),
    .error_o(judged_error)
  );

  always_comb begin
    arriving.header = rx_header;
    arriving.data = rx_data;
    arriving.bar2 = is_bar2;
    arriving.offset = write_offset;
    arriving.posted = is_write;
    received_error = judged_error;
    if (overflow) received_error = '{kind: ErrorReceiverOverflow, has_header: 1'b0, header: '0};
    else if (is_completion) received_error = '{kind: completion_error, has_header: 1'b1, header: rx_header};
  end

  silico_receiver #(.NpDepth(NpDepth)) u_receiver (
    .clk_i,
    .reset_i(hold),
    .drop_posted_i(flr),
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
    .dropped_class_i(class_of(rx_header)),
    .dropped_bytes_i(rx_bytes),
    .credits_o(granted),
    .empty_o(queues_empty)
  );
  assign credits_o = in_reset_q ? '0 : granted;

  silico_access #(.NpDepth(NpDepth)) u_access (
    .clk_i,
    .reset_i(hold || flr),
    .reset_completions_i(hold),
    .flr_pending_i(flr_pending_q),
    .decoded_i(decoded),
    .head_valid_i(request_valid),
    .head_i(request),
    .answerable_o(answerable),
    .keep_o(keeps),
    .pop_o(pops),
    .busy_o(access_busy),
    .reg_req_o(reg_req),
    .reg_write_o(reg_write),
    .reg_bar2_o(reg_bar2),
    .reg_offset_o(reg_offset),
    .reg_wdata_o(reg_wdata),
    .reg_be_o(reg_be),
    .reg_rdata_i(reg_rdata),
    .cfg_write_o(cfg_write),
    .cfg_at_o(cfg_at),
    .cfg_wdata_o(cfg_wdata),
    .cfg_be_o(cfg_be),
    .cfg_destination_o(cfg_destination),
    .cfg_rdata_i(cfg_rdata),
    .bdf_i(decoded_accessed.bdf),
    .error_o(access_error),
    .completion_valid_o(completion_valid),
    .completion_o(completion),
    .completion_data_o(completion_data),
    .completion_pop_i(completion_pop),
    .owes_nothing_o(owes_nothing)
  );
  assign reg_rdata = reg_bar2 ? bar2_rdata : bar0_rdata;

  // The last completion has gone, and INTA has fallen where the root complex can be told: now the function may be reset (PCIe 4.0 §6.6.2).
  assign flr_pending = flr_pending_q || flr_asked;
  assign flr = flr_pending && owes_nothing && transmitter_quiet && !(intx_due_next && affords_message) && !hold;

  silico_config #(.Vectors(Vectors), .Vendor(Vendor), .Device(Device), .Serial(Serial), .Build(Build)) u_config (
    .clk_i,
    .reset_flr_i(flr),
    .reset_hot_i(hold),
    .reset_fundamental_i(fundamental),
    .decoded_o(decoded),
    .decoded_accessed_o(decoded_accessed),
    .decoded_received_o(decoded_received),
    .msi_ready_o(msi_ready),
    .msi_address_o(msi_address),
    .msi_data_o(msi_data),
    .msi_take_i(interrupt_sent && !msix_ready),
    .msi_raise_i(msi_raise),
    .timeout_error_i(timeout_error),
    .write_i(cfg_write),
    .at_i(cfg_at),
    .wdata_i(cfg_wdata),
    .be_i(cfg_be),
    .destination_i(cfg_destination),
    .transactions_pending_i(reads_pending),
    .rdata_o(cfg_rdata),
    .flr_o(flr_asked),
    .access_error_i(access_error),
    .msi_raise_accessed_i(msi_raise_accessed),
    .msi_raise_card_i(msi_raise_card),
    .msi_keep_valid_i(msi_keep_valid),
    .msi_keep_i(msi_keep),
    .interrupt_status_valid_i(1'b1),
    .interrupt_status_i(interrupt_status),
    .msi_pending_o(msi_pending),
    .received_error_i(received_error),
    .received_abort_i(read_aborted),
    .received_unsupported_i(read_unsupported),
    .slot_power_valid_i(is_slot_power),
    .slot_power_i(rx_data[0][9:0]),
    .report_o(report),
    .report_received_o(report_received)
  );

  // --- interrupts and messages ---------------------------------------------------------------------------------------------

  // Owed to the root complex, most urgent first: ERR_FATAL, ERR_NONFATAL, ERR_COR, PME_TO_Ack.
  logic [3:0] messages;
  assign messages = flr ? '0 : (messages_q & ~messages_sent) | {1'b0, report.correctable, report.non_fatal, report.fatal};

  always_ff @(posedge clk_i) begin
    if (hold) messages_q <= '0;
    else messages_q <= messages | {is_turn_off, report_received.correctable, report_received.non_fatal, report_received.fatal};
  end

  silico_msix #(.Vectors(Vectors)) u_msix (
    .clk_i,
    .reset_i(hold || flr),
    .open_i(decoded.msix_enabled && !decoded.msix_mask && decoded.bus_master),
    .ready_o(msix_ready),
    .vector_o(msix_number),
    .address_o(msix_address),
    .data_o(msix_data),
    .take_i(msix_sent),
    .raise_i(msix_raise),
    .write_i(reg_req && reg_write && reg_bar2),
    .offset_i(reg_offset[13:0]),
    .wdata_i(reg_wdata),
    .be_i(reg_be),
    .rdata_o(bar2_rdata),
    .raise_accessed_i(msix_raise_accessed),
    .keep_valid_i(msix_keep_valid),
    .keep_i(msix_keep),
    .pending_o(msix_pending)
  );
  assign msix_sent = interrupt_sent && msix_ready;

  // Two causes a channel, those of C2H channels first, and that of the card last.
  always_comb begin
    signals = '0;
    fired = '0;
    fired_accessed = '0;
    for (int unsigned i = 0; i < NumC2h; i++) begin
      signals[2*i] = c2h_data_signal[i];
      signals[2*i + 1] = c2h_error_signal[i];
      fired[2*i +: 2] = c2h_fired[i];
      fired_accessed[2*i +: 2] = c2h_fired_accessed[i];
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      signals[2*(NumC2h + i)] = h2c_space_signal[i];
      signals[2*(NumC2h + i) + 1] = h2c_error_signal[i];
      fired[2*(NumC2h + i) +: 2] = h2c_fired[i];
      fired_accessed[2*(NumC2h + i) +: 2] = h2c_fired_accessed[i];
    end
    fired[Causes-1] = card_fired;
    fired_accessed[Causes-1] = card_fired_signalled;
  end

  silico_causes #(.Causes(Causes), .Vectors(Vectors)) u_causes (
    .clk_i,
    .reset_i(hold),
    .reset_flr_i(flr),
    .decoded_i(decoded),
    .decoded_accessed_i(decoded_accessed),
    .flr_pending_i(flr_pending),
    .config_written_i(cfg_write),
    .signals_i(signals),
    .card_signal_i(card_signal),
    .fired_i(fired),
    .fired_accessed_i(fired_accessed),
    .msix_raise_o(msix_raise),
    .msix_raise_accessed_o(msix_raise_accessed),
    .msi_raise_o(msi_raise),
    .msi_raise_accessed_o(msi_raise_accessed),
    .msi_raise_card_o(msi_raise_card),
    .msix_keep_valid_o(msix_keep_valid),
    .msix_keep_o(msix_keep),
    .msi_keep_valid_o(msi_keep_valid),
    .msi_keep_o(msi_keep),
    .interrupt_status_o(interrupt_status),
    .intx_due_o(intx_due),
    .intx_due_next_o(intx_due_next),
    .intx_assert_o(intx_assert),
    .intx_sent_i(intx_sent)
  );

  // --- transmit --------------------------------------------------------------------------------------------------------------

  silico_transmitter #(.DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c)) u_transmitter (
    .clk_i,
    .reset_i(hold),
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
    .decoded_i(decoded),
    .flr_pending_i(flr_pending_q),
    .completion_valid_i(completion_valid),
    .completion_i(completion),
    .completion_data_i(completion_data),
    .completion_pop_o(completion_pop),
    .messages_i(messages_q),
    .message_sent_o(messages_sent),
    .intx_due_i(intx_due),
    .intx_assert_i(intx_assert),
    .intx_sent_o(intx_sent),
    .interrupt_valid_i(msix_ready || msi_ready),
    .interrupt_address_i(msix_ready ? msix_address : msi_address),
    .interrupt_data_i(msix_ready ? msix_data : msi_data),
    .interrupt_sent_o(interrupt_sent),
    .c2h_i(c2h_write),
    .c2h_grant_o(c2h_grant),
    .c2h_refuse_o(c2h_refuse),
    .c2h_left_o(c2h_left),
    .c2h_data_i(c2h_data),
    .c2h_pass_o(c2h_pass),
    .c2h_cells_o(c2h_cells),
    .block_i(h2c_block),
    .block_grant_o(h2c_block_grant),
    .block_refuse_o(h2c_block_refuse),
    .block_left_o(h2c_block_left),
    .read_i(h2c_read),
    .read_grant_o(h2c_read_grant),
    .read_refuse_o(h2c_read_refuse),
    .read_left_o(h2c_read_left),
    .fetch_i(c2h_fetch),
    .fetch_grant_o(c2h_fetch_grant),
    .fetch_refuse_o(c2h_fetch_refuse),
    .fetch_left_o(c2h_fetch_left),
    .tag_valid_i(tag_valid),
    .tag_i(tag),
    .lack_o(lack),
    .issued_o(issued),
    .issued_read_o(issued_read),
    .read_left_valid_o(read_left),
    .read_left_tag_o(read_left_tag),
    .quiet_o(transmitter_quiet),
    .affords_message_o(affords_message),
    .beat_passes_o(beat_passes),
    .c2h_beat_o(c2h_beat),
    .c2h_busy_o(c2h_busy),
    .held_o(held),
    .no_credit_o(no_credit),
    .tlp_done_o(tlp_done)
  );

  // --- reads -----------------------------------------------------------------------------------------------------------------

  // Who reads shows what it wants in `h2c_read` or `c2h_fetch`, is told of grants, and of what comes by `read_beat`, `read_arrival`, `timeout_failure`
  // and `completion_failure`, whose owner says whose they are; beats with the bytes that are received in that clock.
  silico_reads #(.Tags(ReadTags), .NumC2h(NumC2h), .NumH2c(NumH2c), .ReadTimeout(ReadTimeout)) u_reads (
    .clk_i,
    .reset_i(hold),
    .reset_time_i(fundamental),
    .forget_i(flr),
    .decoded_i(decoded),
    .decoded_received_i(decoded_received),
    .now_i(cycles_q),
    .tag_valid_o(tag_valid),
    .tag_o(tag),
    .issue_i(issued),
    .owner_i(issued_read.owner),
    .address_i(issued_read.address),
    .bytes_i(issued_read.bytes),
    .attr_i(issued_read.attr),
    .left_i(read_left),
    .left_tag_i(read_left_tag),
    .timed_out_o(read_timed_out),
    .timeout_error_o(timeout_error),
    .timeout_failure_o(timeout_failure),
    .beat_valid_i(rx_beat),
    .first_i(rx_sop_i),
    .header_i(rx_header),
    .passed_i(rx_passed),
    .beat_bytes_i(rx_bytes_i),
    .beat_o(read_beat),
    .completion_i(is_completion),
    .completion_bytes_i(rx_bytes),
    .forgotten_o(reads_forgotten),
    .error_o(completion_error),
    .aborted_o(read_aborted),
    .unsupported_o(read_unsupported),
    .counts_o(read_counts),
    .reader_o(reader),
    .arrival_o(read_arrival),
    .failure_o(completion_failure),
    .h2c_reads_o(h2c_reads),
    .c2h_reads_o(c2h_reads),
    .pending_o(reads_pending),
    .in_use_o(tags_in_use),
    .resting_o(tags_resting)
  );

  // A channel wants to read, but for the one that may, and there is no tag.
  logic no_tag;
  always_comb begin
    no_tag = 1'b0;
    for (int unsigned i = 0; i < NumH2c; i++) no_tag = no_tag || (lack == LackTag && h2c_read[i].valid && !h2c_read_grant[i]);
    for (int unsigned i = 0; i < NumC2h; i++) no_tag = no_tag || (lack == LackTag && c2h_fetch[i].valid && !c2h_fetch_grant[i]);
  end


  // --- registers and channels ------------------------------------------------------------------------------------------------

  silico_registers #(
    .DataWidth(DataWidth), .NumC2h(NumC2h), .NumH2c(NumH2c), .ReadTags(ReadTags), .Vectors(Vectors), .FifoBytes(FifoBytes),
    .FifoFrames(FifoFrames), .Elinks(Elinks), .Build(Build)
  ) u_registers (
    .clk_i,
    .reset_i(hold),
    .reset_flr_i(flr),
    .req_i(reg_req && !reg_bar2),
    .write_i(reg_write),
    .offset_i(reg_offset),
    .wdata_i(reg_wdata),
    .be_i(reg_be),
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
    .message_sent_i(msix_sent),
    .message_number_i(msix_number),
    .card_signal_o(card_signal),
    .card_fired_o(card_fired),
    .card_fired_signalled_o(card_fired_signalled),
    .tx_passes_i(beat_passes),
    .tx_held_i(held),
    .no_credit_i(no_credit),
    .tlp_sent_i(tlp_done),
    .interrupt_sent_i(interrupt_sent || (intx_sent && intx_assert)),
    .no_tag_i(no_tag),
    .tlp_received_i(is_received),
    .rx_passes_i(rx_valid_i && !hold)
  );

  for (genvar i = 0; i < int'(NumC2h); i++) begin : gen_c2h
    silico_c2h #(
      .DataWidth(DataWidth), .FifoBytes(FifoBytes), .FifoFrames(FifoFrames), .Elinks(Elinks), .Vectors(Vectors)
    ) u_c2h (
      .clk_i,
      .index_i(8'(i)),
      .rst_ni,
      .reset_i(hold || flr),
      .card_reset_i(card_reset),
      .enabled_i(enabled),
      .decoded_i(decoded),
      .limit_i(credits_i[ClassPosted]),
      .consumed_i(posted_consumed),
      .now_i(cycles_q),
      .front_valid_i(front_valid_i[i]),
      .front_last_i(front_last_i[i]),
      .front_error_i(front_error_i[i]),
      .front_source_i(front_source_i[i]),
      .front_bytes_i(front_bytes_i[i]),
      .front_data_i(front_data_i[i]),
      .front_ready_o(front_ready_o[i]),
      .front_busy_o(front_busy_o[i]),
      .loop_valid_i(loop_valid[i]),
      .loop_last_i(loop_last[i]),
      .loop_error_i(loop_error[i]),
      .loop_source_i(loop_source[i]),
      .loop_bytes_i(loop_bytes[i]),
      .loop_data_i(loop_data[i]),
      .loop_ready_o(loop_ready[i]),
      .attach_i(loop_attach[i]),
      .attached_o(loop_attached[i]),
      .detach_i(loop_detach[i]),
      .running_o(c2h_running[i]),
      .write_o(c2h_write[i]),
      .grant_i(c2h_grant[i]),
      .refuse_i(c2h_refuse[i]),
      .left_i(c2h_left[i]),
      .data_o(c2h_data[i]),
      .pass_i(c2h_pass[i]),
      .pass_cells_i(c2h_cells),
      .sending_i(c2h_busy[i]),
      .beat_i(c2h_beat[i]),
      .fetch_o(c2h_fetch[i]),
      .fetch_grant_i(c2h_fetch_grant[i]),
      .fetch_refuse_i(c2h_fetch_refuse[i]),
      .fetch_left_i(c2h_fetch_left[i]),
      .reads_i(c2h_reads[i]),
      .read_beat_i(read_beat),
      .read_data_i(rx_data_i),
      .read_arrival_i(read_arrival),
      .timeout_failure_i(timeout_failure),
      .completion_failure_i(completion_failure),
      .bus_i(c2h_bus[i]),
      .rdata_o(c2h_rdata[i]),
      .hole_o(c2h_hole[i]),
      .perf_latch_i(perf_latch),
      .perf_clear_i(perf_clear),
      .data_signal_o(c2h_data_signal[i]),
      .error_signal_o(c2h_error_signal[i]),
      .message_sent_i(msix_sent),
      .message_number_i(msix_number),
      .acknowledge_i(c2h_acknowledge[i]),
      .fired_o(c2h_fired[i]),
      .fired_accessed_o(c2h_fired_accessed[i]),
      .failed_o(c2h_failed[i]),
      .failed_accessed_o(c2h_failed_accessed[i]),
      .reset_done_o()
    );
  end

  for (genvar i = 0; i < int'(NumH2c); i++) begin : gen_h2c
    logic [NumC2h-1:0] ready;
    logic [15:0] others;
    always_comb begin
      others = '0;
      for (int unsigned j = 0; j < NumH2c; j++) if (j != i && target_valid[j]) others[target[j]] = 1'b1;
      for (int unsigned t = 0; t < NumC2h; t++) ready[t] = loop_feeds[t][i] && loop_ready[t];
    end

    silico_h2c #(.DataWidth(DataWidth), .NumC2h(NumC2h), .BufferBytes(H2cBufferBytes), .Vectors(Vectors)) u_h2c (
      .clk_i,
      .index_i(8'(i)),
      .rst_ni,
      .in_reset_i(in_reset_q),
      .reset_i(hold || flr),
      .card_reset_i(card_reset),
      .enabled_i(enabled),
      .decoded_i(decoded),
      .now_i(cycles_q),
      .out_valid_o(output_valid[i]),
      .out_receiver_o(output_receiver[i]),
      .out_last_o(output_last[i]),
      .out_error_o(output_error[i]),
      .out_bytes_o(output_bytes[i]),
      .out_data_o(output_data[i]),
      .stream_ready_i(out_ready_i[i]),
      .loop_ready_i(ready),
      .receiver_stopped_i(receiver_stopped[i]),
      .target_valid_o(target_valid[i]),
      .target_o(target[i]),
      .targets_i(others),
      .block_o(h2c_block[i]),
      .block_grant_i(h2c_block_grant[i]),
      .block_refuse_i(h2c_block_refuse[i]),
      .block_left_i(h2c_block_left[i]),
      .read_o(h2c_read[i]),
      .read_grant_i(h2c_read_grant[i]),
      .read_refuse_i(h2c_read_refuse[i]),
      .read_left_i(h2c_read_left[i]),
      .lack_i(lack),
      .reads_i(h2c_reads[i]),
      .timeout_failure_i(timeout_failure),
      .beat_i(read_beat),
      .beat_data_i(rx_data_i),
      .arrival_i(read_arrival),
      .completion_failure_i(completion_failure),
      .counts_i(read_counts && !reader.fetch && reader.channel == 4'(i)),
      .count_bytes_i(rx_bytes),
      .bus_i(h2c_bus[i]),
      .rdata_o(h2c_rdata[i]),
      .hole_o(h2c_hole[i]),
      .perf_latch_i(perf_latch),
      .perf_clear_i(perf_clear),
      .space_signal_o(h2c_space_signal[i]),
      .error_signal_o(h2c_error_signal[i]),
      .message_sent_i(msix_sent),
      .message_number_i(msix_number),
      .acknowledge_i(h2c_acknowledge[i]),
      .fired_o(h2c_fired[i]),
      .fired_accessed_o(h2c_fired_accessed[i]),
      .failed_o(h2c_failed[i]),
      .failed_accessed_o(h2c_failed_accessed[i])
    );

    assign out_valid_o[i] = output_valid[i] && output_receiver[i].valid && output_receiver[i].kind == OutputStream;
    assign out_last_o[i] = output_last[i];
    assign out_error_o[i] = output_error[i];
    assign out_source_o[i] = 16'(i);
    assign out_bytes_o[i] = output_bytes[i];
    assign out_data_o[i] = output_data[i];
  end

  // --- loops -----------------------------------------------------------------------------------------------------------------

  silico_loops #(.NumC2h(NumC2h), .NumH2c(NumH2c)) u_loops (
    .clk_i,
    .reset_i(hold || flr),
    .running_i(c2h_running),
    .attach_o(loop_attach),
    .attached_i(loop_attached),
    .detach_o(loop_detach),
    .stopped_o(receiver_stopped),
    .target_valid_i(target_valid),
    .target_i(target),
    .feeds_o(loop_feeds)
  );

  // What each C2H channel is offered by the one that feeds it.
  always_comb begin
    loop_valid = '0;
    loop_last = '0;
    loop_error = '0;
    loop_source = '0;
    loop_bytes = '0;
    loop_data = '0;
    for (int unsigned t = 0; t < NumC2h; t++) begin
      for (int unsigned i = 0; i < NumH2c; i++) begin
        if (loop_feeds[t][i]) begin
          loop_valid[t] = output_valid[i] && output_receiver[i].valid && output_receiver[i].kind == OutputLoopback
                        && output_receiver[i].channel == 4'(t);
          loop_last[t] = output_last[i];
          loop_error[t] = output_error[i];
          loop_source[t] = 16'(i);
          loop_bytes[t] = output_bytes[i];
          loop_data[t] = output_data[i];
        end
      end
    end
  end

endmodule
