// The register block of the h2c channel.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

module silico_h2c_regs
  import silico_h2c_regs_pkg::*;
(
  input  logic        clk_i,
  input  logic        reset_i,

  // One dword a clock, answered in the same clock.
  input  logic        req_i,
  input  logic        write_i,
  input  logic [7:0]  offset_i,
  input  logic [31:0] wdata_i,
  // Bits of the enabled bytes.
  input  logic [31:0] wmask_i,
  output logic [31:0] rdata_o,
  // A write hits no register, or one that cannot be written.
  output logic        hole_o,

  output silico_h2c_regs_set_t set_o,
  input  silico_h2c_regs_shown_t shown_i,
  output silico_h2c_regs_strobe_t strobe_o
);

  silico_h2c_regs_set_t set_q;
  logic writes, hit;
  logic [7:0] offset;
  logic [31:0] staged_RING_BASE_q, staged_RING_BASE_mask_q;
  logic [31:0] staged_WB_ADDR_q, staged_WB_ADDR_mask_q;
  logic [31:0] kept_DONE_q;
  logic [31:0] kept_ERROR_ADDR_q;
  logic [31:0] kept_ERROR_COOKIE_q;
  logic [31:0] kept_FRAMES_q;
  logic [31:0] kept_BYTES_q;

  assign offset = {offset_i[7:2], 2'b00};
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
      8'h0: begin  // CONTROL
        rdata_o = shown_i.CONTROL[31:0];
        hit = 1'b1;
      end
      8'h4: begin  // STATUS
        rdata_o = shown_i.STATUS[31:0];
      end
      8'h8: begin  // RING_BASE
        rdata_o = set_q.RING_BASE[31:0];
        hit = 1'b1;
      end
      8'hc: begin  // RING_BASE
        rdata_o = set_q.RING_BASE[63:32];
        hit = 1'b1;
      end
      8'h10: begin  // RING_ENTRIES
        rdata_o = set_q.RING_ENTRIES[31:0];
        hit = 1'b1;
      end
      8'h14: begin  // CONFIG
        rdata_o = set_q.CONFIG[31:0];
        hit = 1'b1;
      end
      8'h18: begin  // DONE
        rdata_o = shown_i.DONE[31:0];
      end
      8'h1c: begin  // DONE
        rdata_o = kept_DONE_q;
      end
      8'h20: begin  // TAIL
        rdata_o = shown_i.TAIL[31:0];
        hit = 1'b1;
      end
      8'h24: begin  // TAIL
        rdata_o = shown_i.TAIL[63:32];
        hit = 1'b1;
      end
      8'h28: begin  // WB_ADDR
        rdata_o = set_q.WB_ADDR[31:0];
        hit = 1'b1;
      end
      8'h2c: begin  // WB_ADDR
        rdata_o = set_q.WB_ADDR[63:32];
        hit = 1'b1;
      end
      8'h30: begin  // WB_EVERY
        rdata_o = set_q.WB_EVERY[31:0];
        hit = 1'b1;
      end
      8'h34: begin  // WB_TIME
        rdata_o = set_q.WB_TIME[31:0];
        hit = 1'b1;
      end
      8'h3c: begin  // ERROR
        rdata_o = shown_i.ERROR[31:0];
      end
      8'h40: begin  // ERROR_ADDR
        rdata_o = shown_i.ERROR_ADDR[31:0];
      end
      8'h44: begin  // ERROR_ADDR
        rdata_o = kept_ERROR_ADDR_q;
      end
      8'h48: begin  // ERROR_COOKIE
        rdata_o = shown_i.ERROR_COOKIE[31:0];
      end
      8'h4c: begin  // ERROR_COOKIE
        rdata_o = kept_ERROR_COOKIE_q;
      end
      8'h50: begin  // INT_SPACE
        rdata_o = shown_i.INT_SPACE[31:0];
        hit = 1'b1;
      end
      8'h54: begin  // INT_SPACE_COUNT
        rdata_o = set_q.INT_SPACE_COUNT[31:0];
        hit = 1'b1;
      end
      8'h58: begin  // INT_SPACE_TIME
        rdata_o = set_q.INT_SPACE_TIME[31:0];
        hit = 1'b1;
      end
      8'h5c: begin  // INT_ERROR
        rdata_o = shown_i.INT_ERROR[31:0];
        hit = 1'b1;
      end
      8'h60: begin  // INT_SPACE_ARM
        rdata_o = shown_i.INT_SPACE_ARM[31:0];
        hit = 1'b1;
      end
      8'h64: begin  // INT_SPACE_ARM
        rdata_o = shown_i.INT_SPACE_ARM[63:32];
        hit = 1'b1;
      end
      8'h68: begin  // FRAMES
        rdata_o = shown_i.FRAMES[31:0];
      end
      8'h6c: begin  // FRAMES
        rdata_o = kept_FRAMES_q;
      end
      8'h70: begin  // BYTES
        rdata_o = shown_i.BYTES[31:0];
      end
      8'h74: begin  // BYTES
        rdata_o = kept_BYTES_q;
      end
      8'h78: begin  // RUN
        rdata_o = shown_i.RUN[31:0];
      end
      8'h7c: begin  // DISCARDED
        rdata_o = shown_i.DISCARDED[31:0];
      end
      8'h80: begin  // CHECK_CRC
        rdata_o = shown_i.CHECK_CRC[31:0];
      end
      8'h84: begin  // CHECK_LENGTH
        rdata_o = shown_i.CHECK_LENGTH[31:0];
      end
      8'h90: begin  // PERF_RX_BEATS
        rdata_o = shown_i.PERF_RX_BEATS[31:0];
      end
      8'h94: begin  // PERF_RX_BEATS
        rdata_o = shown_i.PERF_RX_BEATS[63:32];
      end
      8'h98: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[31:0];
      end
      8'h9c: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[63:32];
      end
      8'ha0: begin  // PERF_NO_TAG
        rdata_o = shown_i.PERF_NO_TAG[31:0];
      end
      8'ha4: begin  // PERF_NO_TAG
        rdata_o = shown_i.PERF_NO_TAG[63:32];
      end
      8'ha8: begin  // PERF_NO_BUFFER
        rdata_o = shown_i.PERF_NO_BUFFER[31:0];
      end
      8'hac: begin  // PERF_NO_BUFFER
        rdata_o = shown_i.PERF_NO_BUFFER[63:32];
      end
      8'hb0: begin  // PERF_NO_DATA
        rdata_o = shown_i.PERF_NO_DATA[31:0];
      end
      8'hb4: begin  // PERF_NO_DATA
        rdata_o = shown_i.PERF_NO_DATA[63:32];
      end
      8'hb8: begin  // PERF_OUT_HELD
        rdata_o = shown_i.PERF_OUT_HELD[31:0];
      end
      8'hbc: begin  // PERF_OUT_HELD
        rdata_o = shown_i.PERF_OUT_HELD[63:32];
      end
      default: ;
    endcase
  end

  // The card's own registers.
  always_comb begin
    strobe_o = '0;
    strobe_o.CONTROL = writes && offset == 8'h0;
    strobe_o.TAIL[0] = writes && offset == 8'h20;
    strobe_o.TAIL[1] = writes && offset == 8'h24;
    strobe_o.INT_SPACE = writes && offset == 8'h50;
    strobe_o.INT_ERROR = writes && offset == 8'h5c;
    strobe_o.INT_SPACE_ARM[0] = writes && offset == 8'h60;
    strobe_o.INT_SPACE_ARM[1] = writes && offset == 8'h64;
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      set_q.RING_BASE <= 64'h0;
      set_q.RING_ENTRIES <= 32'h0;
      set_q.CONFIG <= 32'h0;
      set_q.WB_ADDR <= 64'h0;
      set_q.WB_EVERY <= 32'h0;
      set_q.WB_TIME <= 32'h0;
      set_q.INT_SPACE_COUNT <= 32'h0;
      set_q.INT_SPACE_TIME <= 32'h0;
      staged_RING_BASE_q <= '0;
      staged_RING_BASE_mask_q <= '0;
      staged_WB_ADDR_q <= '0;
      staged_WB_ADDR_mask_q <= '0;
      kept_DONE_q <= '0;
      kept_ERROR_ADDR_q <= '0;
      kept_ERROR_COOKIE_q <= '0;
      kept_FRAMES_q <= '0;
      kept_BYTES_q <= '0;
    end else begin
      if (writes && offset == 8'h8) begin
        staged_RING_BASE_q <= merged(staged_RING_BASE_q, wdata_i, wmask_i);
        staged_RING_BASE_mask_q <= staged_RING_BASE_mask_q | wmask_i;
      end
      if (writes && offset == 8'hc) begin
        set_q.RING_BASE <= {merged(set_q.RING_BASE[63:32], wdata_i, wmask_i), merged(set_q.RING_BASE[31:0], staged_RING_BASE_q, staged_RING_BASE_mask_q)};
        staged_RING_BASE_q <= '0;
        staged_RING_BASE_mask_q <= '0;
      end
      if (writes && offset == 8'h10) set_q.RING_ENTRIES <= merged(set_q.RING_ENTRIES, wdata_i, wmask_i);
      if (writes && offset == 8'h14) set_q.CONFIG <= merged(set_q.CONFIG, wdata_i, wmask_i) & 32'hf1f;
      if (writes && offset == 8'h28) begin
        staged_WB_ADDR_q <= merged(staged_WB_ADDR_q, wdata_i, wmask_i);
        staged_WB_ADDR_mask_q <= staged_WB_ADDR_mask_q | wmask_i;
      end
      if (writes && offset == 8'h2c) begin
        set_q.WB_ADDR <= {merged(set_q.WB_ADDR[63:32], wdata_i, wmask_i), merged(set_q.WB_ADDR[31:0], staged_WB_ADDR_q, staged_WB_ADDR_mask_q)};
        staged_WB_ADDR_q <= '0;
        staged_WB_ADDR_mask_q <= '0;
      end
      if (writes && offset == 8'h30) set_q.WB_EVERY <= merged(set_q.WB_EVERY, wdata_i, wmask_i);
      if (writes && offset == 8'h34) set_q.WB_TIME <= merged(set_q.WB_TIME, wdata_i, wmask_i);
      if (writes && offset == 8'h54) set_q.INT_SPACE_COUNT <= merged(set_q.INT_SPACE_COUNT, wdata_i, wmask_i);
      if (writes && offset == 8'h58) set_q.INT_SPACE_TIME <= merged(set_q.INT_SPACE_TIME, wdata_i, wmask_i);
      if (req_i && !write_i && offset == 8'h18) kept_DONE_q <= shown_i.DONE[63:32];
      if (req_i && !write_i && offset == 8'h40) kept_ERROR_ADDR_q <= shown_i.ERROR_ADDR[63:32];
      if (req_i && !write_i && offset == 8'h48) kept_ERROR_COOKIE_q <= shown_i.ERROR_COOKIE[63:32];
      if (req_i && !write_i && offset == 8'h68) kept_FRAMES_q <= shown_i.FRAMES[63:32];
      if (req_i && !write_i && offset == 8'h70) kept_BYTES_q <= shown_i.BYTES[63:32];
    end
  end

endmodule
