// What a channel with pages has beyond one with a ring: the free list, the pages in use, the completion ring. They are joined here and do nothing else.
//
// All of it is idle in a run with a ring: nothing is put into pages, no doorbell counts.

module silico_c2h_pages
  import silico_progress_pkg::*;
  import silico_read_pkg::*;
  import silico_transmitter_pkg::*;
  import silico_c2h_pkg::*;
  import silico_c2h_settings_pkg::*;
#(
  parameter int unsigned DataWidth = 256,
  parameter int unsigned FifoBytes = 16384
) (
  input  logic                 clk_i,
  input  logic [7:0]           index_i,
  // For a new run.
  input  logic                 restart_i,
  input  settings_t            run_i,
  input  logic [63:0]          now_i,
  // log2 of MPS and MRRS in bytes.
  input  logic [3:0]           max_payload_i,
  input  logic [3:0]           max_read_i,

  // At the start of the clock: the channel runs, and may send; the FIFO.
  input  logic                 running_i,
  input  logic                 enabled_i,
  input  logic                 head_valid_i,
  input  frame_t               head_i,
  input  logic [20:0]          available_i,

  // Descriptors to read.
  output read_t                fetch_o,
  input  logic                 fetch_grant_i,

  // A TLP of payload; it fills too many pages.
  output next_e                next_o,
  output chunk_t               chunk_o,
  output logic                 overwrites_o,
  output logic [63:0]          sequence_o,
  input  logic                 grant_i,
  output logic                 too_long_o,

  // An entry: a page waits, and there is room for it; what it says.
  output logic                 ready_o,
  output logic                 room_o,
  output used_t                entry_o,
  output logic [63:0]          entry_address_o,
  output logic [63:0]          entry_number_o,
  output logic                 entry_phase_o,
  input  logic                 announce_i,

  // Then: the open frame was dropped. An entry has left.
  input  logic                 give_up_i,
  input  logic                 entry_left_i,

  // The end of the clock: a descriptor is judged, the timer may flush. Whether an entry could go after that.
  input  logic                 judge_i,
  output failure_t             bad_o,
  input  logic                 flush_i,
  output logic                 ready_flushed_o,
  output logic                 room_granted_o,

  // The doorbells.
  input  logic                 ring_list_i,
  input  logic [63:0]          free_tail_i,
  output logic                 list_legal_o,
  input  logic                 ring_entries_i,
  input  logic [63:0]          comp_head_i,
  output logic                 entries_legal_o,

  // What is received.
  input  read_beat_t           beat_i,
  input  logic [DataWidth-1:0] data_i,
  input  read_arrival_t        arrival_i,

  // Last: the host wants no more, or nothing more is told to it.
  input  logic                 close_i,
  input  logic                 abandon_i,

  // Counts, as the access finds them: descriptors given and fetched, entries taken and left.
  output logic [63:0]          tail_o,
  output logic [63:0]          fetched_o,
  output logic [63:0]          head_o,
  output logic [63:0]          left_o
);

  logic [63:0] fetched, started;
  logic [PageBits-1:0] page_at;
  page_t page;
  read_t fetch;

  always_comb begin
    fetch_o = fetch;
    fetch_o.valid = fetch.valid && running_i && enabled_i;
  end

  silico_c2h_free_list #(.DataWidth(DataWidth)) u_free_list (
    .clk_i,
    .index_i,
    .restart_i,
    .base_i(run_i.free_base),
    .entries_i(run_i.free_entries),
    .max_read_i,
    .started_i(started),
    .fetch_o(fetch),
    .grant_i(fetch_grant_i),
    .judge_i,
    .bad_o,
    .tail_o,
    .fetched_o(fetched),
    .fetched_judged_o(fetched_o),
    .ring_i(ring_list_i),
    .value_i(free_tail_i),
    .legal_o(list_legal_o),
    .beat_i,
    .data_i,
    .arrival_i,
    .page_at_i(page_at),
    .page_o(page)
  );

  silico_c2h_place #(.FifoBytes(FifoBytes)) u_place (
    .clk_i,
    .restart_i,
    .packed_i(run_i.packed_pages),
    .flush_time_i(run_i.flush_time),
    .now_i,
    .max_payload_i,
    .head_valid_i,
    .head_i,
    .available_i,
    .running_i(running_i && run_i.pages),
    .fetched_i(fetched),
    .page_at_o(page_at),
    .page_i(page),
    .started_o(started),
    .next_o,
    .chunk_o,
    .overwrites_o,
    .sequence_o,
    .grant_i,
    .too_long_o,
    .ready_o,
    .ready_flushed_o,
    .used_o(entry_o),
    .announce_i,
    .give_up_i,
    .flush_i,
    .close_i,
    .abandon_i
  );

  silico_c2h_completions u_completions (
    .clk_i,
    .restart_i,
    .base_i(run_i.comp_base),
    .entries_i(run_i.comp_entries),
    .room_o,
    .room_granted_o,
    .address_o(entry_address_o),
    .number_o(entry_number_o),
    .phase_o(entry_phase_o),
    .grant_i(announce_i),
    .left_i(entry_left_i),
    .ring_i(ring_entries_i),
    .value_i(comp_head_i),
    .legal_o(entries_legal_o),
    .head_o,
    .tail_o(left_o)
  );

endmodule
