// The register block of the card.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

module silico_card_regs
  import silico_card_regs_pkg::*;
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

  output silico_card_regs_set_t set_o,
  input  silico_card_regs_shown_t shown_i,
  output silico_card_regs_strobe_t strobe_o
);

  silico_card_regs_set_t set_q;
  logic writes, hit;
  logic [7:0] offset;
  logic [31:0] staged_SCRATCH_q, staged_SCRATCH_mask_q;
  logic [31:0] kept_CYCLES_q;

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
      8'h0: begin  // ID
        rdata_o = 32'h534c434f;
      end
      8'h4: begin  // MAP_VERSION
        rdata_o = 32'h10002;
      end
      8'h8: begin  // BUILD
        rdata_o = shown_i.BUILD[31:0];
      end
      8'hc: begin  // CAPS
        rdata_o = shown_i.CAPS[31:0];
      end
      8'h10: begin  // FIFO_BYTES
        rdata_o = shown_i.FIFO_BYTES[31:0];
      end
      8'h14: begin  // FIFO_FRAMES
        rdata_o = shown_i.FIFO_FRAMES[31:0];
      end
      8'h18: begin  // SCRATCH
        rdata_o = set_q.SCRATCH[31:0];
        hit = 1'b1;
      end
      8'h1c: begin  // SCRATCH
        rdata_o = set_q.SCRATCH[63:32];
        hit = 1'b1;
      end
      8'h20: begin  // CYCLES
        rdata_o = shown_i.CYCLES[31:0];
      end
      8'h24: begin  // CYCLES
        rdata_o = kept_CYCLES_q;
      end
      8'h28: begin  // CONTROL
        rdata_o = shown_i.CONTROL[31:0];
        hit = 1'b1;
      end
      8'h2c: begin  // INT_STATUS
        rdata_o = shown_i.INT_STATUS[31:0];
      end
      8'h30: begin  // ERROR_SUMMARY
        rdata_o = shown_i.ERROR_SUMMARY[31:0];
      end
      8'h34: begin  // HOLE_WRITES
        rdata_o = shown_i.HOLE_WRITES[31:0];
      end
      8'h38: begin  // PERF_CONTROL
        rdata_o = shown_i.PERF_CONTROL[31:0];
        hit = 1'b1;
      end
      8'h40: begin  // PERF_CYCLES
        rdata_o = shown_i.PERF_CYCLES[31:0];
      end
      8'h44: begin  // PERF_CYCLES
        rdata_o = shown_i.PERF_CYCLES[63:32];
      end
      8'h48: begin  // PERF_TX_BUSY
        rdata_o = shown_i.PERF_TX_BUSY[31:0];
      end
      8'h4c: begin  // PERF_TX_BUSY
        rdata_o = shown_i.PERF_TX_BUSY[63:32];
      end
      8'h50: begin  // PERF_TX_HELD
        rdata_o = shown_i.PERF_TX_HELD[31:0];
      end
      8'h54: begin  // PERF_TX_HELD
        rdata_o = shown_i.PERF_TX_HELD[63:32];
      end
      8'h58: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[31:0];
      end
      8'h5c: begin  // PERF_NO_CREDIT
        rdata_o = shown_i.PERF_NO_CREDIT[63:32];
      end
      8'h60: begin  // PERF_TX_TLPS
        rdata_o = shown_i.PERF_TX_TLPS[31:0];
      end
      8'h64: begin  // PERF_TX_TLPS
        rdata_o = shown_i.PERF_TX_TLPS[63:32];
      end
      8'h68: begin  // PERF_RX_TLPS
        rdata_o = shown_i.PERF_RX_TLPS[31:0];
      end
      8'h6c: begin  // PERF_RX_TLPS
        rdata_o = shown_i.PERF_RX_TLPS[63:32];
      end
      8'h70: begin  // PERF_INTERRUPTS
        rdata_o = shown_i.PERF_INTERRUPTS[31:0];
      end
      8'h74: begin  // PERF_INTERRUPTS
        rdata_o = shown_i.PERF_INTERRUPTS[63:32];
      end
      8'h78: begin  // INT_STATUS_2
        rdata_o = shown_i.INT_STATUS_2[31:0];
      end
      8'h7c: begin  // READ_TAGS
        rdata_o = shown_i.READ_TAGS[31:0];
      end
      8'h80: begin  // INT_CARD
        rdata_o = shown_i.INT_CARD[31:0];
        hit = 1'b1;
      end
      8'h84: begin  // ERROR_MASK
        rdata_o = shown_i.ERROR_MASK[31:0];
        hit = 1'b1;
      end
      8'h88: begin  // PERF_NO_TAG
        rdata_o = shown_i.PERF_NO_TAG[31:0];
      end
      8'h8c: begin  // PERF_NO_TAG
        rdata_o = shown_i.PERF_NO_TAG[63:32];
      end
      8'h90: begin  // PERF_RX_BUSY
        rdata_o = shown_i.PERF_RX_BUSY[31:0];
      end
      8'h94: begin  // PERF_RX_BUSY
        rdata_o = shown_i.PERF_RX_BUSY[63:32];
      end
      8'h98: begin  // INT_ACK
        hit = 1'b1;
      end
      8'h9c: begin  // INT_ACK_2
        hit = 1'b1;
      end
      8'ha0: begin  // READ_QUARANTINE
        rdata_o = shown_i.READ_QUARANTINE[31:0];
      end
      8'hf0: begin  // ELINKS
        rdata_o = shown_i.ELINKS[31:0];
      end
      default: ;
    endcase
  end

  // The card's own registers.
  always_comb begin
    strobe_o = '0;
    strobe_o.CONTROL = writes && offset == 8'h28;
    strobe_o.PERF_CONTROL = writes && offset == 8'h38;
    strobe_o.INT_CARD = writes && offset == 8'h80;
    strobe_o.ERROR_MASK = writes && offset == 8'h84;
    strobe_o.INT_ACK = writes && offset == 8'h98;
    strobe_o.INT_ACK_2 = writes && offset == 8'h9c;
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      set_q.SCRATCH <= 64'h0;
      staged_SCRATCH_q <= '0;
      staged_SCRATCH_mask_q <= '0;
      kept_CYCLES_q <= '0;
    end else begin
      if (writes && offset == 8'h18) begin
        staged_SCRATCH_q <= merged(staged_SCRATCH_q, wdata_i, wmask_i);
        staged_SCRATCH_mask_q <= staged_SCRATCH_mask_q | wmask_i;
      end
      if (writes && offset == 8'h1c) begin
        set_q.SCRATCH <= {merged(set_q.SCRATCH[63:32], wdata_i, wmask_i), merged(set_q.SCRATCH[31:0], staged_SCRATCH_q, staged_SCRATCH_mask_q)};
        staged_SCRATCH_q <= '0;
        staged_SCRATCH_mask_q <= '0;
      end
      if (req_i && !write_i && offset == 8'h20) kept_CYCLES_q <= shown_i.CYCLES[63:32];
    end
  end

endmodule
