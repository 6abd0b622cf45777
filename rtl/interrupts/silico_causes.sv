// From causes to messages: which vectors are raised, what stays pending, and the level on INTA while neither MSI-X nor MSI is on (PCIe 4.0
// §2.2.8.1, §6.1.4). Knows no cause by name: each is a vector that was signalled and neither sent nor acknowledged.
//
// INTx messages are posted and go by the transmitter's order, after whatever a cause announces. They need no bus mastering (§7.5.1.1.3).

module silico_causes
  import silico_channel_pkg::*;
  import silico_config_pkg::*;
#(
  // Causes of the channels and that of the card.
  parameter int unsigned Causes = 13,
  parameter int unsigned Vectors = 16
) (
  input  logic               clk_i,
  // The link is down or power-on: the virtual wire falls with it.
  input  logic               reset_i,
  // A function-level reset: nothing is asserted any more, and the root complex still has to hear of it.
  input  logic               reset_flr_i,
  input  cfg_decoded_t       decoded_i,
  input  cfg_decoded_t       decoded_accessed_i,
  input  logic               flr_pending_i,
  input  logic               config_written_i,

  // Signalled in this clock: by channels before the access; by the card after it.
  input  vector_t [Causes-2:0] signals_i,
  input  vector_t            card_signal_i,
  // Signalled, and neither sent nor acknowledged: before the access, and after it and the card cause.
  input  vector_t [Causes-1:0] fired_i,
  input  vector_t [Causes-1:0] fired_accessed_i,

  output logic [Vectors-1:0] msix_raise_o,
  output logic [Vectors-1:0] msix_raise_accessed_o,
  output logic [7:0]         msi_raise_o,
  output logic [7:0]         msi_raise_accessed_o,
  output logic [7:0]         msi_raise_card_o,
  output logic               msix_keep_valid_o,
  output logic [Vectors-1:0] msix_keep_o,
  output logic               msi_keep_valid_o,
  output logic [7:0]         msi_keep_o,
  output logic               interrupt_status_o,

  output logic               intx_due_o,
  // As the clock ends: a message is owed.
  output logic               intx_due_next_o,
  output logic               intx_assert_o,
  input  logic               intx_sent_i
);

  logic wanted_q, wanted, asserted_q, asserted, msi_on_q, msix_comes_on, msi_comes_on;
  logic any_fired;

  function automatic logic [Vectors-1:0] msix_bits(vector_t vector);
    return Vectors'(vector.valid) << vector.number;
  endfunction

  // The vector that stands for `vector` when software gave fewer than the card asked for.
  function automatic logic [7:0] msi_bit(vector_t vector, logic [1:0] log2);
    logic [2:0] given = vector.number[2:0] & ((3'd1 << log2) - 3'd1);
    return vector.valid ? 8'd1 << given : '0;
  endfunction

  // What was signalled while there were no messages is signalled by them.
  assign msix_comes_on = config_written_i && decoded_accessed_i.msix_enabled
                       && {decoded_i.msix_enabled, decoded_i.msix_mask} != {decoded_accessed_i.msix_enabled, decoded_accessed_i.msix_mask};
  assign msi_comes_on = config_written_i && decoded_accessed_i.msi_enabled && !msi_on_q;

  always_comb begin
    msix_raise_o = '0;
    msi_raise_o = '0;
    msix_raise_accessed_o = '0;
    msi_raise_accessed_o = '0;
    msix_keep_o = '0;
    msi_keep_o = '0;
    any_fired = 1'b0;
    for (int unsigned i = 0; i < Causes - 1; i++) begin
      if (decoded_i.msix_enabled) msix_raise_o = msix_raise_o | msix_bits(signals_i[i]);
      else if (decoded_i.msi_enabled) msi_raise_o = msi_raise_o | msi_bit(signals_i[i], decoded_i.msi_vectors);
    end
    for (int unsigned i = 0; i < Causes; i++) begin
      if (msix_comes_on) msix_raise_accessed_o = msix_raise_accessed_o | msix_bits(fired_i[i]);
      if (msi_comes_on) msi_raise_accessed_o = msi_raise_accessed_o | msi_bit(fired_i[i], decoded_accessed_i.msi_vectors);
      msix_keep_o = msix_keep_o | msix_bits(fired_accessed_i[i]);
      msi_keep_o = msi_keep_o | msi_bit(fired_accessed_i[i], decoded_accessed_i.msi_vectors);
      any_fired = any_fired || fired_accessed_i[i].valid;
    end
    msi_raise_card_o = '0;
    if (decoded_accessed_i.msix_enabled) msix_raise_accessed_o = msix_raise_accessed_o | msix_bits(card_signal_i);
    else if (decoded_accessed_i.msi_enabled) msi_raise_card_o = msi_bit(card_signal_i, decoded_accessed_i.msi_vectors);
  end

  // What was served without a message is pending no longer (PCIe 4.0 §6.1.4.5).
  assign msix_keep_valid_o = decoded_accessed_i.msix_enabled;
  assign msi_keep_valid_o = !decoded_accessed_i.msix_enabled;

  // --- INTA ----------------------------------------------------------------------------------------------------------------

  assign interrupt_status_o = !decoded_accessed_i.msix_enabled && !decoded_accessed_i.msi_enabled && decoded_accessed_i.d0 && any_fired;
  assign wanted = interrupt_status_o && !decoded_accessed_i.intx_disabled && !flr_pending_i;
  assign intx_due_o = wanted_q != asserted_q;
  assign intx_assert_o = wanted_q;
  assign asserted = intx_sent_i ? wanted_q : asserted_q;
  assign intx_due_next_o = wanted != asserted;

  always_ff @(posedge clk_i) begin
    if (reset_i) begin
      wanted_q <= 1'b0;
      asserted_q <= 1'b0;
      msi_on_q <= 1'b0;
    end else begin
      wanted_q <= wanted && !reset_flr_i;
      asserted_q <= asserted;
      if (reset_flr_i) msi_on_q <= 1'b0;
      else if (config_written_i) msi_on_q <= decoded_accessed_i.msi_enabled;
    end
  end

endmodule
