// The two CRCs of the card, byte by byte over a beat: CRC-32C of frames (RFC 3720 §12.1), CRC-32 of TLP digests (PCIe 4.0 §2.7.1).
//
// Both are reflected: bit 0 of byte 0 passes first, and a register holds the remainder with its bits in the order in which they pass. The beat
// is as wide as the widest port; synthesis removes what no instance uses.

package silico_crc_pkg;

  import silico_pkg::*;

  localparam int unsigned MaxBytes = 64;
  localparam logic [31:0] Castagnoli = 32'h82f6_3b78;
  localparam logic [31:0] Ethernet = 32'hedb8_8320;

  typedef logic [255:0][31:0] table_t;

  // What each byte does to a remainder of zero.
  function automatic table_t make_table(logic [31:0] polynomial);
    table_t out;
    for (int unsigned i = 0; i < 256; i++) begin
      logic [31:0] crc = 32'(i);
      for (int unsigned bit_index = 0; bit_index < 8; bit_index++) begin
        crc = crc[0] ? (crc >> 1) ^ polynomial : crc >> 1;
      end
      out[i] = crc;
    end
    return out;
  endfunction

  localparam table_t CastagnoliTable = make_table(Castagnoli);
  localparam table_t EthernetTable = make_table(Ethernet);

  function automatic logic [31:0] crc32c_byte(logic [31:0] crc, logic [7:0] data);
    return CastagnoliTable[crc[7:0] ^ data] ^ (crc >> 8);
  endfunction

  function automatic logic [31:0] crc32_byte(logic [31:0] crc, logic [7:0] data);
    return EthernetTable[crc[7:0] ^ data] ^ (crc >> 8);
  endfunction

  // The digest's part of a header, before that of the payload. What may change on the way, bit 0 of Type and EP, counts as one.
  function automatic logic [31:0] header_digest(header_t header);
    logic [31:0] crc = '1;
    logic [3:0][31:0] dwords = {header.dw3, header.dw2, header.dw1, header.dw0 | 32'h0100_4000};
    for (int unsigned i = 0; i < 16; i++) begin
      if (i < 12 || is_long(header)) crc = crc32_byte(crc, dwords[i/4][8*(3 - i%4) +: 8]);
    end
    return crc;
  endfunction

endpackage
