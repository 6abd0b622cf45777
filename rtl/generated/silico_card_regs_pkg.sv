// What the register block of the card holds and shows.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

package silico_card_regs_pkg;

  // Settings, as software has written them.
  typedef struct packed {
    logic [63:0] SCRATCH;
  } silico_card_regs_set_t;

  // What is shown: of the card's own registers too.
  typedef struct packed {
    logic [31:0] BUILD;
    logic [31:0] CAPS;
    logic [31:0] FIFO_BYTES;
    logic [31:0] FIFO_FRAMES;
    logic [63:0] CYCLES;
    logic [31:0] CONTROL;
    logic [31:0] INT_STATUS;
    logic [31:0] ERROR_SUMMARY;
    logic [31:0] HOLE_WRITES;
    logic [31:0] PERF_CONTROL;
    logic [63:0] PERF_CYCLES;
    logic [63:0] PERF_TX_BUSY;
    logic [63:0] PERF_TX_HELD;
    logic [63:0] PERF_NO_CREDIT;
    logic [63:0] PERF_TX_TLPS;
    logic [63:0] PERF_RX_TLPS;
    logic [63:0] PERF_INTERRUPTS;
    logic [31:0] INT_STATUS_2;
    logic [31:0] READ_TAGS;
    logic [31:0] INT_CARD;
    logic [31:0] ERROR_MASK;
    logic [63:0] PERF_NO_TAG;
    logic [63:0] PERF_RX_BUSY;
    logic [31:0] READ_QUARANTINE;
    logic [31:0] ELINKS;
  } silico_card_regs_shown_t;

  // The card's own registers: a bit for each dword, the low one first; of an array, one for all.
  typedef struct packed {
    logic CONTROL;
    logic PERF_CONTROL;
    logic INT_CARD;
    logic ERROR_MASK;
    logic INT_ACK;
    logic INT_ACK_2;
  } silico_card_regs_strobe_t;

  // Lowest bits of fields.
  localparam int unsigned MAP_VERSION_MINOR = 0;
  localparam int unsigned MAP_VERSION_MAJOR = 16;
  localparam int unsigned CAPS_C2H_CHANNELS = 0;
  localparam int unsigned CAPS_H2C_CHANNELS = 8;
  localparam int unsigned CAPS_VECTORS_MINUS_ONE = 16;
  localparam int unsigned CAPS_PORT_BYTES = 24;
  localparam int unsigned CONTROL_ENABLE = 0;
  localparam int unsigned CONTROL_RESET = 1;
  localparam int unsigned INT_STATUS_C2H_DATA = 0;
  localparam int unsigned INT_STATUS_C2H_ERROR = 16;
  localparam int unsigned ERROR_SUMMARY_C2H = 0;
  localparam int unsigned ERROR_SUMMARY_H2C = 16;
  localparam int unsigned ERROR_SUMMARY_VECTOR = 24;
  localparam int unsigned PERF_CONTROL_LATCH = 0;
  localparam int unsigned PERF_CONTROL_CLEAR = 1;
  localparam int unsigned INT_STATUS_2_H2C_SPACE = 0;
  localparam int unsigned INT_STATUS_2_H2C_ERROR = 8;
  localparam int unsigned INT_STATUS_2_CARD = 16;
  localparam int unsigned READ_TAGS_TAGS = 0;
  localparam int unsigned READ_TAGS_IN_USE = 16;
  localparam int unsigned INT_CARD_VECTOR = 0;
  localparam int unsigned INT_CARD_ENABLE = 31;
  localparam int unsigned INT_ACK_C2H_DATA = 0;
  localparam int unsigned INT_ACK_C2H_ERROR = 16;
  localparam int unsigned INT_ACK_2_H2C_SPACE = 0;
  localparam int unsigned INT_ACK_2_H2C_ERROR = 8;
  localparam int unsigned INT_ACK_2_CARD = 16;
  localparam int unsigned READ_QUARANTINE_TAGS = 0;
  localparam int unsigned READ_QUARANTINE_TOTAL = 16;

endpackage
