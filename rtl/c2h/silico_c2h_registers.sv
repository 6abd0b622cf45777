// The registers of a card-to-host channel: the block that PeakRDL renders from `registers.rdl`, and what the channel shows in it. Registers whose write is
// an event are the channel's own: this says which one is written.

module silico_c2h_registers
  import silico_progress_pkg::*;
  import silico_channel_pkg::*;
  import silico_life_pkg::*;
  import silico_c2h_settings_pkg::*;
  import silico_c2h_regs_pkg::*;
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

  // The registers of the channel itself.
  input  logic [15:0][31:0]  table_i,
  output strobes_t           strobes_o,
  output logic [1:0]         sw_count_o,
  output logic [1:0]         free_tail_o,
  output logic [1:0]         comp_head_o,
  output logic               table_o,

  // What is shown.
  input  life_t              life_i,
  input  logic               busy_i,
  input  logic [63:0]        sw_count_i,
  input  logic [63:0]        dropped_i,
  input  logic [31:0]        discarded_i,
  input  logic [63:0]        made_i,
  input  logic [63:0]        chunks_i,
  // Of pages: descriptors given and fetched, entries taken and left.
  input  logic [63:0]        free_tail_i,
  input  logic [63:0]        comp_head_i,
  input  logic [63:0]        free_head_i,
  input  logic [63:0]        comp_tail_i,
  input  logic [7:0][63:0]   perf_i
);

  silico_c2h_regs_set_t set;
  silico_c2h_regs_shown_t shown;
  silico_c2h_regs_strobe_t strobe;

  always_comb begin
    shown = '0;
    shown.CONTROL[CONTROL_RUN] = life_i.run_bit;
    shown.STATUS[STATUS_STATE +: 2] = life_i.state;
    shown.STATUS[STATUS_BUSY] = busy_i;
    shown.STATUS[STATUS_ARMED] = life_i.progress.armed;
    shown.HW_COUNT = life_i.delivered.count;
    shown.SW_COUNT = sw_count_i;
    shown.ERROR = 32'(life_i.error.code);
    shown.ERROR_ADDR = life_i.error.address;
    shown.ERROR_COOKIE = life_i.error.cookie;
    shown.INT_DATA = {life_i.causes.enable, 23'h0, life_i.causes.number};
    shown.INT_ERROR = {life_i.causes.error_enable, 23'h0, life_i.causes.error_number};
    shown.INT_DATA_ARM = life_i.causes.arm;
    shown.FRAMES = life_i.delivered.frames;
    shown.DROPPED = dropped_i;
    shown.RUN = life_i.runs;
    shown.DISCARDED = discarded_i;
    shown.PERF_TX_BEATS = perf_i[7];
    shown.PERF_NO_CREDIT = perf_i[6];
    shown.PERF_NO_BUFFER = perf_i[5];
    shown.PERF_NO_DATA = perf_i[4];
    shown.PERF_NO_GRANT = perf_i[3];
    shown.PERF_FRONT_BEATS = perf_i[2];
    shown.PERF_FRONT_HELD = perf_i[1];
    shown.PERF_BUSY = perf_i[0];
    shown.GEN_MADE = made_i;
    shown.GEN_CHUNKS = chunks_i;
    shown.FREE_TAIL = free_tail_i;
    shown.COMP_HEAD = comp_head_i;
    shown.FREE_HEAD = free_head_i;
    shown.COMP_TAIL = comp_tail_i;
    shown.PAGES_HELD = free_head_i[31:0] - comp_tail_i[31:0];
    shown.GEN_TABLE = table_i[bus_i.offset[5:2]];
  end

  assign strobes_o = '{control: strobe.CONTROL, int_data: strobe.INT_DATA, int_error: strobe.INT_ERROR, arm: strobe.INT_DATA_ARM};
  assign sw_count_o = strobe.SW_COUNT;
  assign free_tail_o = strobe.FREE_TAIL;
  assign comp_head_o = strobe.COMP_HEAD;
  assign table_o = strobe.GEN_TABLE;
  assign frames_o = set.INT_DATA_FRAMES;
  assign cycles_o = set.INT_DATA_TIME;

  always_comb begin
    set_o.ring_base = set.RING_BASE;
    set_o.ring_size = set.RING_SIZE;
    set_o.wb_addr = set.WB_ADDR;
    set_o.wb_frames = set.WB_FRAMES;
    set_o.wb_bytes = set.WB_BYTES;
    set_o.wb_time = set.WB_TIME;
    set_o.packed_pages = set.CONFIG[CONFIG_PACKED];
    set_o.pages = set.CONFIG[CONFIG_PAGES];
    set_o.no_snoop = set.CONFIG[CONFIG_NO_SNOOP];
    set_o.relaxed = set.CONFIG[CONFIG_RELAXED];
    set_o.write_back = set.CONFIG[CONFIG_WRITE_BACK];
    set_o.drop = set.CONFIG[CONFIG_DROP];
    set_o.generator = set.CONFIG[CONFIG_GENERATOR];
    set_o.max_frame = set.MAX_FRAME;
    set_o.busy_assert = set.BUSY_ASSERT;
    set_o.busy_release = set.BUSY_RELEASE;
    set_o.gen_source = set.GEN_CONFIG[GEN_CONFIG_SOURCE +: 16];
    set_o.gen_blocks = set.GEN_CONFIG[GEN_CONFIG_BLOCKS];
    set_o.gen_mode = set.GEN_CONFIG[GEN_CONFIG_MODE +: 2];
    set_o.gen_min = set.GEN_MIN;
    set_o.gen_max = set.GEN_MAX;
    set_o.gen_pause = set.GEN_PAUSE;
    set_o.gen_rate = set.GEN_RATE;
    set_o.gen_seed = set.GEN_SEED;
    set_o.gen_count = set.GEN_COUNT;
    set_o.gen_links = set.GEN_LINKS;
    set_o.gen_flush = set.GEN_FLUSH;
    set_o.gen_table = table_i;
    set_o.free_base = set.FREE_BASE;
    set_o.comp_base = set.COMP_BASE;
    set_o.free_entries = set.FREE_ENTRIES;
    set_o.comp_entries = set.COMP_ENTRIES;
    set_o.flush_time = set.FLUSH_TIME;
  end

  silico_c2h_regs u_block (
    .clk_i,
    .reset_i,
    .req_i(bus_i.req),
    .write_i(bus_i.write),
    .offset_i(bus_i.offset),
    .wdata_i(bus_i.wdata),
    .wmask_i(enabled_bits(bus_i.be)),
    .rdata_o,
    .hole_o,
    .set_o(set),
    .shown_i(shown),
    .strobe_o(strobe)
  );

endmodule
