// The register block of the c2h channel.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

module silico_c2h_regs
  import silico_c2h_regs_pkg::*;
(
  input  logic        clk_i,
  input  logic        reset_i,

  // One dword a clock, answered in the same clock.
  input  logic        req_i,
  input  logic        write_i,
  input  logic [8:0]  offset_i,
  input  logic [31:0] wdata_i,
  // Bits of the enabled bytes.
  input  logic [31:0] wmask_i,
  output logic [31:0] rdata_o,
  // A write hits no register, or one that cannot be written.
  output logic        hole_o,

  output silico_c2h_regs_set_t set_o,
  input  silico_c2h_regs_shown_t shown_i,
  output silico_c2h_regs_strobe_t strobe_o
);

  silico_c2h_regs_set_t set_q;
  logic writes, hit;
  logic [8:0] offset;
  logic [31:0] staged_RING_BASE_q, staged_RING_BASE_mask_q;
  logic [31:0] staged_RING_SIZE_q, staged_RING_SIZE_mask_q;
  logic [31:0] staged_WB_ADDR_q, staged_WB_ADDR_mask_q;
  logic [31:0] staged_GEN_SEED_q, staged_GEN_SEED_mask_q;
  logic [31:0] staged_GEN_COUNT_q, staged_GEN_COUNT_mask_q;
  logic [31:0] staged_FREE_BASE_q, staged_FREE_BASE_mask_q;
  logic [31:0] staged_COMP_BASE_q, staged_COMP_BASE_mask_q;
  logic [31:0] kept_HW_COUNT_q;
  logic [31:0] kept_ERROR_ADDR_q;
  logic [31:0] kept_FRAMES_q;
  logic [31:0] kept_DROPPED_q;
  logic [31:0] kept_GEN_MADE_q;
  logic [31:0] kept_GEN_CHUNKS_q;
  logic [31:0] kept_FREE_HEAD_q;
  logic [31:0] kept_COMP_TAIL_q;
  logic [31:0] kept_ERROR_COOKIE_q;

  assign offset = {offset_i[8:2], 2'b00};
  assign writes = req_i && write_i;
  assign set_o = set_q;
  assign hole_o = writes && !hit;

  function automatic logic [31:0] merged(logic [31:0] old, logic [31:0] value, logic [31:0] mask);
    return (old & ~mask) | (value & mask);
  endfunction

  // Reads, and what can be written.
  always_comb begin
    rdata_o = '0;
    hit = 1'b0;
    unique case (offset)
      9'h0: begin  // CONTROL
        rdata_o = shown_i.CONTROL[31:0];
        hit = 1'b1;
      end
      9'h4: begin  // STATUS
        rdata_o = shown_i.STATUS[31:0];
      end
      9'h8: begin  // RING_BASE
        rdata_o = set_q.RING_BASE[31:0];
        hit = 1'b1;
      end
      9'hc: begin  // RING_BASE
        rdata_o = set_q.RING_BASE[63:32];
        hit = 1'b1;
      end
      9'h10: begin  // RING_SIZE
        rdata_o = set_q.RING_SIZE[31:0];
        hit = 1'b1;
      end
      9'h14: begin  // RING_SIZE
        rdata_o = set_q.RING_SIZE[63:32];
        hit = 1'b1;
      end
      9'h18: begin  // HW_COUNT
        rdata_o = shown_i.HW_COUNT[31:0];
      end
      9'h1c: begin  // HW_COUNT
        rdata_o = kept_HW_COUNT_q;
      end
      9'h20: begin  // SW_COUNT
        rdata_o = shown_i.SW_COUNT[31:0];
        hit = 1'b1;
      end
      9'h24: begin  // SW_COUNT
        rdata_o = shown_i.SW_COUNT[63:32];
        hit = 1'b1;
      end
      9'h28: begin  // WB_ADDR
        rdata_o = set_q.WB_ADDR[31:0];
        hit = 1'b1;
      end
      9'h2c: begin  // WB_ADDR
        rdata_o = set_q.WB_ADDR[63:32];
        hit = 1'b1;
      end
      9'h30: begin  // WB_FRAMES
        rdata_o = set_q.WB_FRAMES[31:0];
        hit = 1'b1;
      end
      9'h34: begin  // WB_BYTES
        rdata_o = set_q.WB_BYTES[31:0];
        hit = 1'b1;
      end
      9'h38: begin  // WB_TIME
        rdata_o = set_q.WB_TIME[31:0];
        hit = 1'b1;
      end
      9'h3c: begin  // CONFIG
        rdata_o = set_q.CONFIG[31:0];
        hit = 1'b1;
      end
      9'h40: begin  // MAX_FRAME
        rdata_o = set_q.MAX_FRAME[31:0];
        hit = 1'b1;
      end
      9'h44: begin  // BUSY_ASSERT
        rdata_o = set_q.BUSY_ASSERT[31:0];
        hit = 1'b1;
      end
      9'h48: begin  // BUSY_RELEASE
        rdata_o = set_q.BUSY_RELEASE[31:0];
        hit = 1'b1;
      end
      9'h4c: begin  // ERROR
        rdata_o = shown_i.ERROR[31:0];
      end
      9'h50: begin  // ERROR_ADDR
        rdata_o = shown_i.ERROR_ADDR[31:0];
      end
      9'h54: begin  // ERROR_ADDR
        rdata_o = kept_ERROR_ADDR_q;
      end
      9'h58: begin  // INT_DATA
        rdata_o = shown_i.INT_DATA[31:0];
        hit = 1'b1;
      end
      9'h5c: begin  // INT_DATA_FRAMES
        rdata_o = set_q.INT_DATA_FRAMES[31:0];
        hit = 1'b1;
      end
      9'h60: begin  // INT_DATA_TIME
        rdata_o = set_q.INT_DATA_TIME[31:0];
        hit = 1'b1;
      end
      9'h64: begin  // INT_ERROR
        rdata_o = shown_i.INT_ERROR[31:0];
        hit = 1'b1;
      end
      9'h68: begin  // INT_DATA_ARM
        rdata_o = shown_i.INT_DATA_ARM[31:0];
        hit = 1'b1;
      end
      9'h6c: begin  // INT_DATA_ARM
        rdata_o = shown_i.INT_DATA_ARM[63:32];
        hit = 1'b1;
      end
      9'h70: begin  // FRAMES
        rdata_o = shown_i.FRAMES[31:0];
      end
      9'h74: begin  // FRAMES
        rdata_o = kept_FRAMES_q;
      end
      9'h78: begin  // DROPPED
        rdata_o = shown_i.DROPPED[31:0];
      end
      9'h7c: begin  // DROPPED
        rdata_o = kept_DROPPED_q;
      end
      9'h80: begin  // RUN
        rdata_o = shown_i.RUN[31:0];
      end
      9'h84: begin  // DISCARDED
        rdata_o = shown_i.DISCARDED[31:0];
      end
      9'h90: begin  // PERF_TX_BEATS
        rdata_o = shown_i.PERF_TX_BEATS[31:0];
      end
      9'h94: begin  // PERF_TX_BEATS
        rdata_o = shown_i.PERF_TX_BEATS[63:32];
      end
      9'h98: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[31:0];
      end
      9'h9c: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[63:32];
      end
      9'ha0: begin  // PERF_NO_BUFFER
        rdata_o = shown_i.PERF_NO_BUFFER[31:0];
      end
      9'ha4: begin  // PERF_NO_BUFFER
        rdata_o = shown_i.PERF_NO_BUFFER[63:32];
      end
      9'ha8: begin  // PERF_NO_DATA
        rdata_o = shown_i.PERF_NO_DATA[31:0];
      end
      9'hac: begin  // PERF_NO_DATA
        rdata_o = shown_i.PERF_NO_DATA[63:32];
      end
      9'hb0: begin  // PERF_NO_GRANT
        rdata_o = shown_i.PERF_NO_GRANT[31:0];
      end
      9'hb4: begin  // PERF_NO_GRANT
        rdata_o = shown_i.PERF_NO_GRANT[63:32];
      end
      9'hb8: begin  // PERF_FRONT_BEATS
        rdata_o = shown_i.PERF_FRONT_BEATS[31:0];
      end
      9'hbc: begin  // PERF_FRONT_BEATS
        rdata_o = shown_i.PERF_FRONT_BEATS[63:32];
      end
      9'hc0: begin  // PERF_FRONT_HELD
        rdata_o = shown_i.PERF_FRONT_HELD[31:0];
      end
      9'hc4: begin  // PERF_FRONT_HELD
        rdata_o = shown_i.PERF_FRONT_HELD[63:32];
      end
      9'hc8: begin  // PERF_BUSY
        rdata_o = shown_i.PERF_BUSY[31:0];
      end
      9'hcc: begin  // PERF_BUSY
        rdata_o = shown_i.PERF_BUSY[63:32];
      end
      9'h100: begin  // GEN_CONFIG
        rdata_o = set_q.GEN_CONFIG[31:0];
        hit = 1'b1;
      end
      9'h104: begin  // GEN_MIN
        rdata_o = set_q.GEN_MIN[31:0];
        hit = 1'b1;
      end
      9'h108: begin  // GEN_MAX
        rdata_o = set_q.GEN_MAX[31:0];
        hit = 1'b1;
      end
      9'h10c: begin  // GEN_PAUSE
        rdata_o = set_q.GEN_PAUSE[31:0];
        hit = 1'b1;
      end
      9'h110: begin  // GEN_RATE
        rdata_o = set_q.GEN_RATE[31:0];
        hit = 1'b1;
      end
      9'h118: begin  // GEN_SEED
        rdata_o = set_q.GEN_SEED[31:0];
        hit = 1'b1;
      end
      9'h11c: begin  // GEN_SEED
        rdata_o = set_q.GEN_SEED[63:32];
        hit = 1'b1;
      end
      9'h120: begin  // GEN_COUNT
        rdata_o = set_q.GEN_COUNT[31:0];
        hit = 1'b1;
      end
      9'h124: begin  // GEN_COUNT
        rdata_o = set_q.GEN_COUNT[63:32];
        hit = 1'b1;
      end
      9'h128: begin  // GEN_MADE
        rdata_o = shown_i.GEN_MADE[31:0];
      end
      9'h12c: begin  // GEN_MADE
        rdata_o = kept_GEN_MADE_q;
      end
      9'h130: begin  // GEN_LINKS
        rdata_o = set_q.GEN_LINKS[31:0];
        hit = 1'b1;
      end
      9'h134: begin  // GEN_FLUSH
        rdata_o = set_q.GEN_FLUSH[31:0];
        hit = 1'b1;
      end
      9'h138: begin  // GEN_CHUNKS
        rdata_o = shown_i.GEN_CHUNKS[31:0];
      end
      9'h13c: begin  // GEN_CHUNKS
        rdata_o = kept_GEN_CHUNKS_q;
      end
      9'h180: begin  // FREE_BASE
        rdata_o = set_q.FREE_BASE[31:0];
        hit = 1'b1;
      end
      9'h184: begin  // FREE_BASE
        rdata_o = set_q.FREE_BASE[63:32];
        hit = 1'b1;
      end
      9'h188: begin  // COMP_BASE
        rdata_o = set_q.COMP_BASE[31:0];
        hit = 1'b1;
      end
      9'h18c: begin  // COMP_BASE
        rdata_o = set_q.COMP_BASE[63:32];
        hit = 1'b1;
      end
      9'h190: begin  // FREE_ENTRIES
        rdata_o = set_q.FREE_ENTRIES[31:0];
        hit = 1'b1;
      end
      9'h194: begin  // COMP_ENTRIES
        rdata_o = set_q.COMP_ENTRIES[31:0];
        hit = 1'b1;
      end
      9'h198: begin  // FREE_TAIL
        rdata_o = shown_i.FREE_TAIL[31:0];
        hit = 1'b1;
      end
      9'h19c: begin  // FREE_TAIL
        rdata_o = shown_i.FREE_TAIL[63:32];
        hit = 1'b1;
      end
      9'h1a0: begin  // COMP_HEAD
        rdata_o = shown_i.COMP_HEAD[31:0];
        hit = 1'b1;
      end
      9'h1a4: begin  // COMP_HEAD
        rdata_o = shown_i.COMP_HEAD[63:32];
        hit = 1'b1;
      end
      9'h1a8: begin  // FREE_HEAD
        rdata_o = shown_i.FREE_HEAD[31:0];
      end
      9'h1ac: begin  // FREE_HEAD
        rdata_o = kept_FREE_HEAD_q;
      end
      9'h1b0: begin  // COMP_TAIL
        rdata_o = shown_i.COMP_TAIL[31:0];
      end
      9'h1b4: begin  // COMP_TAIL
        rdata_o = kept_COMP_TAIL_q;
      end
      9'h1b8: begin  // FLUSH_TIME
        rdata_o = set_q.FLUSH_TIME[31:0];
        hit = 1'b1;
      end
      9'h1bc: begin  // PAGES_HELD
        rdata_o = shown_i.PAGES_HELD[31:0];
      end
      9'h1c0: begin  // ERROR_COOKIE
        rdata_o = shown_i.ERROR_COOKIE[31:0];
      end
      9'h1c4: begin  // ERROR_COOKIE
        rdata_o = kept_ERROR_COOKIE_q;
      end
      default: ;
    endcase
    if (offset[8:6] == 3'h5) begin  // GEN_TABLE, 0x140 to 0x17f
      rdata_o = shown_i.GEN_TABLE;
      hit = 1'b1;
    end
  end

  // The card's own registers.
  always_comb begin
    strobe_o = '0;
    strobe_o.CONTROL = writes && offset == 9'h0;
    strobe_o.SW_COUNT[0] = writes && offset == 9'h20;
    strobe_o.SW_COUNT[1] = writes && offset == 9'h24;
    strobe_o.INT_DATA = writes && offset == 9'h58;
    strobe_o.INT_ERROR = writes && offset == 9'h64;
    strobe_o.INT_DATA_ARM[0] = writes && offset == 9'h68;
    strobe_o.INT_DATA_ARM[1] = writes && offset == 9'h6c;
    strobe_o.GEN_TABLE = writes && offset[8:6] == 3'h5;
    strobe_o.FREE_TAIL[0] = writes && offset == 9'h198;
    strobe_o.FREE_TAIL[1] = writes && offset == 9'h19c;
    strobe_o.COMP_HEAD[0] = writes && offset == 9'h1a0;
    strobe_o.COMP_HEAD[1] = writes && offset == 9'h1a4;
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      set_q.RING_BASE <= 64'h0;
      set_q.RING_SIZE <= 64'h0;
      set_q.WB_ADDR <= 64'h0;
      set_q.WB_FRAMES <= 32'h0;
      set_q.WB_BYTES <= 32'h0;
      set_q.WB_TIME <= 32'h0;
      set_q.CONFIG <= 32'h0;
      set_q.MAX_FRAME <= 32'h100000;
      set_q.BUSY_ASSERT <= 32'h0;
      set_q.BUSY_RELEASE <= 32'h0;
      set_q.INT_DATA_FRAMES <= 32'h0;
      set_q.INT_DATA_TIME <= 32'h0;
      set_q.GEN_CONFIG <= 32'h0;
      set_q.GEN_MIN <= 32'h0;
      set_q.GEN_MAX <= 32'h0;
      set_q.GEN_PAUSE <= 32'h0;
      set_q.GEN_RATE <= 32'h10000;
      set_q.GEN_SEED <= 64'h0;
      set_q.GEN_COUNT <= 64'h0;
      set_q.GEN_LINKS <= 32'h0;
      set_q.GEN_FLUSH <= 32'h0;
      set_q.FREE_BASE <= 64'h0;
      set_q.COMP_BASE <= 64'h0;
      set_q.FREE_ENTRIES <= 32'h0;
      set_q.COMP_ENTRIES <= 32'h0;
      set_q.FLUSH_TIME <= 32'h0;
      staged_RING_BASE_q <= '0;
      staged_RING_BASE_mask_q <= '0;
      staged_RING_SIZE_q <= '0;
      staged_RING_SIZE_mask_q <= '0;
      staged_WB_ADDR_q <= '0;
      staged_WB_ADDR_mask_q <= '0;
      staged_GEN_SEED_q <= '0;
      staged_GEN_SEED_mask_q <= '0;
      staged_GEN_COUNT_q <= '0;
      staged_GEN_COUNT_mask_q <= '0;
      staged_FREE_BASE_q <= '0;
      staged_FREE_BASE_mask_q <= '0;
      staged_COMP_BASE_q <= '0;
      staged_COMP_BASE_mask_q <= '0;
      kept_HW_COUNT_q <= '0;
      kept_ERROR_ADDR_q <= '0;
      kept_FRAMES_q <= '0;
      kept_DROPPED_q <= '0;
      kept_GEN_MADE_q <= '0;
      kept_GEN_CHUNKS_q <= '0;
      kept_FREE_HEAD_q <= '0;
      kept_COMP_TAIL_q <= '0;
      kept_ERROR_COOKIE_q <= '0;
    end else begin
      if (writes && offset == 9'h8) begin
        staged_RING_BASE_q <= merged(staged_RING_BASE_q, wdata_i, wmask_i);
        staged_RING_BASE_mask_q <= staged_RING_BASE_mask_q | wmask_i;
      end
      if (writes && offset == 9'hc) begin
        set_q.RING_BASE <= {merged(set_q.RING_BASE[63:32], wdata_i, wmask_i), merged(set_q.RING_BASE[31:0], staged_RING_BASE_q, staged_RING_BASE_mask_q)};
        staged_RING_BASE_q <= '0;
        staged_RING_BASE_mask_q <= '0;
      end
      if (writes && offset == 9'h10) begin
        staged_RING_SIZE_q <= merged(staged_RING_SIZE_q, wdata_i, wmask_i);
        staged_RING_SIZE_mask_q <= staged_RING_SIZE_mask_q | wmask_i;
      end
      if (writes && offset == 9'h14) begin
        set_q.RING_SIZE <= {merged(set_q.RING_SIZE[63:32], wdata_i, wmask_i), merged(set_q.RING_SIZE[31:0], staged_RING_SIZE_q, staged_RING_SIZE_mask_q)};
        staged_RING_SIZE_q <= '0;
        staged_RING_SIZE_mask_q <= '0;
      end
      if (writes && offset == 9'h28) begin
        staged_WB_ADDR_q <= merged(staged_WB_ADDR_q, wdata_i, wmask_i);
        staged_WB_ADDR_mask_q <= staged_WB_ADDR_mask_q | wmask_i;
      end
      if (writes && offset == 9'h2c) begin
        set_q.WB_ADDR <= {merged(set_q.WB_ADDR[63:32], wdata_i, wmask_i), merged(set_q.WB_ADDR[31:0], staged_WB_ADDR_q, staged_WB_ADDR_mask_q)};
        staged_WB_ADDR_q <= '0;
        staged_WB_ADDR_mask_q <= '0;
      end
      if (writes && offset == 9'h30) set_q.WB_FRAMES <= merged(set_q.WB_FRAMES, wdata_i, wmask_i);
      if (writes && offset == 9'h34) set_q.WB_BYTES <= merged(set_q.WB_BYTES, wdata_i, wmask_i);
      if (writes && offset == 9'h38) set_q.WB_TIME <= merged(set_q.WB_TIME, wdata_i, wmask_i);
      if (writes && offset == 9'h3c) set_q.CONFIG <= merged(set_q.CONFIG, wdata_i, wmask_i) & 32'h7f;
      if (writes && offset == 9'h40) set_q.MAX_FRAME <= merged(set_q.MAX_FRAME, wdata_i, wmask_i);
      if (writes && offset == 9'h44) set_q.BUSY_ASSERT <= merged(set_q.BUSY_ASSERT, wdata_i, wmask_i);
      if (writes && offset == 9'h48) set_q.BUSY_RELEASE <= merged(set_q.BUSY_RELEASE, wdata_i, wmask_i);
      if (writes && offset == 9'h5c) set_q.INT_DATA_FRAMES <= merged(set_q.INT_DATA_FRAMES, wdata_i, wmask_i);
      if (writes && offset == 9'h60) set_q.INT_DATA_TIME <= merged(set_q.INT_DATA_TIME, wdata_i, wmask_i);
      if (writes && offset == 9'h100) set_q.GEN_CONFIG <= merged(set_q.GEN_CONFIG, wdata_i, wmask_i) & 32'hffff0007;
      if (writes && offset == 9'h104) set_q.GEN_MIN <= merged(set_q.GEN_MIN, wdata_i, wmask_i);
      if (writes && offset == 9'h108) set_q.GEN_MAX <= merged(set_q.GEN_MAX, wdata_i, wmask_i);
      if (writes && offset == 9'h10c) set_q.GEN_PAUSE <= merged(set_q.GEN_PAUSE, wdata_i, wmask_i);
      if (writes && offset == 9'h110) set_q.GEN_RATE <= merged(set_q.GEN_RATE, wdata_i, wmask_i);
      if (writes && offset == 9'h118) begin
        staged_GEN_SEED_q <= merged(staged_GEN_SEED_q, wdata_i, wmask_i);
        staged_GEN_SEED_mask_q <= staged_GEN_SEED_mask_q | wmask_i;
      end
      if (writes && offset == 9'h11c) begin
        set_q.GEN_SEED <= {merged(set_q.GEN_SEED[63:32], wdata_i, wmask_i), merged(set_q.GEN_SEED[31:0], staged_GEN_SEED_q, staged_GEN_SEED_mask_q)};
        staged_GEN_SEED_q <= '0;
        staged_GEN_SEED_mask_q <= '0;
      end
      if (writes && offset == 9'h120) begin
        staged_GEN_COUNT_q <= merged(staged_GEN_COUNT_q, wdata_i, wmask_i);
        staged_GEN_COUNT_mask_q <= staged_GEN_COUNT_mask_q | wmask_i;
      end
      if (writes && offset == 9'h124) begin
        set_q.GEN_COUNT <= {merged(set_q.GEN_COUNT[63:32], wdata_i, wmask_i), merged(set_q.GEN_COUNT[31:0], staged_GEN_COUNT_q, staged_GEN_COUNT_mask_q)};
        staged_GEN_COUNT_q <= '0;
        staged_GEN_COUNT_mask_q <= '0;
      end
      if (writes && offset == 9'h130) set_q.GEN_LINKS <= merged(set_q.GEN_LINKS, wdata_i, wmask_i);
      if (writes && offset == 9'h134) set_q.GEN_FLUSH <= merged(set_q.GEN_FLUSH, wdata_i, wmask_i);
      if (writes && offset == 9'h180) begin
        staged_FREE_BASE_q <= merged(staged_FREE_BASE_q, wdata_i, wmask_i);
        staged_FREE_BASE_mask_q <= staged_FREE_BASE_mask_q | wmask_i;
      end
      if (writes && offset == 9'h184) begin
        set_q.FREE_BASE <= {merged(set_q.FREE_BASE[63:32], wdata_i, wmask_i), merged(set_q.FREE_BASE[31:0], staged_FREE_BASE_q, staged_FREE_BASE_mask_q)};
        staged_FREE_BASE_q <= '0;
        staged_FREE_BASE_mask_q <= '0;
      end
      if (writes && offset == 9'h188) begin
        staged_COMP_BASE_q <= merged(staged_COMP_BASE_q, wdata_i, wmask_i);
        staged_COMP_BASE_mask_q <= staged_COMP_BASE_mask_q | wmask_i;
      end
      if (writes && offset == 9'h18c) begin
        set_q.COMP_BASE <= {merged(set_q.COMP_BASE[63:32], wdata_i, wmask_i), merged(set_q.COMP_BASE[31:0], staged_COMP_BASE_q, staged_COMP_BASE_mask_q)};
        staged_COMP_BASE_q <= '0;
        staged_COMP_BASE_mask_q <= '0;
      end
      if (writes && offset == 9'h190) set_q.FREE_ENTRIES <= merged(set_q.FREE_ENTRIES, wdata_i, wmask_i);
      if (writes && offset == 9'h194) set_q.COMP_ENTRIES <= merged(set_q.COMP_ENTRIES, wdata_i, wmask_i);
      if (writes && offset == 9'h1b8) set_q.FLUSH_TIME <= merged(set_q.FLUSH_TIME, wdata_i, wmask_i);
      if (req_i && !write_i && offset == 9'h18) kept_HW_COUNT_q <= shown_i.HW_COUNT[63:32];
      if (req_i && !write_i && offset == 9'h50) kept_ERROR_ADDR_q <= shown_i.ERROR_ADDR[63:32];
      if (req_i && !write_i && offset == 9'h70) kept_FRAMES_q <= shown_i.FRAMES[63:32];
      if (req_i && !write_i && offset == 9'h78) kept_DROPPED_q <= shown_i.DROPPED[63:32];
      if (req_i && !write_i && offset == 9'h128) kept_GEN_MADE_q <= shown_i.GEN_MADE[63:32];
      if (req_i && !write_i && offset == 9'h138) kept_GEN_CHUNKS_q <= shown_i.GEN_CHUNKS[63:32];
      if (req_i && !write_i && offset == 9'h1a8) kept_FREE_HEAD_q <= shown_i.FREE_HEAD[63:32];
      if (req_i && !write_i && offset == 9'h1b0) kept_COMP_TAIL_q <= shown_i.COMP_TAIL[63:32];
      if (req_i && !write_i && offset == 9'h1c0) kept_ERROR_COOKIE_q <= shown_i.ERROR_COOKIE[63:32];
    end
  end

endmodule
