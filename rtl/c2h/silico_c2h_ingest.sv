// The entry of a channel's FIFO: joins beats to frames, computes CRCs, cuts over-long frames, drops whole frames when told to.

module silico_c2h_ingest
  import silico_c2h_pkg::*;
  import silico_crc_pkg::*;
#(
  parameter type beat_t = logic,
  parameter int unsigned DataWidth = 256,
  localparam int unsigned BeatBytes = DataWidth / 8
) (
  input  logic                 clk_i,
  // As after power-on; what is known of the stream's position within a frame stays.
  input  logic                 reset_i,
  // Power-on: the stream's position too.
  input  logic                 reset_stream_i,

  // Of the run: full means that whole frames are dropped; most payload bytes of a frame.
  input  logic                 drops_i,
  input  logic [31:0]          max_frame_i,
  input  logic [63:0]          now_i,

  // The FIFO at the start of the clock.
  input  logic [20:0]          room_i,
  input  logic                 frame_room_i,

  // Whether the beat on offer would be taken or dropped in this clock; and that it is.
  output logic                 ready_o,
  input  logic                 take_i,
  input  beat_t                beat_i,

  output logic                 write_o,
  output logic [6:0]           write_bytes_o,
  output logic [DataWidth-1:0] write_data_o,
  output logic                 end_o,
  output frame_t               end_frame_o,
  output logic                 abandon_o,
  output logic [31:0]          abandon_bytes_o,
  // Whole frames dropped in this run, before this clock's beat and after it.
  output logic [63:0]          dropped_o,
  output logic [63:0]          dropped_taken_o,

  // After the beat: the channel takes no more beats. Whether a frame was cut; `external_i`: its rest is still to come on the stream.
  input  logic                 cut_i,
  input  logic                 external_i,
  output logic                 cut_frame_o,
  // Then: no H2C channel feeds it any more, and what is open will never be ended.
  input  logic                 untie_i,
  // Last: a new run, or a front-end stream that feeds the channel again: the rest of a frame that was cut comes first.
  input  logic                 restart_i,
  input  logic                 restart_external_i,
  input  logic                 resume_i,
  // No frame is under way, after all that but a new run.
  output logic                 at_boundary_o
);

  typedef struct packed {
    // A frame is open: its first beat was taken, its last not.
    logic        open;
    // The rest of the open frame is swallowed: it was dropped.
    logic        dropping;
    // The rest of a frame that a stop cut is being swallowed.
    logic        resync;
    // The open frame is that of an H2C channel that feeds the channel no longer.
    logic        foreign;
    // Payload bytes of the open frame in the FIFO.
    logic [31:0] kept;
    logic        truncated;
    logic [31:0] crc;
    logic [63:0] stamp;
    logic        dropped_before;
    logic [63:0] dropped;
  } state_t;

  state_t state_q, taken, after_cut, after_restart;
  // The stream stands within a frame that a stop cut. No reset but power-on clears this: the front end goes on regardless.
  logic cut_stream_q, cut_stream_taken, cut_stream_cut;

  logic fits, starts, drops, keeps;
  logic [31:0] kept_before, space, keep, crc;
  logic truncated_before, cuts;
  logic [63:0] stamp;

  // The FIFO is a whole number of grid cells, so where a beat fits, the padding after it fits too.
  assign fits = state_q.truncated || (room_i >= 21'(BeatBytes) && frame_room_i);
  assign ready_o = state_q.resync || state_q.dropping || drops_i || fits;
  assign dropped_o = state_q.dropped;
  assign dropped_taken_o = taken.dropped;
  assign at_boundary_o = !after_cut.open && !(resume_i ? cut_stream_cut : after_cut.resync);

  assign starts = take_i && !state_q.resync && !state_q.open;
  assign kept_before = starts ? '0 : state_q.kept;
  assign truncated_before = !starts && state_q.truncated;
  assign stamp = starts ? now_i : state_q.stamp;
  assign drops = take_i && !state_q.resync && !(state_q.dropping && !starts)
               && !(truncated_before || (room_i >= 21'(BeatBytes) && frame_room_i));
  assign keeps = take_i && !state_q.resync && !(state_q.dropping && !starts) && !drops;
  assign space = max_frame_i - kept_before;
  assign keep = space < 32'(beat_i.bytes) ? space : 32'(beat_i.bytes);
  assign cuts = keep < 32'(beat_i.bytes);

  assign write_o = keeps && keep != '0;
  assign write_bytes_o = keep[6:0];
  always_comb begin
    crc = starts ? '1 : ~state_q.crc;
    for (int unsigned i = 0; i < BeatBytes; i++) begin
      write_data_o[8*i +: 8] = 32'(i) < keep ? beat_i.data[8*i +: 8] : 8'h00;
      if (32'(i) < keep) crc = crc32c_byte(crc, beat_i.data[8*i +: 8]);
    end
    crc = ~crc;
  end

  assign end_o = keeps && beat_i.last;
  always_comb begin
    end_frame_o.length = kept_before + keep;
    end_frame_o.crc = crc;
    end_frame_o.stamp = stamp;
    end_frame_o.source = beat_i.source;
    end_frame_o.flags[FlagTruncated] = truncated_before || cuts;
    end_frame_o.flags[FlagDroppedBefore] = state_q.dropped_before;
    end_frame_o.flags[FlagError] = beat_i.error;
  end
  assign abandon_o = drops;
  assign abandon_bytes_o = kept_before;

  always_comb begin
    taken = state_q;
    cut_stream_taken = cut_stream_q;
    if (take_i && state_q.resync) begin
      taken.resync = !beat_i.last;
      cut_stream_taken = !beat_i.last;
    end else if (take_i) begin
      taken.open = !beat_i.last;
      taken.kept = kept_before;
      taken.truncated = truncated_before;
      taken.stamp = stamp;
      if (starts) begin
        taken.crc = '0;
        taken.dropping = 1'b0;
      end
      if (drops) begin
        taken.dropping = 1'b1;
        taken.dropped = state_q.dropped + 64'd1;
        taken.dropped_before = 1'b1;
      end
      if (keeps) begin
        taken.truncated = truncated_before || cuts;
        taken.kept = kept_before + keep;
        taken.crc = crc;
      end
      if (beat_i.last) begin
        taken.dropping = 1'b0;
        if (keeps) begin
          taken.dropped_before = 1'b0;
          taken.truncated = 1'b0;
        end
      end
    end
  end

  always_comb begin
    after_cut = taken;
    cut_stream_cut = cut_stream_taken;
    cut_frame_o = taken.open && !taken.dropping;
    if (cut_i) begin
      cut_stream_cut = cut_stream_taken || (taken.open && external_i && !taken.foreign);
      after_cut.resync = 1'b0;
      after_cut.foreign = 1'b0;
      after_cut.open = 1'b0;
      after_cut.dropping = 1'b0;
    end
  end

  always_comb begin
    after_restart = after_cut;
    if (untie_i) after_restart.foreign = after_cut.open;
    if (restart_i || reset_i) after_restart = '0;
    if (restart_i) after_restart.resync = cut_stream_cut && restart_external_i;
    else if (resume_i) after_restart.resync = cut_stream_cut;
  end

  always_ff @(posedge clk_i) begin
    state_q <= reset_stream_i ? '0 : after_restart;
    cut_stream_q <= !reset_stream_i && cut_stream_cut;
  end

endmodule
