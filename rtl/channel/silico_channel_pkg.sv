// What a channel of either direction and the rest of the card say to each other.

package silico_channel_pkg;

  // An access of one dword of the channel's registers.
  typedef struct packed {
    logic        req;
    logic        write;
    logic [8:0]  offset;
    logic [31:0] wdata;
    logic [3:0]  be;
  } bus_t;

  // Bits of the enabled bytes.
  function automatic logic [31:0] enabled_bits(logic [3:0] be);
    return {{8{be[3]}}, {8{be[2]}}, {8{be[1]}}, {8{be[0]}}};
  endfunction

  // A vector that was signalled, or is to be.
  typedef struct packed {
    logic       valid;
    logic [7:0] number;
  } vector_t;

  // The low dword of a 64-bit write that waits for its high dword.
  typedef struct packed {
    logic [31:0] value;
    logic [31:0] mask;
  } staged_t;

  function automatic staged_t stage(staged_t old, logic [31:0] value, logic [31:0] mask);
    return '{value: (old.value & ~mask) | (value & mask), mask: old.mask | mask};
  endfunction

  function automatic logic [63:0] joined(staged_t low, logic [63:0] old, logic [31:0] value, logic [31:0] mask);
    return {(old[63:32] & ~mask) | (value & mask), (old[31:0] & ~low.mask) | (low.value & low.mask)};
  endfunction

endpackage
