// Where the beats of a card-to-host channel come from: the front-end stream, an H2C channel that feeds it instead, or its own generator.

module silico_c2h_source
  import silico_c2h_settings_pkg::*;
#(
  parameter type beat_t = logic,
  parameter int unsigned DataWidth = 256,
  parameter int unsigned Elinks = 64
) (
  input  logic                 clk_i,
  input  logic [7:0]           index_i,
  // Of the run; of the run that starts with this clock, or nothing any more.
  input  settings_t            run_i,
  input  logic                 start_i,
  input  settings_t            start_run_i,
  input  logic [63:0]          now_i,
  // It runs, and is fed by an H2C channel unless by its generator.
  input  logic                 running_i,
  input  logic                 looped_i,

  input  logic                 front_valid_i,
  input  beat_t                front_i,
  input  logic                 loop_valid_i,
  input  beat_t                loop_i,

  // The beat on offer; it is taken.
  output logic                 offered_o,
  output beat_t                beat_o,
  input  logic                 take_i,

  // Frames that the generator made, and chunks, after this clock's beat.
  output logic [63:0]          made_o,
  output logic [63:0]          chunks_o
);

  beat_t made;
  logic  made_valid;

  assign made.error = 1'b0;
  always_comb begin
    offered_o = front_valid_i;
    beat_o = front_i;
    if (run_i.generator) begin
      offered_o = made_valid;
      beat_o = made;
    end else if (looped_i) begin
      offered_o = loop_valid_i;
      beat_o = loop_i;
    end
  end

  settings_t generates;
  assign generates = start_i ? start_run_i : run_i;
  silico_c2h_generator #(.DataWidth(DataWidth), .Elinks(Elinks)) u_generator (
    .clk_i,
    .index_i,
    .start_i,
    .seed_i(generates.gen_seed),
    .mode_i(generates.gen_mode),
    .min_i(generates.gen_min),
    .max_i(generates.gen_max),
    .table_i(generates.gen_table),
    .pause_i(run_i.gen_pause),
    .rate_i(run_i.gen_rate),
    .count_i(run_i.gen_count),
    .source_i(run_i.gen_source),
    .blocks_i(run_i.generator && run_i.gen_blocks),
    .links_i(run_i.gen_links[8:0]),
    .limit_i(run_i.max_frame),
    .flush_i(run_i.gen_flush),
    .now_i,
    .enable_i(running_i && run_i.generator),
    .valid_o(made_valid),
    .last_o(made.last),
    .source_o(made.source),
    .bytes_o(made.bytes),
    .data_o(made.data),
    .take_i(take_i && run_i.generator),
    .made_taken_o(made_o),
    .chunks_taken_o(chunks_o)
  );

endmodule
