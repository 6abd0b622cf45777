// A request that waits for the access engine: its header and its first two dwords. What the engine does with it: one dword of a BAR, or of configuration
// space.

package silico_receiver_pkg;

  import silico_pkg::*;

  typedef struct packed {
    header_t          header;
    logic [1:0][31:0] data;
    // Of a posted one: where it goes.
    logic             bar2;
    logic [15:0]      offset;
    logic             posted;
  } request_t;

  typedef struct packed {
    logic        req;
    logic        write;
    logic        bar2;
    logic [15:0] offset;
    logic [31:0] wdata;
    logic [3:0]  be;
  } access_t;

  // A dword is always read. `destination`: the ID by which a write names the function.
  typedef struct packed {
    logic        write;
    logic [9:0]  at;
    logic [31:0] wdata;
    logic [3:0]  be;
    logic [15:0] destination;
  } config_access_t;

endpackage
