// Which host-to-card channel feeds which card-to-host channel, instead of its front-end stream, and the way of its beats. Channels are tied and untied at
// the bounds of frames, at the end of a clock, by what they are then.

`include "silico_assert.svh"

module silico_loops
  import silico_h2c_pkg::*;
#(
  parameter type beat_t = logic,
  parameter int unsigned NumC2h = 4,
  parameter int unsigned NumH2c = 2
) (
  input  logic                          clk_i,
  // A reset of the function ends all loops.
  input  logic                          reset_i,

  // C2H channels: who takes beats for a run; the next frame may be that of another feeder.
  input  logic [NumC2h-1:0]             running_i,
  output logic [NumC2h-1:0]             attach_o,
  input  logic [NumC2h-1:0]             attached_i,
  output logic [NumC2h-1:0]             detach_o,

  // H2C channels: the C2H channel that each feeds or still has to feed, after it was told that its receiver has stopped.
  output logic [NumH2c-1:0]             stopped_o,
  input  logic [NumH2c-1:0]             target_valid_i,
  input  logic [NumH2c-1:0][3:0]        target_i,

  // C2H channels that nobody else may feed, of each H2C channel; those of all others.
  input  logic [NumH2c-1:0][15:0]       targets_i,
  output logic [NumH2c-1:0][15:0]       others_o,

  // Beats that H2C channels show, to whom, and whether they are taken: by the stream, or by the C2H channel that is fed.
  input  logic [NumH2c-1:0]             valid_i,
  input  receiver_t [NumH2c-1:0]        receiver_i,
  input  beat_t                         beat_i [NumH2c],
  input  logic [NumH2c-1:0]             stream_ready_i,
  output logic [NumH2c-1:0]             ready_o,
  // What C2H channels are offered.
  output logic [NumC2h-1:0]             loop_valid_o,
  output beat_t                         loop_o [NumC2h],
  input  logic [NumC2h-1:0]             loop_ready_i
);

  logic [NumC2h-1:0][NumH2c-1:0] feeds_q, feeds, wants, first;

  always_comb begin
    for (int unsigned i = 0; i < NumH2c; i++) begin
      stopped_o[i] = 1'b0;
      for (int unsigned t = 0; t < NumC2h; t++) stopped_o[i] = stopped_o[i] || (feeds_q[t][i] && !running_i[t]);
    end
  end

  always_comb begin
    for (int unsigned t = 0; t < NumC2h; t++) begin
      first[t] = '0;
      for (int unsigned i = 0; i < NumH2c; i++) begin
        wants[t][i] = target_valid_i[i] && target_i[i] == 4'(t);
        first[t][i] = wants[t][i] && first[t] == '0;
      end
      detach_o[t] = (feeds_q[t] & ~wants[t]) != '0;
      attach_o[t] = (feeds_q[t] == '0 || detach_o[t]) && wants[t] != '0;
    end
  end

  // Apart from the above, since it hangs on the answer.
  always_comb begin
    for (int unsigned t = 0; t < NumC2h; t++) begin
      feeds[t] = detach_o[t] ? '0 : feeds_q[t];
      if (attach_o[t] && attached_i[t]) feeds[t] = first[t];
    end
  end

  always_ff @(posedge clk_i) feeds_q <= reset_i ? '0 : feeds;

  always_comb begin
    others_o = '0;
    for (int unsigned i = 0; i < NumH2c; i++) begin
      for (int unsigned j = 0; j < NumH2c; j++) if (j != i) others_o[i] = others_o[i] | targets_i[j];
    end
  end

  // --- beats ---------------------------------------------------------------------------------------------------------------

  logic [NumC2h-1:0][NumH2c-1:0] loops;

  always_comb begin
    for (int unsigned t = 0; t < NumC2h; t++) begin
      loop_o[t] = '0;
      for (int unsigned i = 0; i < NumH2c; i++) begin
        loops[t][i] = feeds_q[t][i] && receiver_i[i].valid && receiver_i[i].kind == OutputLoopback && receiver_i[i].channel == 4'(t);
        if (feeds_q[t][i]) loop_o[t] = beat_i[i];
      end
      loop_valid_o[t] = (loops[t] & valid_i) != '0;
    end
  end

  always_comb begin
    for (int unsigned i = 0; i < NumH2c; i++) begin
      ready_o[i] = stream_ready_i[i] && receiver_i[i].valid && receiver_i[i].kind == OutputStream;
      for (int unsigned t = 0; t < NumC2h; t++) ready_o[i] = ready_o[i] || (loops[t][i] && loop_ready_i[t]);
    end
  end

`ifndef SYNTHESIS
  for (genvar t = 0; t < int'(NumC2h); t++) begin : gen_check
    `SILICO_ASSERT(OneFeeder, reset_i, $onehot0(feeds_q[t]))
  end
`endif

endmodule
