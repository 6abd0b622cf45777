// What becomes of a TLP that has come whole: malformed (PCIe 4.0 §2.2, §2.3), damaged, a register write, a request to be queued, a message, a
// completion. Looks at the header alone, and says; it keeps nothing. Reserved fields are not looked at.

module silico_judge
  import silico_pkg::*;
  import silico_config_pkg::*;
(
  input  logic         valid_i,
  input  logic         too_long_i,
  input  header_t      header_i,
  input  logic [12:0]  bytes_i,
  input  logic         digest_ok_i,
  input  cfg_decoded_t decoded_i,
  // It answers a read of before a function-level reset: it goes by limits that are gone.
  input  logic         forgotten_i,

  // A dword or two for BAR 0 or 2.
  output logic         write_o,
  output logic         bar2_o,
  output logic [15:0]  offset_o,
  // A non-posted request.
  output logic         request_o,
  output logic         completion_o,
  output logic         slot_power_o,
  output logic         turn_off_o,
  // Its room is free again at once.
  output logic         dropped_o,
  output logic         received_o,
  output error_t       error_o
);

  localparam logic [7:0] Unlock = 8'h00;
  localparam logic [7:0] TurnOff = 8'h19;
  localparam logic [7:0] SlotPower = 8'h50;
  localparam logic [7:0] VendorType1 = 8'h7f;

  kind_e       kind;
  logic [10:0] length;
  logic [3:0]  first_be, last_be;
  logic [12:0] end_in_page;
  logic [7:0]  code;
  logic        enables_fit, ill_formed, malformed, in_bar0, in_bar2;
  logic [63:0] address, offset0, offset2;

  assign kind = kind_of(header_i);
  assign length = length_of(header_i);
  assign {last_be, first_be} = header_i.dw1[7:0];
  assign code = header_i.dw1[7:0];
  assign address = address_of(header_i);
  assign end_in_page = 13'(address[11:0]) + 13'({length, 2'b00});

  // Byte enables of a memory request (§2.2.5): contiguous, but for one dword, or two on a multiple of 8.
  always_comb begin
    if (length == 11'd1) begin
      enables_fit = last_be == '0;
    end else if (first_be == '0 || last_be == '0) begin
      enables_fit = 1'b0;
    end else if (length == 11'd2 && address[2:0] == '0) begin
      enables_fit = 1'b1;
    end else begin
      enables_fit = (first_be inside {4'h8, 4'hc, 4'he, 4'hf}) && (last_be inside {4'h1, 4'h3, 4'h7, 4'hf});
    end
  end

  always_comb begin
    unique case (kind)
      KindUnknown: ill_formed = 1'b1;
      KindMemRead, KindMemReadLocked, KindMemWrite: ill_formed = end_in_page > 13'd4096 || !enables_fit;
      KindIo, KindCfgRead0, KindCfgWrite0, KindCfg1: ill_formed = length != 11'd1 || last_be != '0;
      KindCompareAndSwap: ill_formed = !(length inside {11'd2, 11'd4, 11'd8});
      KindAtomic: ill_formed = !(length inside {11'd1, 11'd2});
      default: ill_formed = 1'b0;
    endcase
  end
  assign malformed = payload_bytes(header_i) != bytes_i || bytes_i > (forgotten_i ? 13'd4096 : 13'd1 << decoded_i.max_payload) || ill_formed;

  assign offset0 = address - decoded_i.bar0;
  assign offset2 = address - decoded_i.bar2;
  assign in_bar0 = decoded_i.memory && offset0[63:16] == '0;
  assign in_bar2 = decoded_i.memory && !in_bar0 && offset2[63:14] == '0;
  assign bar2_o = in_bar2;
  assign offset_o = in_bar0 ? offset0[15:0] : offset2[15:0];
  assign received_o = valid_i;

  always_comb begin
    write_o = 1'b0;
    request_o = 1'b0;
    completion_o = 1'b0;
    slot_power_o = 1'b0;
    turn_off_o = 1'b0;
    dropped_o = 1'b0;
    error_o = '{kind: ErrorNone, has_header: 1'b1, header: header_i};
    if (too_long_i) begin
      error_o.kind = ErrorMalformed;
    end else if (valid_i) begin
      if (malformed) begin
        error_o.kind = ErrorMalformed;
        dropped_o = 1'b1;
      end else if (decoded_i.ecrc_check && has_digest(header_i) && !digest_ok_i) begin
        error_o.kind = ErrorEcrc;
        dropped_o = 1'b1;
      end else begin
        unique case (kind)
          KindMemWrite: begin
            if (!in_bar0 && !in_bar2) error_o.kind = ErrorUnsupported;
            else if (is_poisoned(header_i)) error_o.kind = ErrorPoisoned;
            else if (length > 11'd2) error_o.kind = ErrorCompleterAbort;
            else write_o = 1'b1;
            dropped_o = !write_o;
          end
          KindMessage: begin
            slot_power_o = code == SlotPower && bytes_i >= 13'd4;
            turn_off_o = code == TurnOff;
            dropped_o = 1'b1;
            if (!(code inside {SlotPower, Unlock, TurnOff, VendorType1})) error_o.kind = ErrorUnsupported;
          end
          KindCompletion, KindCompletionData, KindCompletionLocked, KindCompletionLockedData: completion_o = 1'b1;
          default: request_o = 1'b1;
        endcase
      end
    end
  end

endmodule
