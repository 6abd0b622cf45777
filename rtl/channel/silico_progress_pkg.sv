// How far a channel has come, and how the host hears of it: the write-back block and the interrupt cause, for channels of both directions.
//
// The data cause is armed with the number of frames that the host has seen. It fires once when more have been *published*, and every byte and
// write-back that it announces has left before its message can: a channel's posted writes leave in order.

package silico_progress_pkg;

  // Counts of a channel that have become true for the host. `frames` is what interrupts and blocks go by: frames of a C2H channel, descriptors of an
  // H2C one. `urgent`: of those, up to the last one that wants its interrupt at once.
  typedef struct packed {
    logic [63:0] count;
    logic [63:0] frames;
    logic [63:0] urgent;
  } delivered_t;

  // How often a channel writes back: each after so much progress, 0: not.
  typedef struct packed {
    logic        writes_back;
    logic [31:0] frames;
    logic [31:0] bytes;
    logic [31:0] cycles;
  } pace_t;

  // The registers of the interrupt causes: they take effect at once, not at a start.
  typedef struct packed {
    logic        enable;
    logic [7:0]  number;
    logic [31:0] frames;
    logic [31:0] cycles;
    logic        error_enable;
    logic [7:0]  error_number;
    logic [63:0] arm;
  } causes_t;

  typedef struct packed {
    // Blocks written in this run.
    logic [63:0] sequence_number;
    // Frames and bytes in the last block that was granted, and frames in the last one that has left.
    logic [63:0] written_frames;
    logic [63:0] written_count;
    logic [63:0] published;
    logic        dirty;
    logic [63:0] dirty_since;
    logic        due;
    logic        armed;
    logic        beyond;
    logic [63:0] beyond_since;
    // The data cause wants to fire once this many frames are published.
    logic        targets;
    logic [63:0] target;
  } progress_t;

  typedef struct packed {
    progress_t state;
    logic      fires;
  } progress_update_t;

  function automatic progress_t progress_armed(progress_t old);
    progress_t p = old;
    p.armed = 1'b1;
    p.beyond = 1'b0;
    p.targets = 1'b0;
    return p;
  endfunction

  // A block is granted with these counts.
  function automatic progress_t progress_granted(progress_t old, delivered_t delivered);
    progress_t p = old;
    p.sequence_number = old.sequence_number + 64'd1;
    p.written_frames = delivered.frames;
    p.written_count = delivered.count;
    p.dirty = 1'b0;
    p.due = 1'b0;
    return p;
  endfunction

  // Looks at the counts at the end of clock `now`.
  function automatic progress_update_t progress_update(progress_t old, logic [63:0] now, pace_t pace, causes_t causes, delivered_t delivered);
    progress_update_t out;
    progress_t p = old;
    logic [63:0] beyond = delivered.frames - causes.arm;
    logic [63:0] frames = delivered.frames - old.written_frames;
    logic [63:0] bytes = delivered.count - old.written_count;
    logic [63:0] published = pace.writes_back ? old.published : delivered.frames;
    logic late;
    out.fires = 1'b0;
    if (p.armed && !p.targets && delivered.frames > causes.arm) begin
      if (!p.beyond) p.beyond_since = now;
      p.beyond = 1'b1;
      late = causes.cycles != '0 && now - p.beyond_since >= 64'(causes.cycles);
      if (causes.enable && (late || delivered.urgent > causes.arm || beyond >= 64'(causes.frames))) begin
        p.targets = 1'b1;
        p.target = delivered.frames;
      end
    end
    if (p.targets && published >= p.target) begin
      p.armed = 1'b0;
      p.targets = 1'b0;
      p.beyond = 1'b0;
      out.fires = 1'b1;
    end
    if (pace.writes_back && frames != '0) begin
      if (!p.dirty) p.dirty_since = now;
      p.dirty = 1'b1;
      if (pace.frames != '0 && frames >= 64'(pace.frames)) p.due = 1'b1;
      if (pace.bytes != '0 && bytes >= 64'(pace.bytes)) p.due = 1'b1;
      if (pace.cycles != '0 && now - p.dirty_since >= 64'(pace.cycles)) p.due = 1'b1;
      if (p.targets && p.target > p.written_frames) p.due = 1'b1;
    end
    out.state = p;
    return out;
  endfunction

  // The channel has stopped: whoever still waits is told of what there is. No block will come any more, so nothing waits for one.
  function automatic progress_t progress_finished(progress_t old, causes_t causes, delivered_t delivered);
    progress_t p = old;
    p.published = delivered.frames;
    if (p.armed && delivered.frames > causes.arm && causes.enable) begin
      p.targets = 1'b1;
      p.target = delivered.frames;
    end
    return p;
  endfunction

  // --- states and errors ---------------------------------------------------------------------------------------------------

  // As register and write-back block show it.
  typedef enum logic [1:0] {
    StateIdle = 2'd0,
    StateRunning = 2'd1,
    StateStopping = 2'd2,
    StateError = 2'd3
  } state_e;

  // Where a stop leads.
  typedef enum logic [1:0] {
    AfterIdle,
    AfterError,
    AfterReset
  } after_e;

  typedef enum logic [7:0] {
    FailNone = 8'd0,
    FailBadRing = 8'd1,
    FailBadDoorbell = 8'd2,
    FailBadWriteBack = 8'd3,
    FailBadFrameLimit = 8'd4,
    FailBadThreshold = 8'd5,
    FailBusMasterOff = 8'd6,
    FailBadGenerator = 8'd7,
    FailCompletionTimeout = 8'd8,
    FailUnsupportedRequest = 8'd9,
    FailCompleterAbort = 8'd10,
    FailPoisonedCompletion = 8'd11,
    FailBadDescriptor = 8'd12,
    FailBadDescriptorRing = 8'd13,
    FailBadOutput = 8'd14,
    FailBadVector = 8'd15
  } fail_e;

  // Code, address or count, cookie: the first one is kept.
  typedef struct packed {
    fail_e       code;
    logic [63:0] address;
    logic [63:0] cookie;
  } failure_t;

  function automatic failure_t failed(fail_e code, logic [63:0] address);
    return '{code: code, address: address, cookie: '0};
  endfunction

  // Of two failures in one clock the first one counts.
  function automatic failure_t first_failure(failure_t first, failure_t second);
    return first.code != FailNone ? first : second;
  endfunction

  // A vector that the card does not have; the register at fault goes into the error address.
  function automatic failure_t check_vectors(causes_t causes, int unsigned vectors);
    if (causes.enable && 32'(causes.number) >= vectors) return '{code: FailBadVector, address: {32'h0, 1'b1, 23'h0, causes.number}, cookie: '0};
    if (causes.error_enable && 32'(causes.error_number) >= vectors) begin
      return '{code: FailBadVector, address: {32'h0, 1'b1, 23'h0, causes.error_number}, cookie: '0};
    end
    return '0;
  endfunction

  // The write-back block: 64 bytes, little endian.
  function automatic logic [511:0] write_back(logic [63:0] sequence_number, logic [63:0] count, logic [63:0] frames, logic [63:0] dropped,
                                              logic [63:0] stamp, logic [63:0] error_address, state_e state, fail_e code, logic [7:0] channel,
                                              logic [31:0] run);
    return {sequence_number, {run, 8'h00, channel, code, 6'h00, state}, error_address, stamp, dropped, frames, count, sequence_number};
  endfunction

endpackage
