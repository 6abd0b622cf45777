// The completion ring: where the next entry goes, and whether it may. Knows no page.
//
// An entry is written only over one that the host has taken: the doorbell says how far it is, and is believed only as far as entries have left. A clock
// has stages: an entry is granted; one has left; the doorbell.

`include "silico_assert.svh"

module silico_c2h_completions (
  input  logic        clk_i,
  // For a new run.
  input  logic        restart_i,
  input  logic [63:0] base_i,
  input  logic [31:0] entries_i,

  // An entry is free: at the start of the clock, and after the grant.
  output logic        room_o,
  output logic        room_granted_o,
  // The next entry: its address, number and phase.
  output logic [63:0] address_o,
  output logic [63:0] number_o,
  output logic        phase_o,
  input  logic        grant_i,

  // The entry granted last has left, and counts.
  input  logic        left_i,

  // The doorbell.
  input  logic        ring_i,
  input  logic [63:0] value_i,
  output logic        legal_o,

  // Entries that the host has taken; those that have left, in this clock too.
  output logic [63:0] head_o,
  output logic [63:0] tail_o
);

  logic [63:0] head_q, written_q, written, left_q, left;
  logic [31:0] entry_q;
  logic        lap_q;

  assign written = grant_i ? written_q + 64'd1 : written_q;
  assign left = left_i ? left_q + 64'd1 : left_q;
  assign room_o = written_q - head_q < 64'(entries_i);
  assign room_granted_o = written - head_q < 64'(entries_i);
  assign address_o = base_i + {27'h0, entry_q, 5'h0};
  assign number_o = written_q;
  // 1 in the first lap.
  assign phase_o = !lap_q;
  assign legal_o = value_i >= head_q && value_i <= left;
  assign head_o = head_q;
  assign tail_o = left;

  always_ff @(posedge clk_i) begin
    if (restart_i) begin
      head_q <= '0;
      written_q <= '0;
      left_q <= '0;
      entry_q <= '0;
      lap_q <= 1'b0;
    end else begin
      written_q <= written;
      left_q <= left;
      if (grant_i) begin
        entry_q <= entry_q + 32'd1 == entries_i ? '0 : entry_q + 32'd1;
        if (entry_q + 32'd1 == entries_i) lap_q <= !lap_q;
      end
      if (ring_i && legal_o) head_q <= value_i;
    end
  end

`ifndef SYNTHESIS
  `SILICO_ASSERT(NoOverwrite, restart_i, !grant_i || room_o)
  `SILICO_ASSERT(LeftWasWritten, restart_i, left_q <= written_q && head_q <= left_q)
`endif

endmodule
