// A request that waits for the access engine: its header and its first two dwords.

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

endpackage
