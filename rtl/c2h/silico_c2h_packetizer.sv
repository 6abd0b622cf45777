// Cuts the FIFO's frames into memory writes to the ring.
//
// TLPs are cut where the address is a multiple of MPS (the ring starts on 4 KiB, so no TLP crosses 4 KiB or the ring's end). The header has the length
// and the CRC: of a frame that is whole when its first TLP goes, it leads that TLP; of one that is still coming in, or whose payload starts on a cut, it
// goes last, by itself. Either way the frame counts only once all of it has gone, and until it is whole it can be given up: nothing announced it.

module silico_c2h_packetizer
  import silico_c2h_pkg::*;
(
  input  logic        clk_i,
  // For a new run.
  input  logic        restart_i,

  // log2 of MPS in bytes.
  input  logic [3:0]  max_payload_i,
  input  logic [63:0] ring_size_i,
  // Byte count up to which the host has given room.
  input  logic [63:0] limit_i,

  input  logic        head_valid_i,
  input  frame_t      head_i,
  input  logic [20:0] available_i,

  output next_e       next_o,
  output chunk_t      chunk_o,
  // Of the chunk: its place in the ring, and whether it goes where a frame that was given up has left payload: it must not overtake that (PCIe
  // 4.0 table 2-39, A2b), or the host finds the old bytes in the new frame.
  output logic [63:0] offset_o,
  output logic        overwrites_o,
  // Sequence number of the frame whose header is next, and the byte count after it.
  output logic [63:0] sequence_o,
  output logic [63:0] count_o,

  // The chunk goes out.
  input  logic        grant_i,
  // Then: the open frame was dropped, so the next one goes where it would have gone.
  input  logic        give_up_i
);

  localparam logic [63:0] HeaderBytes = 64'd32;

  // Byte count at which the head frame's header goes, and at which the ring's present lap began: no division is needed to find an offset.
  logic [63:0] base_q, base, lap_q, lap;
  // Payload bytes of the head frame sent or under way.
  logic [31:0] sent_q, sent;
  // The head frame's header has gone before the end of its payload.
  logic        header_sent_q, header_sent;
  logic [63:0] sequence_q, sequence_next;
  // Byte count up to which frames that were given up have left payload in the ring.
  logic [63:0] void_to_q, void_to, left_to;

  logic [63:0] payload_at, in_lap;
  logic [10:0] mps, header_room, payload_room, bytes;
  logic [31:0] padded, left;
  logic        none;

  // Bytes up to the next cut.
  function automatic logic [10:0] to_cut(logic [63:0] at, logic [10:0] size);
    return size - (at[10:0] & (size - 11'd1));
  endfunction

  assign mps = 11'd1 << max_payload_i;
  assign payload_at = base_q + HeaderBytes + 64'(sent_q);
  assign header_room = to_cut(base_q, mps);
  assign payload_room = to_cut(payload_at, mps);
  assign padded = padded_length(head_i.length);
  assign left = padded - sent_q;

  function automatic logic [10:0] at_most(logic [31:0] value, logic [10:0] most);
    return value < 32'(most) ? value[10:0] : most;
  endfunction

  always_comb begin
    chunk_o = '0;
    none = 1'b0;
    if (head_valid_i && sent_q == '0 && (header_room > 11'd32 || padded == '0)) begin
      // A header that ends on a cut does not lead: it would find room where the same frame, a clock less whole, found none.
      chunk_o.at = base_q;
      chunk_o.header = 1'b1;
      chunk_o.payload = at_most(padded, header_room - 11'd32);
      chunk_o.ends = 32'(chunk_o.payload) == padded;
    end else if (head_valid_i && sent_q == padded) begin
      chunk_o.at = base_q;
      chunk_o.header = 1'b1;
      chunk_o.ends = 1'b1;
    end else if (head_valid_i) begin
      chunk_o.at = payload_at;
      chunk_o.payload = at_most(left, payload_room);
      chunk_o.ends = header_sent_q && left <= 32'(payload_room);
    end else begin
      chunk_o.at = payload_at;
      chunk_o.payload = payload_room;
      none = available_i < 21'(payload_room);
    end
  end
  assign bytes = chunk_o.payload + (chunk_o.header ? 11'd32 : 11'd0);

  always_comb begin
    if (none) next_o = NextNoData;
    else if (chunk_o.at + 64'(bytes) <= limit_i) next_o = NextChunk;
    else next_o = NextNoRoom;
  end

  // A frame is no longer than the ring, so it is in this lap or the next.
  assign in_lap = chunk_o.at - lap_q;
  assign offset_o = in_lap < ring_size_i ? in_lap : in_lap - ring_size_i;
  assign overwrites_o = chunk_o.at < void_to_q;
  assign sequence_o = sequence_q;
  assign count_o = base_q + HeaderBytes + 64'(padded);

  assign left_to = base + HeaderBytes + 64'(sent);

  always_comb begin
    base = base_q;
    lap = lap_q;
    sent = sent_q;
    header_sent = header_sent_q;
    sequence_next = sequence_q;
    if (grant_i && chunk_o.ends) begin
      base = count_o;
      if (base - lap_q >= ring_size_i) lap = lap_q + ring_size_i;
      sent = '0;
      header_sent = 1'b0;
      sequence_next = sequence_q + 64'd1;
    end else if (grant_i) begin
      sent = sent_q + 32'(chunk_o.payload);
      header_sent = header_sent_q || chunk_o.header;
    end
  end

  always_comb begin
    void_to = void_to_q;
    if (give_up_i && sent != '0 && left_to > void_to_q) void_to = left_to;
  end

  always_ff @(posedge clk_i) begin
    if (restart_i) begin
      base_q <= '0;
      lap_q <= '0;
      sent_q <= '0;
      header_sent_q <= 1'b0;
      sequence_q <= '0;
      void_to_q <= '0;
    end else begin
      base_q <= base;
      lap_q <= lap;
      sent_q <= give_up_i ? '0 : sent;
      header_sent_q <= header_sent;
      sequence_q <= sequence_next;
      void_to_q <= void_to;
    end
  end

endmodule
