// Gathers the beats of a TLP towards the card: header, length, the first two dwords of its payload, whether its digest is right.
//
// The payload itself is not kept: completions write it where it belongs, beat by beat, as it comes. Beats of a TLP whose first one came in
// reset mean nothing. `valid_o` is high in the clock of a TLP's last beat.

module silico_rx
  import silico_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  localparam int unsigned BeatBytes = DataWidth / 8
) (
  input  logic                 clk_i,
  // Nothing is taken, and what was begun is forgotten.
  input  logic                 reset_i,

  input  logic                 rx_valid_i,
  input  logic                 rx_sop_i,
  input  logic                 rx_eop_i,
  input  logic                 rx_discard_i,
  input  logic [31:0]          rx_digest_i,
  input  header_t              rx_header_i,
  input  logic [6:0]           rx_bytes_i,
  input  logic [DataWidth-1:0] rx_data_i,

  // The TLP that this beat belongs to, and how many bytes of it came before.
  output header_t              header_o,
  output logic [12:0]          passed_o,
  output logic                 beat_valid_o,

  // The TLP has come whole, and is not to be discarded.
  output logic                 valid_o,
  output logic [12:0]          bytes_o,
  output logic [1:0][31:0]     data_o,
  output logic                 digest_ok_o,
  // It has more payload than any TLP may have.
  output logic                 too_long_o
);

  import silico_crc_pkg::*;

  localparam int unsigned MaxPayload = 4096;

  logic        receiving_q, receiving;
  header_t     header_q;
  logic [12:0] passed_q;
  logic [13:0] bytes;
  logic [63:0] data_q, data;
  logic [31:0] digest_q, digest;

  assign receiving = rx_valid_i && !reset_i && (receiving_q || rx_sop_i);
  assign header_o = rx_sop_i ? rx_header_i : header_q;
  assign passed_o = rx_sop_i ? '0 : passed_q;
  assign bytes = {1'b0, passed_o} + 14'(rx_bytes_i);
  assign bytes_o = bytes[12:0];
  assign too_long_o = receiving && bytes > 14'(MaxPayload);
  assign beat_valid_o = receiving && !too_long_o;
  assign valid_o = beat_valid_o && rx_eop_i && !rx_discard_i;

  // The first two dwords: of the first beat, or kept.
  assign data = passed_o == '0 ? masked_start(rx_data_i[63:0], rx_bytes_i) : data_q;
  assign data_o = data;

  function automatic logic [63:0] masked_start(logic [63:0] word, logic [6:0] count);
    logic [63:0] out;
    for (int unsigned i = 0; i < 8; i++) out[8*i +: 8] = 7'(i) < count ? word[8*i +: 8] : 8'h00;
    return out;
  endfunction

  always_comb begin
    digest = rx_sop_i ? header_digest(rx_header_i) : digest_q;
    for (int unsigned i = 0; i < BeatBytes; i++) begin
      if (7'(i) < rx_bytes_i) digest = crc32_byte(digest, rx_data_i[8*i +: 8]);
    end
  end
  assign digest_ok_o = ~{digest[7:0], digest[15:8], digest[23:16], digest[31:24]} == rx_digest_i;

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      receiving_q <= 1'b0;
    end else if (rx_valid_i) begin
      receiving_q <= beat_valid_o && !rx_eop_i;
    end
    if (rx_valid_i) begin
      header_q <= header_o;
      passed_q <= bytes_o;
      data_q <= data;
      digest_q <= digest;
    end
  end

endmodule
