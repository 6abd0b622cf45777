// What the register block of the c2h channel holds and shows.
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.

package silico_c2h_regs_pkg;

  // Settings, as software has written them.
  typedef struct packed {
    logic [63:0] RING_BASE;
    logic [63:0] RING_SIZE;
    logic [63:0] WB_ADDR;
    logic [31:0] WB_FRAMES;
    logic [31:0] WB_BYTES;
    logic [31:0] WB_TIME;
    logic [31:0] CONFIG;
    logic [31:0] MAX_FRAME;
    logic [31:0] BUSY_ASSERT;
    logic [31:0] BUSY_RELEASE;
    logic [31:0] INT_DATA_FRAMES;
    logic [31:0] INT_DATA_TIME;
    logic [31:0] GEN_CONFIG;
    logic [31:0] GEN_MIN;
    logic [31:0] GEN_MAX;
    logic [31:0] GEN_PAUSE;
    logic [31:0] GEN_RATE;
    logic [63:0] GEN_SEED;
    logic [63:0] GEN_COUNT;
    logic [31:0] GEN_LINKS;
    logic [31:0] GEN_FLUSH;
    logic [63:0] FREE_BASE;
    logic [63:0] COMP_BASE;
    logic [31:0] FREE_ENTRIES;
    logic [31:0] COMP_ENTRIES;
    logic [31:0] FLUSH_TIME;
  } silico_c2h_regs_set_t;

  // What is shown: of the card's own registers too.
  typedef struct packed {
    logic [31:0] CONTROL;
    logic [31:0] STATUS;
    logic [63:0] HW_COUNT;
    logic [63:0] SW_COUNT;
    logic [31:0] ERROR;
    logic [63:0] ERROR_ADDR;
    logic [31:0] INT_DATA;
    logic [31:0] INT_ERROR;
    logic [63:0] INT_DATA_ARM;
    logic [63:0] FRAMES;
    logic [63:0] DROPPED;
    logic [31:0] RUN;
    logic [31:0] DISCARDED;
    logic [63:0] PERF_TX_BEATS;
    logic [63:0] PERF_NO_CREDIT;
    logic [63:0] PERF_NO_BUFFER;
    logic [63:0] PERF_NO_DATA;
    logic [63:0] PERF_NO_GRANT;
    logic [63:0] PERF_FRONT_BEATS;
    logic [63:0] PERF_FRONT_HELD;
    logic [63:0] PERF_BUSY;
    logic [63:0] GEN_MADE;
    logic [63:0] GEN_CHUNKS;
    logic [31:0] GEN_TABLE;
    logic [63:0] FREE_TAIL;
    logic [63:0] COMP_HEAD;
    logic [63:0] FREE_HEAD;
    logic [63:0] COMP_TAIL;
    logic [31:0] PAGES_HELD;
    logic [63:0] ERROR_COOKIE;
  } silico_c2h_regs_shown_t;

  // The card's own registers: a bit for each dword, the low one first; of an array, one for all.
  typedef struct packed {
    logic CONTROL;
    logic [1:0] SW_COUNT;
    logic INT_DATA;
    logic INT_ERROR;
    logic [1:0] INT_DATA_ARM;
    logic GEN_TABLE;
    logic [1:0] FREE_TAIL;
    logic [1:0] COMP_HEAD;
  } silico_c2h_regs_strobe_t;

  // Lowest bits of fields.
  localparam int unsigned CONTROL_RUN = 0;
  localparam int unsigned CONTROL_RESET = 1;
  localparam int unsigned STATUS_STATE = 0;
  localparam int unsigned STATUS_BUSY = 3;
  localparam int unsigned STATUS_ARMED = 4;
  localparam int unsigned CONFIG_GENERATOR = 0;
  localparam int unsigned CONFIG_DROP = 1;
  localparam int unsigned CONFIG_WRITE_BACK = 2;
  localparam int unsigned CONFIG_RELAXED = 3;
  localparam int unsigned CONFIG_NO_SNOOP = 4;
  localparam int unsigned CONFIG_PAGES = 5;
  localparam int unsigned CONFIG_PACKED = 6;
  localparam int unsigned ERROR_CODE = 0;
  localparam int unsigned INT_DATA_VECTOR = 0;
  localparam int unsigned INT_DATA_ENABLE = 31;
  localparam int unsigned INT_ERROR_VECTOR = 0;
  localparam int unsigned INT_ERROR_ENABLE = 31;
  localparam int unsigned GEN_CONFIG_MODE = 0;
  localparam int unsigned GEN_CONFIG_BLOCKS = 2;
  localparam int unsigned GEN_CONFIG_SOURCE = 16;

endpackage
