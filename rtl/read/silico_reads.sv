// The reads that are outstanding: each completion is judged by its read, and a read that is not answered in time is given up.
//
// One read is looked at in each clock for its time, in turn, so a timeout is noticed at most as many clocks late as there are tags. A completion
// that comes after all must never meet another read under its tag, so the tag of a read that ran out of time rests until the completion has come,
// or for eight times the timeout. A clock has stages: a read is issued; the request of one has left; time; what was received.

module silico_reads
  import silico_pkg::*;
  import silico_config_pkg::*;
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
#(
  parameter int unsigned Tags = 256,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2,
  parameter logic [31:0] ReadTimeout = 32'd12_500_000
) (
  input  logic         clk_i,
  // The link is down, or power-on: whatever was on its way is lost.
  input  logic         reset_i,
  // Power-on, as for the time base: tag 0 is looked at in clock 0.
  input  logic         reset_time_i,
  // The function was reset: nobody waits for its reads any more, and no error is logged of them (PCIe 4.0 §6.6.2).
  input  logic         forget_i,
  input  cfg_decoded_t decoded_i,
  input  cfg_decoded_t decoded_received_i,
  input  logic [63:0]  now_i,

  // A read goes out, with the tag shown.
  output logic         tag_valid_o,
  output logic [7:0]   tag_o,
  input  logic         issue_i,
  input  owner_t       owner_i,
  input  logic [63:0]  address_i,
  input  logic [12:0]  bytes_i,
  input  attr_t        attr_i,
  // Its request has left wholly: its time starts.
  input  logic         left_i,
  input  logic [7:0]   left_tag_i,

  // A read ran out of time.
  output logic         timed_out_o,
  output error_t       timeout_error_o,
  output read_failure_t timeout_failure_o,

  // A beat of a completion: where its bytes go.
  input  logic         beat_valid_i,
  // The first one of its TLP.
  input  logic         first_i,
  input  header_t      header_i,
  input  logic [12:0]  passed_i,
  input  logic [6:0]   beat_bytes_i,
  output read_beat_t   beat_o,
  // It has come whole: is judged (PCIe 4.0 §2.3.2).
  input  logic         completion_i,
  input  logic [12:0]  completion_bytes_i,
  output logic         forgotten_o,
  output error_e       error_o,
  output logic         aborted_o,
  output logic         unsupported_o,
  output logic         counts_o,
  output reader_t      reader_o,
  output read_arrival_t arrival_o,
  output read_failure_t failure_o,

  // Reads that channels wait for, as the time's stage finds them; reads of this life of the function are outstanding.
  output logic [NumH2c-1:0][8:0] h2c_reads_o,
  output logic [NumC2h-1:0][8:0] c2h_reads_o,
  output logic         pending_o,
  output logic [8:0]   in_use_o,
  output logic [8:0]   resting_o
);

  // Times the completion timeout that a tag rests: a completer that is later than this has lost the request.
  localparam int unsigned RestShift = 3;

  typedef struct packed {
    owner_t      owner;
    logic [63:0] address;
    logic [12:0] bytes;
    attr_t       attr;
    logic [15:0] requester;
  } read_t;

  // What never changes of a read, and what does.
  read_t       read_q [Tags];
  logic [12:0] got_q [Tags];
  // When its request left; of one at rest, until when.
  logic [63:0] since_q [Tags];
  logic [Tags-1:0] open_q, sent_q, late_q, forgotten_q;

  // --- time ----------------------------------------------------------------------------------------------------------------

  logic [7:0]  scan_q;
  read_t       scanned;
  logic [63:0] timeout, rest, since;
  logic        expires, rests, scan_open, scan_hits;

  // Microseconds are 250 clocks; the default range names no time.
  assign timeout = decoded_i.timeout_named ? 64'(decoded_i.timeout_us) * 64'd250 : 64'(ReadTimeout);
  assign rest = timeout << RestShift;
  assign scanned = read_q[scan_q];
  assign since = since_q[scan_q];
  assign scan_open = open_q[scan_q] && sent_q[scan_q];
  assign expires = scan_open && !late_q[scan_q] && !decoded_i.timeout_off && now_i - since >= timeout;
  assign rests = scan_open && late_q[scan_q] && now_i >= since;
  assign timed_out_o = expires;

  function automatic read_failure_t failing(read_t read, logic live, fail_e code);
    return '{valid: live, reader: read.owner.reader, failure: '{code: code, address: read.address, cookie: read.owner.cookie}};
  endfunction

  always_comb begin
    // The request, as the log shows it.
    timeout_error_o = '{kind: ErrorNone, has_header: 1'b1, header: read_header(scanned.requester, scan_q, scanned.address, scanned.bytes, scanned.attr)};
    if (expires && !forgotten_q[scan_q]) timeout_error_o.kind = ErrorCompletionTimeout;
    timeout_failure_o = failing(scanned, expires && !forgotten_q[scan_q], FailCompletionTimeout);
  end

  // --- completions -----------------------------------------------------------------------------------------------------------

  logic [9:0]  tag;
  logic [7:0]  index;
  read_t       read;
  logic [12:0] got, left, byte_count, payload, lead, gains;
  logic [63:0] next_at;
  logic [2:0]  status;
  logic [10:0] length, needed;
  logic [12:0] off;
  logic        is_open, is_sent, awaited, awaited_q, known, is_late, quiet, live, fits, data, ends, rcb_128;
  kind_e       kind;

  assign tag = completion_tag(header_i);
  assign index = tag[7:0];
  assign read = read_q[index];
  assign got = got_q[index];
  // Time comes before.
  assign scan_hits = scan_q == index;
  assign is_open = 32'(tag) < Tags && open_q[index] && !(rests && scan_hits);
  assign is_sent = sent_q[index] || (left_i && left_tag_i == index);
  // What begins to come before the request has left answers nothing: its first beats have no place to go.
  assign awaited = first_i ? is_open && is_sent : awaited_q;
  assign known = is_open && is_sent && awaited && read.requester == header_i.dw2[31:16];
  assign is_late = late_q[index] || (expires && scan_hits);
  // A reset of this clock comes before.
  assign quiet = forgotten_q[index] || forget_i;
  assign live = !quiet && !is_late;
  assign forgotten_o = is_open && quiet;

  assign kind = kind_of(header_i);
  assign status = header_i.dw1[15:13];
  assign length = length_of(header_i);
  assign data = kind == KindCompletionData;
  assign left = read.bytes - got;
  assign next_at = read.address + 64'(got);
  assign byte_count = {header_i.dw1[11:0] == '0, header_i.dw1[11:0]};
  assign needed = 11'((13'(header_i.dw2[1:0]) + byte_count + 13'd3) >> 2);
  assign rcb_128 = decoded_received_i.rcb_128 && !quiet && !is_late;
  assign off = (13'({header_i.dw2[6:2], 2'b00}) + 13'({length, 2'b00})) & (rcb_128 ? 13'd127 : 13'd63);

  logic arrived;

  // What no single packet can tell, and what one can (§2.2.9, §2.3.1.1).
  always_comb begin
    fits = kind inside {KindCompletion, KindCompletionData};
    fits = fits && header_i.dw0[22:20] == '0 && header_i.dw0[13:12] == {read.attr.relaxed, read.attr.no_snoop};
    // No hints, no LN, no address type, no reserved bit.
    fits = fits && header_i.dw0[17:16] == '0 && header_i.dw0[11:10] == '0 && !header_i.dw2[7] && (data || header_i.dw0[9:0] == '0);
    fits = fits && !header_i.dw1[12] && byte_count + 13'(header_i.dw2[6:0]) <= 13'd4096;
    fits = fits && byte_count == left && header_i.dw2[6:0] == next_at[6:0];
    if (data) fits = fits && status == StatusSuccess && length <= needed && !(length < needed && off != '0);
    else fits = fits && (status inside {StatusUnsupported, StatusAbort});
  end

  assign lead = got == '0 ? 13'(read.address[1:0]) : '0;
  assign payload = completion_bytes_i - lead;
  assign gains = payload < left ? payload : left;
  assign ends = completion_i && known && fits && (!data || gains == left);

  always_comb begin
    error_o = ErrorNone;
    aborted_o = 1'b0;
    unsupported_o = 1'b0;
    counts_o = 1'b0;
    arrived = 1'b0;
    failure_o = failing(read, 1'b0, FailNone);
    if (completion_i && !known) begin
      error_o = ErrorUnexpectedCompletion;
    end else if (completion_i && is_late) begin
      if (!quiet) error_o = ErrorUnexpectedCompletion;
    end else if (completion_i && !quiet && !fits) begin
      error_o = ErrorMalformed;
    end else if (completion_i && live) begin
      counts_o = 1'b1;
      if (!data) begin
        aborted_o = status == StatusAbort;
        unsupported_o = status != StatusAbort;
        failure_o = failing(read, 1'b1, status == StatusAbort ? FailCompleterAbort : FailUnsupportedRequest);
      end else if (is_poisoned(header_i)) begin
        error_o = ErrorPoisoned;
        failure_o = failing(read, 1'b1, FailPoisonedCompletion);
      end else begin
        arrived = 1'b1;
      end
    end
  end
  assign reader_o = read.owner.reader;
  assign arrival_o = '{valid: arrived, owner: read.owner, got: got + gains};

  // What a beat brings is written at once, and counts once the completion is judged. Nothing goes beyond the room of its read.
  logic [12:0] beat_at, beat_room, beat_bytes;
  logic [1:0]  beat_lead;
  assign beat_lead = passed_i == '0 ? lead[1:0] : 2'd0;
  assign beat_at = got + (passed_i == '0 ? '0 : passed_i - lead);
  assign beat_room = beat_at < read.bytes ? read.bytes - beat_at : '0;
  assign beat_bytes = 13'(beat_bytes_i) > 13'(beat_lead) ? 13'(beat_bytes_i) - 13'(beat_lead) : '0;
  always_comb begin
    beat_o = '{valid: 1'b0, owner: read.owner, at: beat_at, lead: beat_lead, bytes: 7'(beat_bytes < beat_room ? beat_bytes : beat_room)};
    beat_o.valid = beat_valid_i && known && live && data && beat_o.bytes != '0;
  end

  // --- counts ----------------------------------------------------------------------------------------------------------------

  logic [NumH2c-1:0][8:0] h2c_q, h2c_issued, h2c_timed;
  logic [NumC2h-1:0][8:0] c2h_q, c2h_issued, c2h_timed;
  logic [8:0] in_use_q, in_use_timed, in_use, forgotten_count_q, forgotten_timed, forgotten_count, resting_q, resting_timed, resting;
  logic ends_late, ends_open;

  assign ends_late = ends && is_late;
  assign ends_open = ends && !is_late;

  function automatic logic is_h2c(reader_t reader, int unsigned channel);
    return !reader.fetch && 32'(reader.channel) == channel;
  endfunction

  function automatic logic is_c2h(reader_t reader, int unsigned channel);
    return reader.fetch && 32'(reader.channel) == channel;
  endfunction

  always_comb begin
    for (int unsigned i = 0; i < NumH2c; i++) begin
      h2c_issued[i] = h2c_q[i] + 9'(issue_i && is_h2c(owner_i.reader, i));
      h2c_timed[i] = h2c_issued[i] - 9'(expires && !forgotten_q[scan_q] && is_h2c(scanned.owner.reader, i));
    end
    for (int unsigned i = 0; i < NumC2h; i++) begin
      c2h_issued[i] = c2h_q[i] + 9'(issue_i && is_c2h(owner_i.reader, i));
      c2h_timed[i] = c2h_issued[i] - 9'(expires && !forgotten_q[scan_q] && is_c2h(scanned.owner.reader, i));
    end
    in_use_timed = in_use_q + 9'(issue_i) - 9'(expires);
    forgotten_timed = forget_i ? in_use_timed : forgotten_count_q - 9'(expires && forgotten_q[scan_q]);
    resting_timed = resting_q + 9'(expires) - 9'(rests);
  end

  // Apart from the above, which the registers show.
  always_comb begin
    in_use = in_use_timed - 9'(ends_open);
    forgotten_count = forgotten_timed - 9'(ends_open && quiet);
    resting = resting_timed - 9'(ends_late);
  end
  assign h2c_reads_o = h2c_timed;
  assign c2h_reads_o = c2h_issued;
  assign pending_o = in_use_timed > forgotten_timed;
  assign in_use_o = in_use_timed;
  assign resting_o = resting_timed;

  silico_tags #(.Tags(Tags)) u_tags (
    .clk_i,
    .reset_i,
    .extended_i(decoded_i.extended_tags),
    .valid_o(tag_valid_o),
    .tag_o,
    .take_i(issue_i),
    .free_i(ends),
    .free_tag_i(index),
    .rested_i(rests),
    .rested_tag_i(scan_q)
  );

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      open_q <= '0;
      sent_q <= '0;
      late_q <= '0;
      forgotten_q <= '0;
      h2c_q <= '0;
      c2h_q <= '0;
      in_use_q <= '0;
      forgotten_count_q <= '0;
      resting_q <= '0;
    end else begin
      if (issue_i) begin
        open_q[tag_o] <= 1'b1;
        sent_q[tag_o] <= 1'b0;
        late_q[tag_o] <= 1'b0;
        forgotten_q[tag_o] <= 1'b0;
      end
      if (left_i) sent_q[left_tag_i] <= 1'b1;
      if (expires) late_q[scan_q] <= 1'b1;
      if (rests) open_q[scan_q] <= 1'b0;
      if (ends) open_q[index] <= 1'b0;
      if (forget_i) forgotten_q <= '1;
      for (int unsigned i = 0; i < NumH2c; i++) begin
        h2c_q[i] <= forget_i ? '0 : h2c_timed[i] - 9'(ends_open && live && is_h2c(read.owner.reader, i));
      end
      for (int unsigned i = 0; i < NumC2h; i++) begin
        c2h_q[i] <= forget_i ? '0 : c2h_timed[i] - 9'(ends_open && live && is_c2h(read.owner.reader, i));
      end
      in_use_q <= in_use;
      forgotten_count_q <= forgotten_count;
      resting_q <= resting;
    end
    if (beat_valid_i) awaited_q <= awaited;
    scan_q <= reset_time_i || 32'(scan_q) + 1 >= Tags ? '0 : scan_q + 8'd1;
    if (issue_i) begin
      read_q[tag_o] <= '{owner: owner_i, address: address_i, bytes: bytes_i, attr: attr_i, requester: decoded_i.bdf};
      got_q[tag_o] <= '0;
    end
    if (left_i) since_q[left_tag_i] <= now_i;
    if (expires) since_q[scan_q] <= now_i + rest;
    if (completion_i && known && fits && data) got_q[index] <= got + gains;
  end

endmodule
