// Which tags are free, and which is next: a tag rests as long as possible before it is used again.

`include "silico_assert.svh"

module silico_tags #(
  parameter int unsigned Tags = 256
) (
  input  logic            clk_i,
  input  logic            reset_i,
  // Without extended tags there are 32 (PCIe 4.0 §2.2.6.2).
  input  logic            extended_i,
  output logic            valid_o,
  output logic [7:0]      tag_o,
  input  logic            take_i,
  input  logic            free_i,
  input  logic [7:0]      free_tag_i,
  // Another one, by a timer.
  input  logic            rested_i,
  input  logic [7:0]      rested_tag_i
);

  localparam int unsigned ShortTags = Tags < 32 ? Tags : 32;

  logic [Tags-1:0] taken_q, taken, usable, idle, above;
  logic [7:0] next_q, from;

  function automatic logic [7:0] first(logic [Tags-1:0] set);
    logic [7:0] out = '0;
    for (int i = int'(Tags) - 1; i >= 0; i--) if (set[i]) out = 8'(i);
    return out;
  endfunction

  assign usable = extended_i ? '1 : Tags'({ShortTags{1'b1}});
  assign from = !extended_i && 32'(next_q) >= ShortTags ? '0 : next_q;
  assign idle = ~taken_q & usable;
  assign above = idle & ~Tags'((257'(1) << from) - 257'(1));
  assign valid_o = idle != '0;
  assign tag_o = above != '0 ? first(above) : first(idle);

  always_comb begin
    taken = taken_q;
    for (int unsigned i = 0; i < Tags; i++) begin
      if (take_i && tag_o == 8'(i)) taken[i] = 1'b1;
      if (free_i && free_tag_i == 8'(i)) taken[i] = 1'b0;
      if (rested_i && rested_tag_i == 8'(i)) taken[i] = 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      taken_q <= '0;
      next_q <= '0;
    end else begin
      taken_q <= taken;
      if (take_i) next_q <= 32'(tag_o) + 1 < Tags ? tag_o + 8'd1 : '0;
    end
  end

`ifndef SYNTHESIS
  // A tag is never used while a read has it.
  `SILICO_ASSERT(NoReuse, reset_i, !(take_i && !valid_o))
`endif

endmodule
