// Who sends next, and the TLP that is going out beat by beat.
//
// Completions come first (they are owed), then messages and interrupts, then the channels in turn, one TLP each. Posted TLPs go in the order
// chosen: if the next one lacks credits, no other posted one slips by, or a channel that needs many credits would wait for ever; completions do slip
// by. Reads take turns with what is posted, TLP by TLP, and neither waits for the other's credits. The next TLP is chosen in the clock in which the
// last beat of the one before passes, so a willing receiver sees no gap.

`include "silico_assert.svh"

module silico_transmitter
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_crc_pkg::*;
  import silico_transmitter_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  localparam int unsigned BeatBytes = DataWidth / 8,
  localparam int unsigned C2hBits = NumC2h > 1 ? $clog2(NumC2h) : 1,
  localparam int unsigned H2cBits = NumH2c > 1 ? $clog2(NumH2c) : 1
) (
  input  logic                            clk_i,
  input  logic                            reset_i,

  output logic                            tx_valid_o,
  output logic                            tx_sop_o,
  output logic                            tx_eop_o,
  output logic [31:0]                     tx_digest_o,
  output header_t                         tx_header_o,
  output logic [6:0]                      tx_bytes_o,
  output logic [DataWidth-1:0]            tx_data_o,
  input  logic                            tx_ready_i,

  input  limits_t                         limits_i,
  // Used so far in the posted class, at the start of the clock.
  output consumed_t                       posted_consumed_o,
  input  cfg_decoded_t                    decoded_i,
  input  logic                            flr_pending_i,

  input  logic                            completion_valid_i,
  input  header_t                         completion_i,
  input  logic [63:0]                     completion_data_i,
  output logic                            completion_pop_o,

  // Messages to the root complex, most urgent first: ERR_FATAL, ERR_NONFATAL, ERR_COR, PME_TO_Ack.
  input  logic [3:0]                      messages_i,
  output logic [3:0]                      message_sent_o,
  input  logic                            intx_due_i,
  input  logic                            intx_assert_i,
  output logic                            intx_sent_o,
  input  logic                            interrupt_valid_i,
  input  logic [63:0]                     interrupt_address_i,
  input  logic [31:0]                     interrupt_data_i,
  output logic                            interrupt_sent_o,

  // Posted writes of C2H channels, and their FIFOs' beats.
  input  write_t [NumC2h-1:0]             c2h_i,
  output answer_t [NumC2h-1:0]            c2h_answer_o,
  input  logic [NumC2h-1:0][DataWidth-1:0] c2h_data_i,
  output flow_t [NumC2h-1:0]              c2h_flow_o,

  // Write-back blocks of H2C channels.
  input  write_t [NumH2c-1:0]             block_i,
  output answer_t [NumH2c-1:0]            block_answer_o,

  // Reads of H2C channels, and of C2H channels with pages. `tag_i`: the next one that is free.
  input  read_t [NumH2c-1:0]              read_i,
  output answer_t [NumH2c-1:0]            read_answer_o,
  input  read_t [NumC2h-1:0]              fetch_i,
  output answer_t [NumC2h-1:0]            fetch_answer_o,
  input  logic                            tag_valid_i,
  input  logic [7:0]                      tag_i,
  output lack_e                           lack_o,
  // A read goes out: as it was asked for, with the attributes that it has on the link.
  output logic                            issued_o,
  output read_t                           issued_read_o,
  output logic                            read_left_valid_o,
  output logic [7:0]                      read_left_tag_o,

  // As the clock ends, nothing is going out.
  output logic                            quiet_o,
  // A message could go: whoever waits with a reset for one asks.
  output logic                            affords_message_o,
  // For the counters.
  output logic                            beat_passes_o,
  output logic                            held_o,
  output logic                            no_credit_o,
  output logic                            tlp_done_o
);

  localparam logic [6:0] BlockBytes = 7'd64;
  localparam logic [7:0] AssertInta = 8'h20;
  localparam logic [7:0] DeassertInta = 8'h24;
  localparam logic [2:0] ToRoot = 3'd0;
  localparam logic [2:0] Local = 3'd4;
  localparam logic [2:0] Gathered = 3'd5;

  // --- the TLP that is going out -----------------------------------------------------------------------------------------

  source_e     source_q;
  logic [3:0]  channel_q;
  logic [7:0]  tag_q;
  header_t     header_q;
  logic        sop_q;
  // Bytes that have not passed: of all, and of the prefix, which is shifted as it goes.
  logic [10:0] left_q;
  logic [6:0]  prefix_left_q;
  logic [511:0] prefix_q;
  logic [31:0] digest_q, digest;
  logic        active, eop, passes, ends;
  logic [6:0]  bytes, prefix_bytes, fifo_bytes;
  logic [DataWidth-1:0] fifo_data, data;

  assign active = source_q != FromNobody;
  assign bytes = left_q >= 11'(BeatBytes) ? 7'(BeatBytes) : left_q[6:0];
  assign eop = left_q <= 11'(BeatBytes);
  assign passes = active && tx_ready_i;
  assign ends = passes && eop;
  assign prefix_bytes = prefix_left_q < bytes ? prefix_left_q : bytes;
  assign fifo_bytes = bytes - prefix_bytes;

  // Only the channel that sends has its beat shown.
  always_comb begin
    fifo_data = '0;
    for (int unsigned i = 0; i < NumC2h; i++) if (channel_q == 4'(i)) fifo_data = c2h_data_i[i];
    data = prefix_q[DataWidth-1:0];
    // A prefix is as long as a beat or longer, or nothing follows it, but with beats of 64 bytes.
    if (prefix_left_q == '0) data = fifo_data;
    else if (DataWidth == 512 && prefix_left_q == 7'd32 && source_q == FromC2h) data[DataWidth-1:DataWidth/2] = fifo_data[DataWidth/2-1:0];
    for (int unsigned i = 0; i < BeatBytes; i++) if (7'(i) >= bytes) data[8*i +: 8] = 8'h00;
  end

  always_comb begin
    digest = digest_q;
    if (active && has_digest(header_q)) begin
      if (sop_q) digest = header_digest(header_q);
      for (int unsigned i = 0; i < BeatBytes; i++) if (7'(i) < bytes) digest = crc32_byte(digest, data[8*i +: 8]);
    end
  end

  assign tx_valid_o = active;
  assign tx_sop_o = active && sop_q;
  assign tx_eop_o = active && eop;
  assign tx_header_o = tx_sop_o ? header_q : '0;
  assign tx_bytes_o = active ? bytes : '0;
  assign tx_data_o = active ? data : '0;
  assign tx_digest_o = tx_eop_o && has_digest(header_q) ? ~{digest[7:0], digest[15:8], digest[23:16], digest[31:24]} : '0;

  assign beat_passes_o = passes;
  assign held_o = active && !tx_ready_i;
  assign tlp_done_o = ends;
  assign read_left_valid_o = ends && (source_q inside {FromRead, FromFetch});
  assign read_left_tag_o = tag_q;

  // Who has the transmitter: one of them, for the whole of its TLP.
  logic [NumC2h-1:0] c2h_active, fetch_active;
  logic [NumH2c-1:0] block_active, read_active;

  always_comb begin
    for (int unsigned i = 0; i < NumC2h; i++) begin
      c2h_active[i] = source_q == FromC2h && channel_q == 4'(i);
      fetch_active[i] = source_q == FromFetch && channel_q == 4'(i);
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      block_active[i] = source_q == FromBlock && channel_q == 4'(i);
      read_active[i] = source_q == FromRead && channel_q == 4'(i);
    end
  end

  // --- credits -----------------------------------------------------------------------------------------------------------

  consumed_t [2:0] consumed_q;

  function automatic logic affords(consumed_t used, limit_t limit, logic [12:0] bytes_needed);
    return allows(used, limit, data_credits(bytes_needed));
  endfunction

  assign posted_consumed_o = consumed_q[ClassPosted];
  assign affords_message_o = affords(consumed_q[ClassPosted], limits_i[ClassPosted], '0);

  always_comb begin
    if (!affords(consumed_q[ClassNonPosted], limits_i[ClassNonPosted], '0)) lack_o = LackCredit;
    else lack_o = tag_valid_i ? LackNone : LackTag;
  end

  // --- who is next -------------------------------------------------------------------------------------------------------

  logic [C2hBits-1:0] c2h_next, fetch_next;
  logic [H2cBits-1:0] block_next, read_next;
  write_t c2h_write, block;
  read_t fetch, h2c_read;
  logic fetches_first_q, blocks_first_q, reads_first_q;
  logic [NumC2h-1:0] c2h_wants, fetch_wants, c2h_grant, fetch_grant;
  logic [NumH2c-1:0] block_wants, read_wants, block_grant, read_grant;
  logic c2h_waits, fetch_waits, block_waits, read_waits, c2h_any, fetch_any, block_any, read_any;
  logic free, completion_goes, may_request, posted_goes, read_goes, fetch_goes, h2c_read_goes;
  logic message_waits, intx_goes, message_goes, interrupt_goes, channel_turn, block_chosen, c2h_chosen, block_goes, c2h_goes;
  logic posted_tried, reads_tried, blocks_tried, c2h_tried;
  logic starved;
  logic [1:0] message;

  always_comb begin
    for (int unsigned i = 0; i < NumC2h; i++) begin
      c2h_wants[i] = c2h_i[i].valid;
      fetch_wants[i] = fetch_i[i].valid;
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      block_wants[i] = block_i[i].valid;
      read_wants[i] = read_i[i].valid;
    end
  end

  silico_arbiter #(.T(write_t), .Num(NumC2h)) u_c2h (
    .clk_i,
    .reset_i,
    .valid_i(c2h_wants),
    .ready_o(c2h_grant),
    .data_i(c2h_i),
    .valid_o(c2h_waits),
    .ready_i(c2h_goes),
    .data_o(c2h_write),
    .index_o(c2h_next)
  );

  silico_arbiter #(.T(read_t), .Num(NumC2h)) u_fetch (
    .clk_i,
    .reset_i,
    .valid_i(fetch_wants),
    .ready_o(fetch_grant),
    .data_i(fetch_i),
    .valid_o(fetch_waits),
    .ready_i(read_goes && fetch_goes),
    .data_o(fetch),
    .index_o(fetch_next)
  );

  silico_arbiter #(.T(write_t), .Num(NumH2c)) u_block (
    .clk_i,
    .reset_i,
    .valid_i(block_wants),
    .ready_o(block_grant),
    .data_i(block_i),
    .valid_o(block_waits),
    .ready_i(block_goes),
    .data_o(block),
    .index_o(block_next)
  );

  silico_arbiter #(.T(read_t), .Num(NumH2c)) u_read (
    .clk_i,
    .reset_i,
    .valid_i(read_wants),
    .ready_o(read_grant),
    .data_i(read_i),
    .valid_o(read_waits),
    .ready_i(read_goes && h2c_read_goes),
    .data_o(h2c_read),
    .index_o(read_next)
  );

  assign c2h_any = c2h_waits && decoded_i.bus_master;
  assign fetch_any = fetch_waits && decoded_i.bus_master;
  assign block_any = block_waits && decoded_i.bus_master;
  assign read_any = read_waits && decoded_i.bus_master;

  source_e source;
  assign free = !active || ends;
  assign quiet_o = free && source == FromNobody;
  assign completion_goes = free && completion_valid_i
                         && affords(consumed_q[ClassCompletion], limits_i[ClassCompletion], payload_bytes(completion_i));
  // With a reset pending nothing new: the completion of the write that asked for it goes, then the reset comes.
  assign may_request = free && !completion_goes && !flr_pending_i;

  // Reads.
  assign h2c_read_goes = read_any && lack_o == LackNone && !(fetches_first_q && fetch_any);
  assign fetch_goes = fetch_any && lack_o == LackNone && !h2c_read_goes;
  assign reads_tried = may_request && (reads_first_q || !posted_goes);
  assign read_goes = reads_tried && (h2c_read_goes || fetch_goes);

  // Posted.
  assign message_waits = messages_i != '0;
  assign posted_tried = may_request && !(reads_first_q && (h2c_read_goes || fetch_goes));
  assign message_goes = posted_tried && message_waits && affords_message_o;
  assign intx_goes = (posted_tried && !message_waits || free && !completion_goes && flr_pending_i) && intx_due_i && affords_message_o;
  assign interrupt_goes = posted_tried && !message_waits && !intx_due_i && interrupt_valid_i
                        && affords(consumed_q[ClassPosted], limits_i[ClassPosted], 13'd4);
  assign channel_turn = posted_tried && !message_waits && !intx_due_i && !interrupt_valid_i;
  assign block_chosen = channel_turn && block_any && (blocks_first_q || !c2h_any);
  assign c2h_chosen = channel_turn && c2h_any && !block_chosen;
  assign block_goes = block_chosen && affords(consumed_q[ClassPosted], limits_i[ClassPosted], 13'(BlockBytes));
  assign c2h_goes = c2h_chosen && affords(consumed_q[ClassPosted], limits_i[ClassPosted], 13'(c2h_write.bytes));
  assign posted_goes = message_goes || (intx_goes && !flr_pending_i) || interrupt_goes || block_goes || c2h_goes;

  // Whose turn it was, whether they could go or not: without bus mastering they are told.
  assign blocks_tried = channel_turn && (blocks_first_q || !c2h_any);
  assign c2h_tried = channel_turn && !(blocks_first_q && block_any);

  always_comb begin
    message = '0;
    for (int i = 3; i >= 0; i--) if (messages_i[i]) message = 2'(i);
    for (int unsigned i = 0; i < 4; i++) message_sent_o[i] = message_goes && message == 2'(i);
    for (int unsigned i = 0; i < NumC2h; i++) begin
      c2h_answer_o[i].grant = c2h_grant[i];
      c2h_answer_o[i].refuse = c2h_tried && c2h_wants[i] && !decoded_i.bus_master;
      c2h_answer_o[i].left = ends && c2h_active[i];
      c2h_flow_o[i].busy = c2h_active[i] || c2h_grant[i];
      c2h_flow_o[i].beat = passes && c2h_active[i];
      c2h_flow_o[i].pass = passes && c2h_active[i] && fifo_bytes != '0;
      c2h_flow_o[i].cells = fifo_bytes[6:4];
      fetch_answer_o[i].grant = fetch_grant[i];
      fetch_answer_o[i].refuse = reads_tried && fetch_wants[i] && !decoded_i.bus_master;
      fetch_answer_o[i].left = ends && fetch_active[i];
    end
    for (int unsigned i = 0; i < NumH2c; i++) begin
      block_answer_o[i].grant = block_grant[i];
      block_answer_o[i].refuse = blocks_tried && block_wants[i] && !decoded_i.bus_master;
      block_answer_o[i].left = ends && block_active[i];
      read_answer_o[i].grant = read_grant[i];
      read_answer_o[i].refuse = reads_tried && read_wants[i] && !decoded_i.bus_master;
      read_answer_o[i].left = ends && read_active[i];
    end
  end
  assign completion_pop_o = completion_goes;
  assign intx_sent_o = intx_goes;
  assign interrupt_sent_o = interrupt_goes;

  // Something wants to go, and nothing can for want of credits.
  logic rich, posted_wanted, read_starved;
  assign rich = !flr_pending_i && affords(consumed_q[ClassPosted], limits_i[ClassPosted], 13'd1 << decoded_i.max_payload);
  assign posted_wanted = message_waits || intx_due_i || interrupt_valid_i || c2h_any || block_any;
  assign read_starved = lack_o == LackCredit && tag_valid_i && (read_any || fetch_any);
  assign starved = completion_valid_i || (!rich && posted_wanted) || read_starved;
  assign no_credit_o = free && !(completion_goes || intx_goes || posted_goes || read_goes) && starved;

  // --- the next one ------------------------------------------------------------------------------------------------------

  logic [3:0]   channel;
  header_t      header;
  logic [10:0]  total;
  logic [6:0]   prefix_length;
  logic [511:0] prefix;
  class_e       sends;
  write_t       write;
  read_t        read;

  function automatic attr_t allowed(attr_t attr, cfg_decoded_t decoded);
    return '{id_based: attr.id_based, relaxed: attr.relaxed && decoded.relaxed, no_snoop: attr.no_snoop && decoded.no_snoop};
  endfunction

  function automatic logic [7:0] message_code(logic [1:0] index);
    unique case (index)
      2'd0: return 8'h33;
      2'd1: return 8'h31;
      2'd2: return 8'h30;
      default: return 8'h1b;
    endcase
  endfunction

  assign write = block_goes ? block : c2h_write;
  assign read = fetch_goes ? fetch : h2c_read;

  always_comb begin
    source = FromNobody;
    channel = '0;
    header = '0;
    total = '0;
    prefix_length = '0;
    prefix = '0;
    sends = ClassPosted;
    if (completion_goes) begin
      source = FromCompletion;
      header = completion_i;
      total = 11'(payload_bytes(completion_i));
      prefix_length = total[6:0];
      prefix[63:0] = completion_data_i;
      sends = ClassCompletion;
    end else if (read_goes) begin
      source = fetch_goes ? FromFetch : FromRead;
      channel = fetch_goes ? 4'(fetch_next) : 4'(read_next);
      header = read_header(decoded_i.bdf, tag_i, read.address, read.bytes, allowed(read.attr, decoded_i));
      sends = ClassNonPosted;
    end else if (message_goes) begin
      source = FromMessage;
      header = message_header(message == 2'd3 ? Gathered : ToRoot, decoded_i.bdf, message_code(message));
    end else if (intx_goes) begin
      source = FromMessage;
      header = message_header(Local, decoded_i.bdf, intx_assert_i ? AssertInta : DeassertInta);
    end else if (interrupt_goes) begin
      source = FromInterrupt;
      total = 11'd4;
      prefix_length = 7'd4;
      prefix[31:0] = interrupt_data_i;
      header = memory_header(CodeMemWrite, decoded_i.bdf, 8'h00, interrupt_address_i, 11'd1);
    end else if (block_goes || c2h_goes) begin
      source = block_goes ? FromBlock : FromC2h;
      channel = block_goes ? 4'(block_next) : 4'(c2h_next);
      total = write.bytes;
      prefix_length = write.prefix_bytes;
      prefix = write.prefix;
      header = with_attr(memory_header(CodeMemWrite, decoded_i.bdf, 8'h00, write.address, {2'b00, write.bytes[10:2]}),
                         allowed(write.attr, decoded_i));
    end
    if (decoded_i.ecrc_generation && source != FromNobody) header.dw0[15] = 1'b1;
  end

  assign issued_o = read_goes;
  always_comb begin
    issued_read_o = read;
    issued_read_o.attr = allowed(read.attr, decoded_i);
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      source_q <= FromNobody;
      consumed_q <= '0;
      fetches_first_q <= 1'b0;
      blocks_first_q <= 1'b0;
      reads_first_q <= 1'b0;
    end else begin
      if (ends || source != FromNobody) source_q <= source;
      if (source != FromNobody) begin
        consumed_q[sends].headers <= consumed_q[sends].headers + 8'd1;
        consumed_q[sends].data <= consumed_q[sends].data + data_credits(13'(total));
      end
      if (posted_goes) reads_first_q <= 1'b1;
      if (read_goes) begin
        reads_first_q <= 1'b0;
        fetches_first_q <= h2c_read_goes;
      end
      if (c2h_goes) blocks_first_q <= 1'b1;
      if (block_goes) blocks_first_q <= 1'b0;
    end
    if (source != FromNobody) begin
      channel_q <= channel;
      tag_q <= tag_i;
      header_q <= header;
      sop_q <= 1'b1;
      left_q <= total;
      prefix_left_q <= prefix_length;
      prefix_q <= prefix;
    end else if (passes) begin
      sop_q <= 1'b0;
      left_q <= left_q - 11'(bytes);
      prefix_left_q <= prefix_left_q - prefix_bytes;
      prefix_q <= 512'({512'h0, prefix_q} >> DataWidth);
      digest_q <= digest;
    end
  end

`ifndef SYNTHESIS
  `SILICO_ASSERT(OneSource, reset_i, $onehot0({completion_goes, read_goes, message_goes, intx_goes, interrupt_goes, block_goes, c2h_goes}))
  `SILICO_ASSERT(WholePrefix, reset_i, !(source_q inside {FromBlock, FromInterrupt, FromCompletion}) || 11'(prefix_left_q) == left_q)
  // Credits are taken only when they are there.
  `SILICO_ASSERT(CreditIsThere, reset_i, source == FromNobody || affords(consumed_q[sends], limits_i[sends], 13'(total)))
  // A beat that is shown stays as it is until it is taken.
  `SILICO_STAYS(BeatStays, reset_i, tx_valid_o && !tx_ready_i, {tx_valid_o, tx_sop_o, tx_eop_o, tx_bytes_o, tx_header_o, tx_data_o})
  `SILICO_ASSERT(NoEmptyBeat, reset_i, !tx_valid_o || tx_bytes_o != '0 || (tx_sop_o && tx_eop_o))
`endif

endmodule
