// The configuration of a card-to-host channel as a start takes it, and whether it may.

package silico_c2h_settings_pkg;

  import silico_progress_pkg::*;

  typedef struct packed {
    logic [63:0]       ring_base;
    logic [63:0]       ring_size;
    logic [63:0]       wb_addr;
    logic [31:0]       wb_frames;
    logic [31:0]       wb_bytes;
    logic [31:0]       wb_time;
    // CONFIG.
    logic              packed_pages;
    logic              pages;
    logic              no_snoop;
    logic              relaxed;
    logic              write_back;
    logic              drop;
    logic              generator;
    logic [31:0]       max_frame;
    logic [31:0]       busy_assert;
    logic [31:0]       busy_release;
    // GEN_CONFIG.
    logic [15:0]       gen_source;
    logic              gen_blocks;
    logic [1:0]        gen_mode;
    logic [31:0]       gen_min;
    logic [31:0]       gen_max;
    logic [31:0]       gen_pause;
    logic [31:0]       gen_rate;
    logic [63:0]       gen_seed;
    logic [63:0]       gen_count;
    logic [31:0]       gen_links;
    logic [31:0]       gen_flush;
    logic [15:0][31:0] gen_table;
    logic [63:0]       free_base;
    logic [63:0]       comp_base;
    logic [31:0]       free_entries;
    logic [31:0]       comp_entries;
    logic [31:0]       flush_time;
  } settings_t;

  // As taken by a start: zero thresholds stand for three quarters and half of the FIFO.
  function automatic settings_t resolved(settings_t set, int unsigned fifo_bytes);
    settings_t out = set;
    if (set.busy_assert == '0) out.busy_assert = 32'(fifo_bytes / 4 * 3);
    if (set.busy_release == '0) out.busy_release = 32'(fifo_bytes / 2);
    return out;
  endfunction

  localparam logic [31:0] BlockBytes = 32'd1024;
  // 4 KiB to 1 TiB.
  localparam logic [63:0] RingLeast = 64'h1000;
  localparam logic [63:0] RingMost = 64'h100_0000_0000;

  // Most payload bytes of a frame: a block is never cut.
  function automatic logic [31:0] frame_limit(settings_t s);
    return s.generator && s.gen_blocks ? BlockBytes : s.max_frame;
  endfunction

  // The first of a ring of `entries` entries of `bytes` bytes is out of range, or the ring goes beyond the last address.
  function automatic failure_t check_descriptor_ring(logic [63:0] base, logic [31:0] entries, logic [63:0] bytes);
    logic [64:0] ring_end = {1'b0, base} + {1'b0, 64'(entries) * bytes};
    if (entries < 32'd2 || entries > 32'd65536) return failed(FailBadDescriptorRing, 64'(entries));
    if (base[5:0] != '0 || ring_end[64]) return failed(FailBadDescriptorRing, base);
    return '0;
  endfunction

  function automatic failure_t check_place(settings_t s);
    failure_t out;
    logic [64:0] ring_end = {1'b0, s.ring_base} + {1'b0, s.ring_size};
    if (s.pages) begin
      out = check_descriptor_ring(s.free_base, s.free_entries, 64'd16);
      if (out.code != FailNone) return out;
      return check_descriptor_ring(s.comp_base, s.comp_entries, 64'd32);
    end
    if (s.ring_base[11:0] != '0 || ring_end[64]) return failed(FailBadRing, s.ring_base);
    if (s.ring_size < RingLeast || s.ring_size > RingMost || s.ring_size[11:0] != '0) return failed(FailBadRing, s.ring_size);
    return '0;
  endfunction

  // Whether a start may go ahead with these (resolved) settings.
  function automatic failure_t check(settings_t s, int unsigned fifo_bytes, int unsigned elinks);
    failure_t out = check_place(s);
    logic [63:0] footprint = 64'd32 + ((64'(frame_limit(s)) + 64'd31) & ~64'd31);
    logic bad_range = s.gen_mode == 2'd1 && s.gen_max < s.gen_min;
    logic bad_links = s.gen_links < 32'd1 || s.gen_links > 32'(elinks) || 33'(s.gen_source) + 33'(s.gen_links) > 33'h1_0000;
    if (out.code != FailNone) return out;
    if (s.write_back && s.wb_addr[5:0] != '0) return failed(FailBadWriteBack, s.wb_addr);
    if (s.max_frame == '0 || s.max_frame > 32'hffff_ffdf || (!s.pages && footprint > s.ring_size)) begin
      return failed(FailBadFrameLimit, 64'(s.max_frame));
    end
    if (s.busy_assert > 32'(fifo_bytes) || s.busy_release > s.busy_assert) return failed(FailBadThreshold, 64'(s.busy_assert));
    if (s.generator && (s.gen_mode == 2'd3 || bad_range || s.gen_rate > 32'h0001_0000)) begin
      return failed(FailBadGenerator, 64'({s.gen_source, 13'h0, s.gen_blocks, s.gen_mode}));
    end
    if (s.generator && s.gen_blocks && bad_links) return failed(FailBadGenerator, 64'(s.gen_links));
    return '0;
  endfunction

endpackage
