// The registers of a host-to-card channel: the rendered block, and what the channel shows in it. Registers whose write is an event are the channel's
// own: this says which one is written.

module silico_h2c_registers
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_h2c_pkg::*;
  import silico_h2c_regs_pkg::*;
(
  input  logic               clk_i,
  input  logic               reset_i,
  input  bus_t               bus_i,
  output logic [31:0]        rdata_o,
  // A write hits no register, or one that cannot be written.
  output logic               hole_o,

  // What software has set, and what of it is taken up at once.
  output settings_t          set_o,
  output logic [31:0]        frames_o,
  output logic [31:0]        cycles_o,

  output logic               control_o,
  output logic               int_space_o,
  output logic               int_error_o,
  output logic [1:0]         tail_o,
  output logic [1:0]         arm_o,

  // What is shown.
  input  logic               run_bit_i,
  input  state_e             state_i,
  input  logic               armed_i,
  input  logic [63:0]        done_i,
  input  logic [63:0]        tail_i,
  input  failure_t           error_i,
  input  causes_t            causes_i,
  input  logic [63:0]        out_frames_i,
  input  logic [63:0]        out_bytes_i,
  input  logic [31:0]        runs_i,
  input  logic [31:0]        discarded_i,
  input  logic [31:0]        check_crc_i,
  input  logic [31:0]        check_length_i,
  input  logic [5:0][63:0]   perf_i
);

  silico_h2c_regs_set_t set;
  silico_h2c_regs_shown_t shown;
  silico_h2c_regs_strobe_t strobe;
  logic [31:0] rdata;
  logic inside_block, hole;

  always_comb begin
    shown = '0;
    shown.CONTROL[CONTROL_RUN] = run_bit_i;
    shown.STATUS[STATUS_STATE +: 2] = state_i;
    shown.STATUS[STATUS_ARMED] = armed_i;
    shown.DONE = done_i;
    shown.TAIL = tail_i;
    shown.ERROR = 32'(error_i.code);
    shown.ERROR_ADDR = error_i.address;
    shown.ERROR_COOKIE = error_i.cookie;
    shown.INT_SPACE = {causes_i.enable, 23'h0, causes_i.number};
    shown.INT_ERROR = {causes_i.error_enable, 23'h0, causes_i.error_number};
    shown.INT_SPACE_ARM = causes_i.arm;
    shown.FRAMES = out_frames_i;
    shown.BYTES = out_bytes_i;
    shown.RUN = runs_i;
    shown.DISCARDED = discarded_i;
    shown.CHECK_CRC = check_crc_i;
    shown.CHECK_LENGTH = check_length_i;
    shown.PERF_RX_BEATS = perf_i[5];
    shown.PERF_NO_CREDIT = perf_i[4];
    shown.PERF_NO_TAG = perf_i[3];
    shown.PERF_NO_BUFFER = perf_i[2];
    shown.PERF_NO_DATA = perf_i[1];
    shown.PERF_OUT_HELD = perf_i[0];
  end

  assign control_o = strobe.CONTROL;
  assign int_space_o = strobe.INT_SPACE;
  assign int_error_o = strobe.INT_ERROR;
  assign tail_o = strobe.TAIL;
  assign arm_o = strobe.INT_SPACE_ARM;
  assign frames_o = set.INT_SPACE_COUNT;
  assign cycles_o = set.INT_SPACE_TIME;

  always_comb begin
    set_o.ring_base = set.RING_BASE;
    set_o.ring_entries = set.RING_ENTRIES;
    set_o.wb_addr = set.WB_ADDR;
    set_o.wb_every = set.WB_EVERY;
    set_o.wb_time = set.WB_TIME;
    set_o.kind = output_e'(set.CONFIG[CONFIG_OUTPUT +: 2]);
    set_o.write_back = set.CONFIG[CONFIG_WRITE_BACK];
    set_o.relaxed = set.CONFIG[CONFIG_RELAXED];
    set_o.no_snoop = set.CONFIG[CONFIG_NO_SNOOP];
    set_o.target = set.CONFIG[CONFIG_TARGET +: 4];
  end

  // The block is half of the channel's place.
  assign inside_block = !bus_i.offset[8];
  assign rdata_o = inside_block ? rdata : '0;
  assign hole_o = inside_block ? hole : bus_i.req && bus_i.write;

  silico_h2c_regs u_block (
    .clk_i,
    .reset_i,
    .req_i(bus_i.req && inside_block),
    .write_i(bus_i.write),
    .offset_i(bus_i.offset[7:0]),
    .wdata_i(bus_i.wdata),
    .wmask_i(enabled_bits(bus_i.be)),
    .rdata_o(rdata),
    .hole_o(hole),
    .set_o(set),
    .shown_i(shown),
    .strobe_o(strobe)
  );

endmodule
