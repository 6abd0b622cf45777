// Executes requests: one dword of one request a clock, and the completion that is owed for it.
//
// Knows no register: BAR 0 is behind a bus, and so are BAR 2 and config space; each answers in the same clock.

`include "silico_assert.svh"

module silico_access
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_receiver_pkg::*;
#(
  parameter int unsigned NpDepth = 8
) (
  input  logic         clk_i,
  // The function is reset: what is under way is forgotten.
  input  logic         reset_i,
  // The card is reset by link or power: completions too.
  input  logic         reset_completions_i,
  // A function-level reset waits for what is owed.
  input  logic         flr_pending_i,
  input  cfg_decoded_t decoded_i,

  input  logic         head_valid_i,
  input  request_t     head_i,
  output logic         answerable_o,
  output logic         keep_o,
  output logic         pop_o,
  // Something was done in this clock.
  output logic         busy_o,

  // BAR 0 and BAR 2: one dword.
  output logic         reg_req_o,
  output logic         reg_write_o,
  output logic         reg_bar2_o,
  output logic [15:0]  reg_offset_o,
  output logic [31:0]  reg_wdata_o,
  output logic [3:0]   reg_be_o,
  input  logic [31:0]  reg_rdata_i,

  // Config space: one dword.
  output logic         cfg_write_o,
  output logic [9:0]   cfg_at_o,
  output logic [31:0]  cfg_wdata_o,
  output logic [3:0]   cfg_be_o,
  output logic [15:0]  cfg_destination_o,
  input  logic [31:0]  cfg_rdata_i,
  // The completer ID from this clock on: a config write changes it.
  input  logic [15:0]  bdf_i,

  output error_t       error_o,

  // The oldest completion that is owed.
  output logic         completion_valid_o,
  output header_t      completion_o,
  output logic [63:0]  completion_data_o,
  input  logic         completion_pop_i,
  // As the clock ends, none is.
  output logic         owes_nothing_o
);

  typedef struct packed {
    header_t     header;
    logic [63:0] data;
  } owed_t;

  // --- the request under way -------------------------------------------------------------------------------------------

  logic        second_q;
  logic [31:0] first_data_q;
  header_t     header;
  kind_e       kind;
  logic [10:0] length;
  logic [3:0]  be;
  logic        starts, last, claims, function_0;
  logic        writes, reads, in_bar0, in_bar2;
  logic [63:0] offset0, offset2, address;
  logic [15:0] offset;

  assign header = head_i.header;
  assign kind = kind_of(header);
  assign length = length_of(header);
  assign address = address_of(header);
  assign offset0 = address - decoded_i.bar0;
  assign offset2 = address - decoded_i.bar2;
  assign in_bar0 = decoded_i.memory && offset0[63:16] == '0;
  assign in_bar2 = decoded_i.memory && !in_bar0 && offset2[63:14] == '0;
  assign claims = in_bar0 || in_bar2;
  assign function_0 = header.dw2[18:16] == '0;

  assign starts = head_valid_i;
  assign keep_o = second_q;
  assign busy_o = starts;
  assign writes = starts && head_i.posted;
  assign reads = starts && !head_i.posted && kind == KindMemRead && claims && length <= 11'd2;
  assign last = second_q || length == 11'd1;
  assign be = !second_q ? header.dw1[3:0] : header.dw1[7:4];
  assign pop_o = starts && (!(writes || reads) || last);

  assign offset = head_i.posted ? head_i.offset : in_bar0 ? offset0[15:0] : offset2[15:0];
  assign reg_req_o = (writes || reads) && be != '0;
  assign reg_write_o = writes;
  assign reg_bar2_o = head_i.posted ? head_i.bar2 : in_bar2;
  assign reg_offset_o = {offset[15:2], 2'b00} + (second_q ? 16'd4 : 16'd0);
  assign reg_wdata_o = second_q ? head_i.data[1] : head_i.data[0];
  assign reg_be_o = be;

  assign cfg_write_o = starts && !head_i.posted && kind == KindCfgWrite0 && function_0 && !is_poisoned(header);
  assign cfg_at_o = header.dw2[11:2];
  assign cfg_wdata_o = head_i.data[0];
  assign cfg_be_o = header.dw1[3:0];
  assign cfg_destination_o = header.dw2[31:16];

  // --- the answer --------------------------------------------------------------------------------------------------------

  // Offset of the first enabled byte, and bytes from it to the last one (PCIe 4.0 table 2-37): a zero-length read counts one.
  logic [1:0]  from;
  logic [12:0] span;
  logic [12:0] end_at;
  logic [2:0]  first_end, last_end;

  function automatic logic [2:0] end_of(logic [3:0] enables);
    unique casez (enables)
      4'b1???: return 3'd4;
      4'b01??: return 3'd3;
      4'b001?: return 3'd2;
      4'b0001: return 3'd1;
      default: return 3'd0;
    endcase
  endfunction

  function automatic logic [1:0] first_of(logic [3:0] enables);
    unique casez (enables)
      4'b???1: return 2'd0;
      4'b??10: return 2'd1;
      4'b?100: return 2'd2;
      default: return 2'd3;
    endcase
  endfunction

  assign first_end = end_of(header.dw1[3:0]);
  assign last_end = end_of(header.dw1[7:4]);
  always_comb begin
    from = first_of(header.dw1[3:0]);
    end_at = length == 11'd1 ? 13'(first_end) : {length - 11'd1, 2'b00} + 13'(last_end);
    span = end_at <= 13'(from) ? 13'd1 : end_at - 13'(from);
    if (header.dw1[3:0] == '0 && length == 11'd1) begin
      from = '0;
      span = 13'd1;
    end
  end

  logic [2:0]  status;
  logic        with_data, memory;
  logic [12:0] byte_count;
  logic [6:0]  lower;
  logic [31:0] read_data;
  owed_t       owed;
  logic        owe;

  assign memory = kind inside {KindMemRead, KindMemReadLocked};
  assign owe = pop_o && !head_i.posted;
  assign read_data = be != '0 ? reg_rdata_i : '0;

  always_comb begin
    status = StatusSuccess;
    with_data = 1'b0;
    error_o = '{kind: ErrorNone, has_header: 1'b1, header: header};
    if (starts && !head_i.posted) begin
      unique case (kind)
        KindCfgRead0: begin
          with_data = function_0;
          if (!function_0) error_o.kind = ErrorUnsupported;
        end
        KindCfgWrite0: begin
          if (!function_0) error_o.kind = ErrorUnsupported;
          else if (is_poisoned(header)) error_o.kind = ErrorPoisoned;
        end
        KindMemRead: begin
          with_data = claims && length <= 11'd2;
          if (!claims) error_o.kind = ErrorUnsupported;
          else if (length > 11'd2) error_o.kind = ErrorCompleterAbort;
        end
        default: error_o.kind = ErrorUnsupported;
      endcase
      if (error_o.kind == ErrorCompleterAbort) status = StatusAbort;
      else if (error_o.kind != ErrorNone) status = StatusUnsupported;
    end
  end

  always_comb begin
    unique case (kind)
      KindMemRead, KindMemReadLocked: byte_count = span;
      // The result of a compare-and-swap is half of its operands.
      KindCompareAndSwap: byte_count = {1'b0, length, 1'b0};
      KindAtomic: byte_count = {length, 2'b00};
      default: byte_count = 13'd4;
    endcase
    lower = memory ? {address[6:2], from} : '0;
    owed.header = '0;
    owed.header.dw0[31:24] = with_data ? CodeCompletionData : CodeCompletion;
    if (kind == KindMemReadLocked) owed.header.dw0[24] = 1'b1;
    // A completion keeps the attributes and the traffic class of its request (PCIe 4.0 §2.2.9).
    owed.header.dw0[22:20] = header.dw0[22:20];
    owed.header.dw0[23] = header.dw0[23];
    owed.header.dw0[19] = header.dw0[19];
    owed.header = with_attr(owed.header, attr_of(header));
    if (with_data) owed.header.dw0[9:0] = length[9:0];
    owed.header.dw1 = {bdf_i, status, 1'b0, byte_count[11:0]};
    owed.header.dw2 = {header.dw1[31:16], header.dw1[15:8], 1'b0, lower};
    owed.data = '0;
    if (kind == KindCfgRead0 && with_data) owed.data[31:0] = cfg_rdata_i;
    if (kind == KindMemRead) owed.data = second_q ? {read_data, first_data_q} : {32'h0, read_data};
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      second_q <= 1'b0;
    end else begin
      second_q <= starts && !pop_o;
    end
    first_data_q <= read_data;
  end

  // --- completions that are owed -----------------------------------------------------------------------------------------

  owed_t oldest;
  logic  room;
  logic [$clog2(NpDepth+1)-1:0] count;

  silico_queue #(.T(owed_t), .Depth(NpDepth)) u_owed (
    .clk_i,
    .reset_i(reset_completions_i),
    .flush_i(1'b0),
    .valid_i(owe),
    .ready_o(room),
    .data_i(owed),
    .valid_o(completion_valid_o),
    .ready_i(completion_pop_i),
    .data_o(oldest),
    .count_o(count)
  );

  assign answerable_o = room && !flr_pending_i;
  assign owes_nothing_o = !owe && 32'(count) == 32'(completion_pop_i);
  assign completion_o = oldest.header;
  assign completion_data_o = oldest.data;

`ifndef SYNTHESIS
  `SILICO_ASSERT(Fits, reset_completions_i, !owe || room)
  `SILICO_ASSERT(Owes, reset_completions_i, !completion_pop_i || completion_valid_o)
`endif

endmodule
