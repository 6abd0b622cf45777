// Assertions: on in builds for tests (Verilator's `--assert`), nothing for synthesis.
//
// `SILICO_ASSERT(name, off, holds)`: at each clock edge at which `off` is low, `holds` is true of what the clock before left.
// `SILICO_STAYS(name, off, held, shown)`: what is `shown` while `held` is shown again at the next clock edge, unless `off` is high at either.
//
// They are immediate: of a concurrent one, Verilator copies in every clock all that it looks at, and of wide structures in it 5.006 makes C++ that does
// not compile.

`ifndef SILICO_ASSERT_SVH
`define SILICO_ASSERT_SVH

`ifdef SYNTHESIS
`define SILICO_ASSERT(name, off, holds)
`define SILICO_STAYS(name, off, held, shown)
`else
`define SILICO_ASSERT(name, off, holds) always_ff @(posedge clk_i) if (!(off)) name: assert (holds);
`define SILICO_STAYS(name, off, held, shown) \
  logic [$bits(shown):0] name``_q; \
  always_ff @(posedge clk_i) begin \
    name``_q <= {(held) && !(off), shown}; \
    if (!(off) && name``_q[$bits(shown)]) name: assert (name``_q[$bits(shown)-1:0] == (shown)); \
  end
`endif

`endif
