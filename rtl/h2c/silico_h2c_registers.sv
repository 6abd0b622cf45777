// The registers of a host-to-card channel: the rendered block, and what the channel shows in it. Registers whose write is an event are the channel's
// own: this says which one is written.

module silico_h2c_registers
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
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

  output strobes_t           strobes_o,
  output logic [1:0]         tail_o,

  // What is shown.
  input  life_t              life_i,
  input  logic [63:0]        tail_i,
  input  logic [63:0]        out_frames_i,
  input  logic [63:0]        out_bytes_i,
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
    shown.CONTROL[CONTROL_RUN] = life_i.run_bit;
    shown.STATUS[STATUS_STATE +: 2] = life_i.state;
    shown.STATUS[STATUS_ARMED] = life_i.progress.armed;
    shown.DONE = life_i.delivered.count;
    shown.TAIL = tail_i;
    shown.ERROR = 32'(life_i.error.code);
    shown.ERROR_ADDR = life_i.error.address;
    shown.ERROR_COOKIE = life_i.error.cookie;
    shown.INT_SPACE = {life_i.causes.enable, 23'h0, life_i.causes.number};
    shown.INT_ERROR = {life_i.causes.error_enable, 23'h0, life_i.causes.error_number};
    shown.INT_SPACE_ARM = life_i.causes.arm;
    shown.FRAMES = out_frames_i;
    shown.BYTES = out_bytes_i;
    shown.RUN = life_i.runs;
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

  assign strobes_o = '{control: strobe.CONTROL, int_data: strobe.INT_SPACE, int_error: strobe.INT_ERROR, arm: strobe.INT_SPACE_ARM};
  assign tail_o = strobe.TAIL;
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
