// The words that all units share: TLP headers and their fields, credits, channel states. No state, no behaviour of any unit.
//
// A header is four dwords as numbers: bits 31 to 24 of the first are Fmt and Type (PCIe 4.0 §2.2.1). A 3-dword header leaves the last one zero.

package silico_pkg;

  // --- headers ---------------------------------------------------------------------------------------------------------

  typedef struct packed {
    logic [31:0] dw3;
    logic [31:0] dw2;
    logic [31:0] dw1;
    logic [31:0] dw0;
  } header_t;

  // Class towards credits.
  typedef enum logic [1:0] {
    ClassPosted     = 2'd0,
    ClassNonPosted  = 2'd1,
    ClassCompletion = 2'd2
  } class_e;

  // What Fmt and Type say (PCIe 4.0 table 2-3), as far as the card treats it differently.
  typedef enum logic [4:0] {
    KindUnknown,
    KindMemRead,
    KindMemReadLocked,
    KindMemWrite,
    KindIo,
    KindCfgRead0,
    KindCfgWrite0,
    KindCfg1,
    KindMessage,
    KindCompletion,
    KindCompletionData,
    KindCompletionLocked,
    KindCompletionLockedData,
    KindAtomic,
    KindCompareAndSwap
  } kind_e;

  // Fmt and Type of what the card sends.
  localparam logic [7:0] CodeMemRead = 8'h00;
  localparam logic [7:0] CodeMemWrite = 8'h40;
  localparam logic [7:0] CodeCompletion = 8'h0a;
  localparam logic [7:0] CodeCompletionData = 8'h4a;
  localparam logic [7:0] CodeMessage = 8'h30;
  // Set for a header of 4 dwords.
  localparam logic [7:0] CodeLong = 8'h20;

  // By masks: Verilator 5.006 takes no wildcards in a constant function.
  function automatic kind_e decode_kind(logic [7:0] code);
    kind_e kind = KindUnknown;
    if ((code & 8'hdf) == 8'h00) kind = KindMemRead;
    if ((code & 8'hdf) == 8'h01) kind = KindMemReadLocked;
    if ((code & 8'hdf) == 8'h40) kind = KindMemWrite;
    if ((code & 8'hbf) == 8'h02) kind = KindIo;
    if (code == 8'h04) kind = KindCfgRead0;
    if (code == 8'h44) kind = KindCfgWrite0;
    if ((code & 8'hbf) == 8'h05) kind = KindCfg1;
    if ((code & 8'hb8) == 8'h30) kind = KindMessage;
    if (code == 8'h0a) kind = KindCompletion;
    if (code == 8'h4a) kind = KindCompletionData;
    if (code == 8'h0b) kind = KindCompletionLocked;
    if (code == 8'h4b) kind = KindCompletionLockedData;
    if ((code & 8'hde) == 8'h4c) kind = KindAtomic;
    if ((code & 8'hdf) == 8'h4e) kind = KindCompareAndSwap;
    return kind;
  endfunction

  typedef kind_e [255:0] kinds_t;

  function automatic kinds_t decode_kinds();
    kinds_t kinds;
    for (int unsigned i = 0; i < 256; i++) kinds[i] = decode_kind(8'(i));
    return kinds;
  endfunction

  // A table: every TLP is asked for its kind in many places.
  localparam kinds_t Kinds = decode_kinds();

  function automatic kind_e kind_of(header_t header);
    return Kinds[header.dw0[31:24]];
  endfunction

  // An unknown kind counts as posted, since nothing answers it.
  function automatic class_e class_of(header_t header);
    kind_e kind = kind_of(header);
    class_e out = ClassNonPosted;
    if (kind inside {KindMemWrite, KindMessage, KindUnknown}) out = ClassPosted;
    else if (kind inside {KindCompletion, KindCompletionData, KindCompletionLocked, KindCompletionLockedData}) out = ClassCompletion;
    return out;
  endfunction

  function automatic logic has_data(header_t header);
    return header.dw0[30];
  endfunction

  function automatic logic is_long(header_t header);
    return header.dw0[29];
  endfunction

  // Dwords: 1 to 1024; the field's 0 means 1024.
  function automatic logic [10:0] length_of(header_t header);
    return {header.dw0[9:0] == '0, header.dw0[9:0]};
  endfunction

  // Bytes of payload that the header promises.
  function automatic logic [12:0] payload_bytes(header_t header);
    return has_data(header) ? {length_of(header), 2'b00} : '0;
  endfunction

  function automatic logic is_poisoned(header_t header);
    return header.dw0[14];
  endfunction

  function automatic logic has_digest(header_t header);
    return header.dw0[15];
  endfunction

  // Of a memory request.
  function automatic logic [63:0] address_of(header_t header);
    return is_long(header) ? {header.dw2, header.dw3[31:2], 2'b00} : {32'b0, header.dw2[31:2], 2'b00};
  endfunction

  // Ten bits, T9 and T8 from dword 0. Of a request the tag lies in dword 1, of a completion in dword 2.
  function automatic logic [9:0] request_tag(header_t header);
    return {header.dw0[23], header.dw0[19], header.dw1[15:8]};
  endfunction

  function automatic logic [9:0] completion_tag(header_t header);
    return {header.dw0[23], header.dw0[19], header.dw2[15:8]};
  endfunction

  // How a packet may be ordered and whether caches are snooped (PCIe 4.0 §2.2.6.4).
  typedef struct packed {
    logic id_based;
    logic relaxed;
    logic no_snoop;
  } attr_t;

  function automatic attr_t attr_of(header_t header);
    return '{id_based: header.dw0[18], relaxed: header.dw0[13], no_snoop: header.dw0[12]};
  endfunction

  function automatic header_t with_attr(header_t header, attr_t attr);
    header_t out = header;
    out.dw0[18] = attr.id_based;
    out.dw0[13] = attr.relaxed;
    out.dw0[12] = attr.no_snoop;
    return out;
  endfunction

  // A memory request over whole dwords: the 4-dword header from 4 GiB on.
  function automatic header_t memory_header(logic [7:0] code, logic [15:0] requester, logic [7:0] tag, logic [63:0] address,
                                            logic [10:0] dwords);
    header_t out = '0;
    logic long_form = address[63:32] != '0;
    out.dw0[31:24] = long_form ? code | CodeLong : code;
    out.dw0[9:0] = dwords[9:0];
    out.dw1 = {requester, tag, dwords > 11'd1 ? 4'hf : 4'h0, 4'hf};
    out.dw2 = long_form ? address[63:32] : {address[31:2], 2'b00};
    out.dw3 = long_form ? {address[31:2], 2'b00} : '0;
    return out;
  endfunction

  // A read of `bytes` bytes: its header names whole dwords, its byte enables the bytes that are wanted.
  function automatic header_t read_header(logic [15:0] requester, logic [7:0] tag, logic [63:0] address, logic [12:0] bytes, attr_t attr);
    logic [12:0] end_at = 13'(address[1:0]) + bytes;
    logic [10:0] dwords = 11'((end_at + 13'd3) >> 2);
    logic [3:0] last = end_at[1:0] == 2'd0 ? 4'hf : end_at[1:0] == 2'd1 ? 4'h1 : end_at[1:0] == 2'd2 ? 4'h3 : 4'h7;
    header_t out = memory_header(CodeMemRead, requester, tag, address, dwords);
    out.dw1[3:0] = 4'hf << address[1:0];
    if (dwords == 11'd1) out.dw1[3:0] = out.dw1[3:0] & last;
    else out.dw1[7:4] = last;
    return with_attr(out, attr);
  endfunction

  // A message without payload.
  function automatic header_t message_header(logic [2:0] routing, logic [15:0] requester, logic [7:0] message_code);
    header_t out = '0;
    out.dw0[31:24] = CodeMessage | CodeLong | {5'b0, routing};
    out.dw1 = {requester, 8'h00, message_code};
    return out;
  endfunction

  // Status of a completion (PCIe 4.0 table 2-34).
  localparam logic [2:0] StatusSuccess = 3'd0;
  localparam logic [2:0] StatusUnsupported = 3'd1;
  localparam logic [2:0] StatusRetry = 3'd2;
  localparam logic [2:0] StatusAbort = 3'd4;

  // --- credits (PCIe 4.0 §2.6.1) ---------------------------------------------------------------------------------------

  // Counters that only grow, modulo 2^8 and 2^12; a data credit is 16 bytes.
  typedef struct packed {
    logic        headers_infinite;
    logic [7:0]  headers;
    logic        data_infinite;
    logic [11:0] data;
  } limit_t;

  // By class: [ClassPosted], [ClassNonPosted], [ClassCompletion].
  typedef limit_t [2:0] limits_t;

  typedef struct packed {
    logic [7:0]  headers;
    logic [11:0] data;
  } consumed_t;

  function automatic logic [11:0] data_credits(logic [12:0] bytes);
    return 12'((bytes + 13'd15) >> 4);
  endfunction

  // Whether one more TLP with `data` credits of payload may go: (limit - (consumed + need)) mod 2^n <= 2^n / 2.
  function automatic logic allows(consumed_t consumed, limit_t limit, logic [11:0] data);
    logic [7:0] headers_left = limit.headers - (consumed.headers + 8'd1);
    logic [11:0] data_left = limit.data - (consumed.data + data);
    return (limit.headers_infinite || headers_left <= 8'h80) && (limit.data_infinite || data == '0 || data_left <= 12'h800);
  endfunction

  function automatic limit_t grant_more(limit_t limit, logic [7:0] headers, logic [11:0] data);
    limit_t out = limit;
    if (!limit.headers_infinite) out.headers = limit.headers + headers;
    if (!limit.data_infinite) out.data = limit.data + data;
    return out;
  endfunction

  localparam limit_t LimitNone = '0;
  localparam limit_t LimitInfinite = '{headers_infinite: 1'b1, headers: '0, data_infinite: 1'b1, data: '0};

endpackage
