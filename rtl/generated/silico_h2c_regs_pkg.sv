// What the register block of the h2c channel holds and shows.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

package silico_h2c_regs_pkg;

  // Settings, as software has written them.
  typedef struct packed {
    logic [63:0] RING_BASE;
    logic [31:0] RING_ENTRIES;
    logic [31:0] CONFIG;
    logic [63:0] WB_ADDR;
    logic [31:0] WB_EVERY;
    logic [31:0] WB_TIME;
    logic [31:0] INT_SPACE_COUNT;
    logic [31:0] INT_SPACE_TIME;
  } silico_h2c_regs_set_t;

  // What is shown: of the card's own registers too.
  typedef struct packed {
    logic [31:0] CONTROL;
    logic [31:0] STATUS;
    logic [63:0] DONE;
    logic [63:0] TAIL;
    logic [31:0] ERROR;
    logic [63:0] ERROR_ADDR;
    logic [63:0] ERROR_COOKIE;
    logic [31:0] INT_SPACE;
    logic [31:0] INT_ERROR;
    logic [63:0] INT_SPACE_ARM;
    logic [63:0] FRAMES;
    logic [63:0] BYTES;
    logic [31:0] RUN;
    logic [31:0] DISCARDED;
    logic [31:0] CHECK_CRC;
    logic [31:0] CHECK_LENGTH;
    logic [63:0] PERF_RX_BEATS;
    logic [63:0] PERF_NO_CREDIT;
    logic [63:0] PERF_NO_TAG;
    logic [63:0] PERF_NO_BUFFER;
    logic [63:0] PERF_NO_DATA;
    logic [63:0] PERF_OUT_HELD;
  } silico_h2c_regs_shown_t;

  // The card's own registers: a bit for each dword, the low one first; of an array, one for all.
  typedef struct packed {
    logic CONTROL;
    logic [1:0] TAIL;
    logic INT_SPACE;
    logic INT_ERROR;
    logic [1:0] INT_SPACE_ARM;
  } silico_h2c_regs_strobe_t;

  // Lowest bits of fields.
  localparam int unsigned CONTROL_RUN = 0;
  localparam int unsigned CONTROL_RESET = 1;
  localparam int unsigned STATUS_STATE = 0;
  localparam int unsigned STATUS_ARMED = 4;
  localparam int unsigned CONFIG_OUTPUT = 0;
  localparam int unsigned CONFIG_WRITE_BACK = 2;
  localparam int unsigned CONFIG_RELAXED = 3;
  localparam int unsigned CONFIG_NO_SNOOP = 4;
  localparam int unsigned CONFIG_TARGET = 8;
  localparam int unsigned ERROR_CODE = 0;
  localparam int unsigned INT_SPACE_VECTOR = 0;
  localparam int unsigned INT_SPACE_ENABLE = 31;
  localparam int unsigned INT_ERROR_VECTOR = 0;
  localparam int unsigned INT_ERROR_ENABLE = 31;

endpackage
