// Who is next of those that wait, in turn. Knows nothing of what they bring.
//
// The first one that waits at or after the one whose turn it is, is shown; once it has gone (`valid_o` and `ready_i`), the turn is that of the one behind it,
// so nobody waits for more than one transfer of each other. Until then what is shown may change, if one that is nearer to its turn comes.

`include "silico_assert.svh"

module silico_arbiter #(
  parameter type T = logic,
  parameter int unsigned Num = 2,
  localparam int unsigned Bits = Num > 1 ? $clog2(Num) : 1
) (
  input  logic            clk_i,
  // It is the turn of number 0.
  input  logic            reset_i,

  input  logic [Num-1:0]  valid_i,
  output logic [Num-1:0]  ready_o,
  input  T [Num-1:0]      data_i,

  output logic            valid_o,
  input  logic            ready_i,
  output T                data_o,
  // Whose it is.
  output logic [Bits-1:0] index_o
);

  typedef logic [Bits-1:0] index_t;

  index_t turn_q, after;

  always_comb begin
    index_o = '0;
    for (int i = int'(Num) - 1; i >= 0; i--) if (valid_i[i]) index_o = index_t'(i);
    for (int i = int'(Num) - 1; i >= 0; i--) if (valid_i[i] && index_t'(i) >= turn_q) index_o = index_t'(i);
  end
  assign valid_o = valid_i != '0;
  assign data_o = data_i[index_o];
  assign after = index_o == index_t'(Num - 1) ? '0 : index_o + index_t'(1);

  always_comb begin
    ready_o = '0;
    ready_o[index_o] = valid_o && ready_i;
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) turn_q <= '0;
    else if (valid_o && ready_i) turn_q <= after;
  end

`ifndef SYNTHESIS
  // One that waits, and one alone.
  `SILICO_ASSERT(OneGoes, reset_i, $onehot0(ready_o) && (ready_o & ~valid_i) == '0)
`endif

endmodule
