// What the units of a host-to-card channel say to each other, and the configuration that a start takes.

package silico_h2c_pkg;

  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_read_pkg::*;

  // Where frames go.
  typedef enum logic [1:0] {
    OutputStream = 2'd0,
    OutputSink = 2'd1,
    OutputLoopback = 2'd2,
    OutputReserved = 2'd3
  } output_e;

  // `channel`: the C2H channel that is fed instead of its front-end stream.
  typedef struct packed {
    logic       valid;
    output_e    kind;
    logic [3:0] channel;
  } receiver_t;

  typedef struct packed {
    logic [63:0] ring_base;
    logic [31:0] ring_entries;
    logic [63:0] wb_addr;
    logic [31:0] wb_every;
    logic [31:0] wb_time;
    // CONFIG.
    output_e     kind;
    logic        write_back;
    logic        relaxed;
    logic        no_snoop;
    logic [3:0]  target;
  } settings_t;

  // A descriptor whose payload is being put out or waits for that.
  typedef struct packed {
    // Bytes that have not gone to the output.
    logic [31:0] left;
    logic        ends_frame;
    logic        urgent;
  } active_t;

  // What remains to be read of a descriptor's payload.
  typedef struct packed {
    logic [63:0] address;
    logic [31:0] left;
    logic [63:0] cookie;
  } reading_t;

  // What a channel knows of its run beyond what a channel of either direction does.
  typedef struct packed {
    // The settings of the run, or of the one that is ending, were found good.
    logic        sound;
    // Descriptors given.
    logic [63:0] tail;
    // Put out.
    logic [63:0] frames;
    logic [63:0] bytes;
    logic [31:0] discarded;
    // A TLP of this channel is on the transmitter.
    logic        flight;
    staged_t     staged_tail;
  } account_t;

  // Of this channel.
  function automatic logic is_mine(reader_t reader, logic [7:0] index);
    return !reader.fetch && 8'(reader.channel) == index;
  endfunction

  localparam logic [31:0] EntriesLeast = 32'd2;
  localparam logic [31:0] EntriesMost = 32'd65536;

  // Of the run's output; a reserved code is none.
  function automatic receiver_t receiver_of(settings_t s);
    return '{valid: s.kind != OutputReserved, kind: s.kind, channel: s.target};
  endfunction

  // The register, as software sees it.
  function automatic logic [31:0] config_of(settings_t s);
    return {20'h0, s.target, 3'h0, s.no_snoop, s.relaxed, s.write_back, s.kind};
  endfunction

  // Whether a start may go ahead. `taken`: C2H channels that other channels feed.
  function automatic failure_t check(settings_t s, int unsigned channels, logic [15:0] taken);
    logic [64:0] ring_end = {1'b0, s.ring_base} + {28'h0, s.ring_entries, 5'h0};
    logic bad_target = 32'(s.target) >= channels || taken[s.target];
    if (s.ring_base[5:0] != '0 || ring_end[64]) return failed(FailBadDescriptorRing, s.ring_base);
    if (s.ring_entries < EntriesLeast || s.ring_entries > EntriesMost) return failed(FailBadDescriptorRing, 64'(s.ring_entries));
    if (s.write_back && s.wb_addr[5:0] != '0) return failed(FailBadWriteBack, s.wb_addr);
    if (s.kind == OutputReserved || (s.kind == OutputLoopback && bad_target)) return failed(FailBadOutput, 64'(config_of(s)));
    return '0;
  endfunction

endpackage
