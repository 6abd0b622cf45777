// Where the beats of a card-to-host channel come from: the front-end stream, an H2C channel that feeds it instead, or its own generator.

module silico_c2h_source
  import silico_c2h_settings_pkg::*;
#(
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
  input  logic                 front_last_i,
  input  logic                 front_error_i,
  input  logic [15:0]          front_source_i,
  input  logic [6:0]           front_bytes_i,
  input  logic [DataWidth-1:0] front_data_i,
  input  logic                 loop_valid_i,
  input  logic                 loop_last_i,
  input  logic                 loop_error_i,
  input  logic [15:0]          loop_source_i,
  input  logic [6:0]           loop_bytes_i,
  input  logic [DataWidth-1:0] loop_data_i,

  // The beat on offer; it is taken.
  output logic                 offered_o,
  output logic                 last_o,
  output logic                 error_o,
  output logic [15:0]          source_o,
  output logic [6:0]           bytes_o,
  output logic [DataWidth-1:0] data_o,
  input  logic                 take_i,

  // Frames that the generator made, and chunks, after this clock's beat.
  output logic [63:0]          made_o,
  output logic [63:0]          chunks_o
);

  logic [DataWidth-1:0] generator_data;
  logic        generator_valid, generator_last;
  logic [15:0] generator_source;
  logic [6:0]  generator_bytes;

  always_comb begin
    if (run_i.generator) begin
      offered_o = generator_valid;
      last_o = generator_last;
      error_o = 1'b0;
      source_o = generator_source;
      bytes_o = generator_bytes;
      data_o = generator_data;
    end else if (looped_i) begin
      offered_o = loop_valid_i;
      last_o = loop_last_i;
      error_o = loop_error_i;
      source_o = loop_source_i;
      bytes_o = loop_bytes_i;
      data_o = loop_data_i;
    end else begin
      offered_o = front_valid_i;
      last_o = front_last_i;
      error_o = front_error_i;
      source_o = front_source_i;
      bytes_o = front_bytes_i;
      data_o = front_data_i;
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
    .valid_o(generator_valid),
    .last_o(generator_last),
    .source_o(generator_source),
    .bytes_o(generator_bytes),
    .data_o(generator_data),
    .take_i(take_i && run_i.generator),
    .made_taken_o(made_o),
    .chunks_taken_o(chunks_o)
  );

endmodule
