// A channel's built-in frame generator. In block mode, the frames are chunks, and blocks of them go out instead. Two xorshift64 sequences start from the seed: one draws lengths, one draws a key per frame. 64-bit word `i` of
// a payload is key + i * 0x9e3779b97f4a7c15, so a lost, swapped or repeated word, beat or frame never looks right.

module silico_c2h_generator #(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned Elinks = 64,
  localparam int unsigned BeatBytes = DataWidth / 8,
  localparam int unsigned BeatWords = BeatBytes / 8
) (
  input  logic                 clk_i,
  input  logic [7:0]           index_i,
  // A new run, from the next clock on. What lengths and keys are drawn by is that of the new run already.
  input  logic                 start_i,
  input  logic [63:0]          seed_i,
  input  logic [1:0]           mode_i,
  input  logic [31:0]          min_i,
  input  logic [31:0]          max_i,
  input  logic [15:0][31:0]    table_i,
  // Of the run.
  input  logic [31:0]          pause_i,
  input  logic [31:0]          rate_i,
  input  logic [63:0]          count_i,
  input  logic [15:0]          source_i,
  // In block mode: how many e-links, most bytes of a chunk, clocks after which a block goes out.
  input  logic                 blocks_i,
  input  logic [8:0]           links_i,
  input  logic [31:0]          limit_i,
  input  logic [31:0]          flush_i,
  input  logic [63:0]          now_i,

  // The channel runs in this clock.
  input  logic                 enable_i,
  output logic                 valid_o,
  output logic                 last_o,
  output logic [15:0]          source_o,
  output logic [6:0]           bytes_o,
  output logic [DataWidth-1:0] data_o,
  input  logic                 take_i,

  // Frames made, and chunks that have gone with their blocks, after this clock's beat.
  output logic [63:0]          made_taken_o,
  output logic [63:0]          chunks_taken_o
);

  localparam logic [63:0] Step = 64'h9e37_79b9_7f4a_7c15;
  // A beat every clock.
  localparam logic [31:0] FullRate = 32'h0001_0000;

  function automatic logic [63:0] xorshift(logic [63:0] old);
    logic [63:0] x = old;
    x = x ^ (x << 13);
    x = x ^ (x >> 7);
    x = x ^ (x << 17);
    return x;
  endfunction

  // The sequence would stay at zero.
  function automatic logic [63:0] never_zero(logic [63:0] seed);
    return seed == '0 ? Step : seed;
  endfunction

  logic [63:0] keys_q, keys_from, keys_next, lengths_q, lengths_from, lengths_next, seed;
  logic [3:0]  entry_q, entry_from;
  logic [31:0] length_q, length_next, left, passed_q, pause_left_q, random;
  logic [32:0] span;
  logic [63:0] word_q, made_q;
  logic [16:0] tokens_q;
  logic        over, draws, full;
  logic [64:0] scaled;

  logic        going, block_last, blocks_done, block_draw;
  logic [15:0] block_source;
  logic [DataWidth-1:0] block_data, frame_data;

  assign over = rate_i == '0 || (blocks_i ? blocks_done : count_i != '0 && made_q == count_i);
  assign full = 32'(tokens_q) + rate_i >= FullRate;
  assign valid_o = enable_i && !over && pause_left_q == '0 && full && (!blocks_i || going);
  assign left = length_q - passed_q;
  assign last_o = blocks_i ? block_last : left <= 32'(BeatBytes);
  assign bytes_o = last_o && !blocks_i ? left[6:0] : 7'(BeatBytes);
  assign source_o = blocks_i ? block_source : source_i;
  assign data_o = blocks_i ? block_data : frame_data;
  assign made_taken_o = take_i && last_o ? made_q + 64'd1 : made_q;

  for (genvar i = 0; i < int'(BeatWords); i++) begin : gen_word
    assign frame_data[64*i +: 64] = word_q + 64'(i) * Step;
  end

  silico_c2h_blocks #(.DataWidth(DataWidth), .Elinks(Elinks)) u_blocks (
    .clk_i,
    .start_i,
    .source_i,
    .links_i,
    .limit_i,
    .count_i,
    .pause_i,
    .flush_i,
    .now_i,
    .length_i(length_q),
    .key_i(keys_q),
    .draw_o(block_draw),
    .enable_i(enable_i && blocks_i && rate_i != '0),
    .going_o(going),
    .last_o(block_last),
    .source_o(block_source),
    .data_o(block_data),
    .take_i(take_i && blocks_i),
    .finished_o(blocks_done),
    .chunks_taken_o
  );

  // --- lengths and keys ------------------------------------------------------------------------------------------------

  assign seed = seed_i ^ {index_i + 8'd1, 56'h0};
  assign draws = start_i || (blocks_i ? block_draw : take_i && last_o);
  assign keys_from = start_i ? never_zero(seed) : keys_q;
  assign lengths_from = start_i ? never_zero(~seed) : lengths_q;
  assign entry_from = start_i ? '0 : entry_q;
  assign keys_next = xorshift(keys_from);
  assign lengths_next = xorshift(lengths_from);
  assign random = lengths_next[63:32];
  assign span = max_i > min_i ? 33'(max_i - min_i) + 33'd1 : 33'd1;
  assign scaled = 65'(random) * 65'(span);

  always_comb begin
    unique case (mode_i)
      2'd0: length_next = min_i;
      // A multiply instead of a division.
      2'd1: length_next = min_i + scaled[63:32];
      default: length_next = table_i[entry_from];
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (draws) begin
      keys_q <= keys_next;
      lengths_q <= lengths_next;
      entry_q <= mode_i[1] ? entry_from + 4'd1 : entry_from;
      length_q <= length_next;
      word_q <= keys_next;
      passed_q <= '0;
    end else if (take_i) begin
      word_q <= word_q + 64'(BeatWords) * Step;
      passed_q <= passed_q + 32'(bytes_o);
    end
  end

  // --- when --------------------------------------------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      made_q <= '0;
      pause_left_q <= '0;
      tokens_q <= '0;
    end else if (enable_i && !over) begin
      if (take_i) begin
        if (rate_i < FullRate) tokens_q <= tokens_q + rate_i[16:0] - FullRate[16:0];
        if (last_o) begin
          made_q <= made_q + 64'd1;
          if (!blocks_i) pause_left_q <= pause_i;
        end
      end else if (pause_left_q != '0) begin
        pause_left_q <= pause_left_q - 32'd1;
      end else if (!full && (!blocks_i || going)) begin
        tokens_q <= tokens_q + rate_i[16:0];
      end
    end
  end

endmodule
