// The output of a host-to-card channel: gathers the bytes of descriptors into full beats, ends frames, and holds the checking sink.
//
// A beat is shown once it is full and more of its frame is known to follow, or once it ends the frame: so a frame ends with the beat of its last byte,
// however it lies in descriptors. One descriptor a clock goes in, one beat a clock goes out.
//
// A frame that a stop cuts is owed its end: a beat without bytes, marked bad, that whoever took the rest gets before anything else. No reset but power-on
// takes that back, since the receiver goes on regardless. A clock has stages: the beat shown passes; bytes are gathered; a stop cuts; the receiver of a
// loop has stopped; another stop cuts, or a reset.

module silico_h2c_output
  import silico_crc_pkg::*;
  import silico_h2c_pkg::*;
#(
  parameter type beat_t = logic,
  parameter int unsigned DataWidth = 256,
  localparam int unsigned BeatBytes = DataWidth / 8
) (
  input  logic                 clk_i,
  // Power-on.
  input  logic                 rst_ni,
  // The card is in reset: nothing is shown.
  input  logic                 in_reset_i,
  // At the end of the clock: as after power-on, save what is owed; of the function: loops end too.
  input  logic                 reset_i,
  input  logic                 reset_function_i,

  // What its beats say they come from.
  input  logic [15:0]          source_i,
  input  logic                 running_i,
  input  receiver_t            run_i,

  // The descriptor that is put out, and the bytes of its payload that are there.
  input  logic                 active_valid_i,
  input  active_t              active_i,
  input  logic [20:0]          available_i,
  input  logic [DataWidth-1:0] data_i,
  output logic [6:0]           take_o,
  output logic                 pop_o,

  // The beat shown, and to whom: nobody, if it is swallowed.
  output logic                 valid_o,
  output receiver_t            receiver_o,
  output beat_t                beat_o,
  input  logic                 ready_i,

  // It passes: so many bytes, the end of a frame, whose descriptor is done.
  output logic [6:0]           passed_bytes_o,
  output logic                 passed_frame_o,
  output logic                 passed_urgent_o,
  // A descriptor is done that ends no frame.
  output logic                 done_o,
  output logic                 done_urgent_o,

  // The run ends: before the loops are looked at, and after.
  input  logic                 cut_i,
  input  logic                 cut_last_i,
  // The C2H channel that it feeds has stopped, and forgets the frame that is open.
  input  logic                 receiver_stopped_i,
  // Who is owed an end then.
  output receiver_t            owed_o,

  // Of the last whole frame.
  output logic [31:0]          check_crc_o,
  output logic [31:0]          check_length_o
);

  typedef struct packed {
    // Beats of the frame have passed, its end not.
    logic      open;
    // Who is owed the end of a frame that was cut.
    receiver_t owed;
    // The rest of the frame goes nowhere: its receiver stopped.
    logic      swallowing;
  } frame_t;

  typedef struct packed {
    logic [DataWidth-1:0] data;
    logic [6:0]           bytes;
    // It ends the frame, and its descriptor is done with it.
    logic                 ends;
    logic                 urgent;
  } gather_t;

  typedef struct packed {
    logic [31:0] crc;
    logic [31:0] length;
  } checked_t;

  frame_t s_q, s_passed, s_cut, s_joined, s_ended;
  gather_t gather_q, passed, gathered;
  checked_t sum_q, sum_passed, checked_q, checked_passed;
  logic passes, swallows;

  // --- the beat that is shown --------------------------------------------------------------------------------------------

  logic full;
  assign full = gather_q.bytes == 7'(BeatBytes) && active_valid_i && active_i.left != '0;
  assign valid_o = !in_reset_i && (s_q.owed.valid || (running_i && (gather_q.ends || full)));
  always_comb begin
    beat_o.last = s_q.owed.valid || gather_q.ends;
    beat_o.error = s_q.owed.valid;
    beat_o.source = source_i;
    beat_o.bytes = s_q.owed.valid ? '0 : gather_q.bytes;
    beat_o.data = s_q.owed.valid ? '0 : gather_q.data;
  end
  assign swallows = s_q.swallowing && !s_q.owed.valid;
  always_comb begin
    receiver_o = s_q.owed.valid ? s_q.owed : run_i;
    if (swallows) receiver_o.valid = 1'b0;
  end

  // --- it passes ---------------------------------------------------------------------------------------------------------

  logic passes_gathered, sinks;
  logic [31:0] crc;

  assign passes = valid_o && ready_i;
  assign passes_gathered = passes && !s_q.owed.valid;
  assign passed_bytes_o = passes_gathered ? gather_q.bytes : '0;
  assign passed_frame_o = passes_gathered && gather_q.ends;
  assign passed_urgent_o = gather_q.urgent;
  assign sinks = passes_gathered && receiver_o.valid && receiver_o.kind == OutputSink;

  always_comb begin
    s_passed = s_q;
    passed = gather_q;
    if (passes && s_q.owed.valid) begin
      s_passed.owed = '0;
      s_passed.open = 1'b0;
    end else if (passes) begin
      s_passed.open = !gather_q.ends;
      s_passed.swallowing = s_q.swallowing && !gather_q.ends;
      passed = '0;
    end
  end

  always_comb begin
    crc = ~sum_q.crc;
    for (int unsigned i = 0; i < BeatBytes; i++) if (7'(i) < gather_q.bytes) crc = crc32c_byte(crc, gather_q.data[8*i +: 8]);
    sum_passed = sum_q;
    checked_passed = checked_q;
    if (sinks) begin
      sum_passed = '{crc: ~crc, length: sum_q.length + 32'(gather_q.bytes)};
      if (gather_q.ends) begin
        checked_passed = sum_passed;
        sum_passed = '0;
      end
    end
  end

  // --- bytes are gathered ------------------------------------------------------------------------------------------------

  logic gathers;
  logic [6:0] space;
  logic [31:0] take;

  assign gathers = running_i && !in_reset_i && !passed.ends && active_valid_i;
  assign space = 7'(BeatBytes) - passed.bytes;
  always_comb begin
    take = 32'(space);
    if (active_i.left < take) take = active_i.left;
    if (32'(available_i) < take) take = 32'(available_i);
  end
  assign take_o = gathers ? take[6:0] : '0;
  assign pop_o = gathers && take == active_i.left;
  assign done_o = pop_o && !active_i.ends_frame;
  assign done_urgent_o = active_i.urgent;

  // Bytes beyond those that are taken must not show.
  logic [DataWidth-1:0] taken_data;
  always_comb begin
    for (int unsigned i = 0; i < BeatBytes; i++) taken_data[8*i +: 8] = 7'(i) < take_o ? data_i[8*i +: 8] : 8'h00;
    gathered = passed;
    gathered.data = passed.data | (taken_data << {passed.bytes, 3'b000});
    gathered.bytes = passed.bytes + take_o;
    if (pop_o && active_i.ends_frame) begin
      gathered.ends = 1'b1;
      gathered.urgent = active_i.urgent;
    end
  end

  // --- ends of a run -----------------------------------------------------------------------------------------------------

  function automatic frame_t cut(frame_t old, receiver_t run);
    frame_t s = old;
    if (old.open && !old.owed.valid) begin
      s.owed = run;
      s.owed.valid = run.valid && run.kind != OutputSink && !old.swallowing;
      s.open = s.owed.valid;
    end
    s.swallowing = 1'b0;
    return s;
  endfunction

  assign s_cut = cut_i ? cut(s_passed, run_i) : s_passed;
  always_comb begin
    s_joined = s_cut;
    if (receiver_stopped_i && s_cut.open) begin
      if (s_cut.owed.valid) begin
        s_joined.owed = '0;
        s_joined.open = 1'b0;
      end else begin
        s_joined.swallowing = 1'b1;
      end
    end
  end
  assign owed_o = s_joined.owed;

  always_comb begin
    s_ended = cut_last_i || reset_i ? cut(s_joined, run_i) : s_joined;
    if (reset_function_i && s_ended.owed.kind == OutputLoopback) begin
      s_ended.owed = '0;
      s_ended.open = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    s_q <= rst_ni ? s_ended : '0;
    if (cut_i || cut_last_i || reset_i) begin
      gather_q <= '0;
      sum_q <= '0;
    end else begin
      gather_q <= gathered;
      sum_q <= sum_passed;
    end
    checked_q <= reset_i ? '0 : checked_passed;
  end
  assign check_crc_o = checked_passed.crc;
  assign check_length_o = checked_passed.length;

`ifndef SYNTHESIS
  // What is shown stays until it is taken, while the channel runs and its receiver does.
  logic held_q;
  beat_t beat_held_q;

  always_ff @(posedge clk_i) begin
    held_q <= rst_ni && valid_o && !ready_i && !cut_i && !cut_last_i && !reset_i && !receiver_stopped_i;
    beat_held_q <= beat_o;
    if (rst_ni && held_q && !in_reset_i && (running_i || s_q.owed.valid)) begin
      Stable: assert (valid_o && beat_o == beat_held_q);
    end
    if (rst_ni) begin
      Fits: assert (32'(gather_q.bytes) <= BeatBytes);
      OwedIsOpen: assert (!s_q.owed.valid || s_q.open);
    end
  end
`endif

endmodule
