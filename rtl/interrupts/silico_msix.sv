// The MSI-X table and its pending bits, as BAR2 shows them (PCIe 4.0 §6.1.4, §7.7.2). Knows neither causes nor TLPs: a vector is raised, and its
// message waits here until the transmitter takes it.
//
// An event is never lost: raised while its vector is masked, or while nothing may be sent, it stays pending and is sent once.

module silico_msix #(
  parameter int unsigned Vectors = 16,
  localparam int unsigned Bits = Vectors > 1 ? $clog2(Vectors) : 1
) (
  input  logic               clk_i,
  input  logic               reset_i,

  // Enabled, not masked as a whole, and the card may send.
  input  logic               open_i,

  // First: the message of the lowest vector that may be sent, and that it goes.
  output logic               ready_o,
  output logic [7:0]         vector_o,
  output logic [63:0]        address_o,
  output logic [31:0]        data_o,
  input  logic               take_i,
  // Then events of the channels.
  input  logic [Vectors-1:0] raise_i,

  // Then a dword of BAR2.
  input  logic               write_i,
  input  logic [13:0]        offset_i,
  input  logic [31:0]        wdata_i,
  input  logic [3:0]         be_i,
  output logic [31:0]        rdata_o,
  // And events of what was accessed.
  input  logic [Vectors-1:0] raise_accessed_i,

  // Last: the pending bits that stay.
  input  logic               keep_valid_i,
  input  logic [Vectors-1:0] keep_i,
  output logic               pending_o
);

  // The PBA lies at 0x2000.
  localparam int unsigned PbaDwords = 2 * ((Vectors + 63) / 64);

  logic [Vectors-1:0][29:0] address_low_q;
  logic [Vectors-1:0][31:0] address_high_q, data_q;
  logic [Vectors-1:0] masked_q, pending_q, pending_taken, pending, open;
  logic [Bits-1:0] vector, entry;
  logic [31:0] enabled, old;
  logic in_table, in_pba;
  logic [32*PbaDwords-1:0] pba;

  // --- messages ----------------------------------------------------------------------------------------------------------

  assign open = open_i ? pending_q & ~masked_q : '0;
  assign ready_o = open != '0;

  always_comb begin
    vector = '0;
    for (int i = int'(Vectors) - 1; i >= 0; i--) if (open[i]) vector = Bits'(i);
  end
  assign vector_o = 8'(vector);
  assign address_o = {address_high_q[vector], address_low_q[vector], 2'b00};
  assign data_o = data_q[vector];

  always_comb begin
    pending_taken = pending_q;
    if (take_i) pending_taken[vector] = 1'b0;
    pending_taken = pending_taken | raise_i;
  end
  assign pending_o = (pending_taken | raise_accessed_i) != '0;
  assign pending = (pending_taken | raise_accessed_i) & (keep_valid_i ? keep_i : '1);

  // --- BAR2 --------------------------------------------------------------------------------------------------------------

  assign in_table = 32'(offset_i[13:4]) < Vectors;
  assign in_pba = offset_i[13] && 32'(offset_i[12:2]) < PbaDwords;
  assign entry = Bits'(offset_i[13:4]);
  assign pba = (32*PbaDwords)'(pending_taken);
  assign enabled = {{8{be_i[3]}}, {8{be_i[2]}}, {8{be_i[1]}}, {8{be_i[0]}}};

  always_comb begin
    old = '0;
    if (in_table) begin
      unique case (offset_i[3:2])
        2'd0: old = {address_low_q[entry], 2'b00};
        2'd1: old = address_high_q[entry];
        2'd2: old = data_q[entry];
        default: old = {31'h0, masked_q[entry]};
      endcase
    end
  end

  always_comb begin
    rdata_o = old;
    for (int unsigned i = 0; i < PbaDwords; i++) begin
      if (in_pba && 32'(offset_i[12:2]) == i) rdata_o = pba[32*i +: 32];
    end
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      address_low_q <= '0;
      address_high_q <= '0;
      data_q <= '0;
      masked_q <= '1;
      pending_q <= '0;
    end else begin
      pending_q <= pending;
      if (write_i && in_table) begin
        unique case (offset_i[3:2])
          2'd0: address_low_q[entry] <= 30'(((old & ~enabled) | (wdata_i & enabled)) >> 2);
          2'd1: address_high_q[entry] <= (old & ~enabled) | (wdata_i & enabled);
          2'd2: data_q[entry] <= (old & ~enabled) | (wdata_i & enabled);
          default: if (be_i[0]) masked_q[entry] <= wdata_i[0];
        endcase
      end
    end
  end

endmodule
