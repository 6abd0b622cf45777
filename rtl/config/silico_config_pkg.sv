// Configuration space: which dwords hold state, what each of their bits is, and what software has allowed, decoded.
//
// Registers by offset: PCIe 4.0 §7.5 to §7.9. A bit in none of the masks of its dword is read-only to software.

package silico_config_pkg;

  import silico_pkg::*;

  // --- where ---------------------------------------------------------------------------------------------------------------

  // Dwords with state, in the order of their offsets.
  typedef enum logic [4:0] {
    CfgCommandStatus,
    CfgCacheLine,
    CfgBar0,
    CfgBar1,
    CfgBar2,
    CfgBar3,
    CfgInterrupt,
    CfgPower,
    CfgMsiControl,
    CfgMsiAddressLow,
    CfgMsiAddressHigh,
    CfgMsiData,
    CfgMsiMask,
    CfgMsiPending,
    CfgMsixControl,
    CfgDeviceCapabilities,
    CfgDeviceControl,
    CfgLinkControl,
    CfgDeviceControl2,
    CfgLinkControl2,
    CfgUncorrectableStatus,
    CfgUncorrectableMask,
    CfgUncorrectableSeverity,
    CfgCorrectableStatus,
    CfgCorrectableMask,
    CfgAerControl,
    CfgHeaderLog0,
    CfgHeaderLog1,
    CfgHeaderLog2,
    CfgHeaderLog3,
    CfgLaneErrors,
    CfgNone
  } cfg_dword_e;

  localparam int unsigned CfgDwords = 31;

  // `at` is the offset in dwords.
  function automatic cfg_dword_e cfg_dword(logic [9:0] at);
    unique case ({at, 2'b00})
      12'h004: return CfgCommandStatus;
      12'h00c: return CfgCacheLine;
      12'h010: return CfgBar0;
      12'h014: return CfgBar1;
      12'h018: return CfgBar2;
      12'h01c: return CfgBar3;
      12'h03c: return CfgInterrupt;
      12'h044: return CfgPower;
      12'h050: return CfgMsiControl;
      12'h054: return CfgMsiAddressLow;
      12'h058: return CfgMsiAddressHigh;
      12'h05c: return CfgMsiData;
      12'h060: return CfgMsiMask;
      12'h064: return CfgMsiPending;
      12'h070: return CfgMsixControl;
      12'h084: return CfgDeviceCapabilities;
      12'h088: return CfgDeviceControl;
      12'h090: return CfgLinkControl;
      12'h0a8: return CfgDeviceControl2;
      12'h0b0: return CfgLinkControl2;
      12'h104: return CfgUncorrectableStatus;
      12'h108: return CfgUncorrectableMask;
      12'h10c: return CfgUncorrectableSeverity;
      12'h110: return CfgCorrectableStatus;
      12'h114: return CfgCorrectableMask;
      12'h118: return CfgAerControl;
      12'h11c: return CfgHeaderLog0;
      12'h120: return CfgHeaderLog1;
      12'h124: return CfgHeaderLog2;
      12'h128: return CfgHeaderLog3;
      12'h158: return CfgLaneErrors;
      default: return CfgNone;
    endcase
  endfunction

  // --- bits ----------------------------------------------------------------------------------------------------------------

  // Command and status.
  localparam int unsigned BitMemory = 1;
  localparam int unsigned BitBusMaster = 2;
  localparam int unsigned BitParityResponse = 6;
  localparam int unsigned BitSerr = 8;
  localparam int unsigned BitIntxDisable = 10;
  localparam int unsigned BitInterruptStatus = 19;
  localparam int unsigned BitMasterDataParity = 24;
  localparam int unsigned BitSignaledTargetAbort = 27;
  localparam int unsigned BitReceivedTargetAbort = 28;
  localparam int unsigned BitReceivedMasterAbort = 29;
  localparam int unsigned BitSignaledSystemError = 30;
  localparam int unsigned BitDetectedParity = 31;
  // Device control and status.
  localparam int unsigned BitReportCorrectable = 0;
  localparam int unsigned BitReportNonFatal = 1;
  localparam int unsigned BitReportFatal = 2;
  localparam int unsigned BitReportUnsupported = 3;
  localparam int unsigned BitRelaxed = 4;
  localparam int unsigned BitExtendedTag = 8;
  localparam int unsigned BitNoSnoop = 11;
  localparam int unsigned BitInitiateFlr = 15;
  localparam int unsigned BitCorrectableDetected = 16;
  localparam int unsigned BitNonFatalDetected = 17;
  localparam int unsigned BitFatalDetected = 18;
  localparam int unsigned BitUnsupportedDetected = 19;
  localparam int unsigned BitTransactionsPending = 21;
  // AER.
  localparam int unsigned BitPoisoned = 12;
  localparam int unsigned BitCompletionTimeout = 14;
  localparam int unsigned BitCompleterAbort = 15;
  localparam int unsigned BitUnexpectedCompletion = 16;
  localparam int unsigned BitReceiverOverflow = 17;
  localparam int unsigned BitMalformed = 18;
  localparam int unsigned BitEcrc = 19;
  localparam int unsigned BitUnsupported = 20;
  localparam int unsigned BitAdvisory = 13;
  localparam int unsigned BitEcrcGeneration = 6;
  localparam int unsigned BitEcrcCheck = 8;

  localparam logic [31:0] LinkLayerErrors = 32'h0046_2010;
  localparam logic [31:0] TransactionErrors = 32'h0019_d000;
  localparam logic [31:0] UncorrectableErrors = LinkLayerErrors | TransactionErrors;
  localparam logic [31:0] InternalError = 32'h0040_0000;
  localparam logic [31:0] CorrectableErrors = 32'h0000_31c1;
  localparam logic [31:0] AdvisoryError = 32'h0000_2000;

  // What a write changes (RW), what a one clears (RW1C), what survives a hot reset (sticky), and what besides survives an FLR.
  typedef struct packed {
    logic [31:0] write;
    logic [31:0] clear;
    logic [31:0] sticky;
    logic [31:0] flr;
  } cfg_access_t;

  function automatic cfg_access_t cfg_access(cfg_dword_e dword);
    cfg_access_t a = '0;
    unique case (dword)
      CfgCommandStatus: begin
        a.write = 32'h0000_0546;
        a.clear = 32'hf900_0000;
      end
      CfgCacheLine, CfgInterrupt: a.write = 32'h0000_00ff;
      CfgBar0: a.write = 32'hffff_0000;
      CfgBar2: a.write = 32'hffff_c000;
      CfgBar1, CfgBar3, CfgMsiAddressHigh: a.write = '1;
      CfgPower: a.write = 32'h0000_0003;
      CfgMsiControl: a.write = 32'h0071_0000;
      CfgMsiAddressLow: a.write = 32'hffff_fffc;
      CfgMsiData: a.write = 32'h0000_ffff;
      CfgMsiMask: a.write = 32'h0000_00ff;
      CfgMsixControl: a.write = 32'hc000_0000;
      CfgDeviceCapabilities: a.flr = 32'h0ffc_0000;
      CfgDeviceControl: begin
        a.write = 32'h0000_79ff;
        a.clear = 32'h000f_0000;
        a.flr = 32'h0000_00e0;
      end
      CfgLinkControl: begin
        a.write = 32'h0000_00cb;
        a.flr = '1;
      end
      CfgDeviceControl2: a.write = 32'h0000_001f;
      CfgLinkControl2: begin
        a.write = 32'h0000_ff9f;
        a.sticky = 32'h0000_ff9f;
        a.flr = '1;
      end
      CfgUncorrectableStatus: begin
        a.clear = UncorrectableErrors;
        a.sticky = UncorrectableErrors;
      end
      CfgUncorrectableMask, CfgUncorrectableSeverity: begin
        a.write = UncorrectableErrors;
        a.sticky = UncorrectableErrors;
      end
      CfgCorrectableStatus: begin
        a.clear = CorrectableErrors;
        a.sticky = CorrectableErrors;
      end
      CfgCorrectableMask: begin
        a.write = CorrectableErrors;
        a.sticky = CorrectableErrors;
      end
      CfgAerControl: begin
        a.write = 32'h0000_0140;
        a.sticky = 32'h0000_015f;
      end
      CfgHeaderLog0, CfgHeaderLog1, CfgHeaderLog2, CfgHeaderLog3: a.sticky = '1;
      CfgLaneErrors: begin
        a.clear = 32'h0000_00ff;
        a.sticky = 32'h0000_00ff;
      end
      default: ;
    endcase
    return a;
  endfunction

  // Value after a fundamental reset.
  function automatic logic [31:0] cfg_reset(cfg_dword_e dword, int unsigned vectors);
    unique case (dword)
      CfgCommandStatus: return 32'h0010_0000;
      CfgBar0, CfgBar2: return 32'h0000_0004;
      CfgInterrupt: return 32'h0000_0100;
      CfgPower: return 32'h0000_0008;
      CfgMsiControl: return 32'h0186_7005;
      CfgMsixControl: return 32'h0000_8011 | 32'(vectors - 1) << 16;
      CfgDeviceCapabilities: return 32'h1000_8023;
      CfgDeviceControl: return 32'h0000_2810;
      CfgLinkControl: return 32'h1083_0000;
      CfgLinkControl2: return 32'h001e_0003;
      CfgUncorrectableMask: return InternalError;
      CfgUncorrectableSeverity: return LinkLayerErrors;
      CfgCorrectableMask: return AdvisoryError;
      CfgAerControl: return 32'h0000_10a0;
      default: return '0;
    endcase
  endfunction

  typedef logic [31:0] cfg_values_t [CfgDwords];

  // How deep a reset goes: by Initiate FLR; in band or with the link; power-on.
  typedef enum logic [1:0] {
    ResetFlr,
    ResetHot,
    ResetFundamental
  } reset_e;

  // What of `value` survives a reset, and the reset value of the rest.
  function automatic logic [31:0] cfg_after_reset(logic [31:0] value, cfg_access_t access, logic [31:0] reset_value, reset_e kind);
    logic [31:0] spared;
    unique case (kind)
      ResetFlr: spared = access.sticky | access.flr;
      ResetHot: spared = access.sticky;
      default: spared = '0;
    endcase
    return (value & spared) | (reset_value & ~spared);
  endfunction

  // What a write by software makes of `value`.
  function automatic logic [31:0] cfg_written(logic [31:0] value, cfg_access_t access, logic [31:0] data, logic [31:0] enabled);
    return ((value & ~(access.write & enabled)) | (data & access.write & enabled)) & ~(data & access.clear & enabled);
  endfunction

  // --- what software has allowed -------------------------------------------------------------------------------------------

  typedef struct packed {
    logic        d0;
    logic        memory;
    logic        bus_master;
    logic        intx_disabled;
    logic [63:0] bar0;
    logic [63:0] bar2;
    // log2 of bytes: 7 to 10, 7 to 12.
    logic [3:0]  max_payload;
    logic [3:0]  max_read;
    logic        relaxed;
    logic        no_snoop;
    logic        extended_tags;
    logic        rcb_128;
    logic        ecrc_generation;
    logic        ecrc_check;
    logic        timeout_off;
    logic        timeout_named;
    // Microseconds.
    logic [25:0] timeout_us;
    logic        msi_enabled;
    // log2 of the vectors that software gave: 0 to 3.
    logic [1:0]  msi_vectors;
    logic        msix_enabled;
    logic        msix_mask;
    logic [15:0] bdf;
  } cfg_decoded_t;

  function automatic logic [25:0] timeout_us(logic [3:0] code);
    unique case (code)
      4'd1: return 26'd100;
      4'd2: return 26'd10_000;
      4'd5: return 26'd55_000;
      4'd6: return 26'd210_000;
      4'd9: return 26'd900_000;
      4'd10: return 26'd3_500_000;
      4'd13: return 26'd13_000_000;
      4'd14: return 26'd64_000_000;
      default: return 26'd20_000;
    endcase
  endfunction

  function automatic cfg_decoded_t cfg_decode(cfg_values_t value, logic [31:0] command, logic [31:0] device, logic [31:0] aer, logic [15:0] bdf);
    cfg_decoded_t d;
    logic [31:0] device2 = value[CfgDeviceControl2];
    d.d0 = value[CfgPower][1:0] == 2'b00;
    d.memory = d.d0 && command[BitMemory];
    d.bus_master = d.d0 && command[BitBusMaster];
    d.intx_disabled = command[BitIntxDisable];
    d.bar0 = {value[CfgBar1], value[CfgBar0][31:4], 4'h0};
    d.bar2 = {value[CfgBar3], value[CfgBar2][31:4], 4'h0};
    // More than the card supports, or a reserved code: the card sends no more than it can.
    d.max_payload = device[7:5] > 3'd3 ? 4'd10 : 4'd7 + {1'b0, device[7:5]};
    d.max_read = device[14:12] > 3'd5 ? 4'd12 : 4'd7 + {1'b0, device[14:12]};
    d.relaxed = device[BitRelaxed];
    d.no_snoop = device[BitNoSnoop];
    d.extended_tags = device[BitExtendedTag];
    d.rcb_128 = value[CfgLinkControl][3];
    d.ecrc_generation = aer[BitEcrcGeneration];
    d.ecrc_check = aer[BitEcrcCheck];
    d.timeout_off = device2[4];
    d.timeout_named = device2[3:0] != '0;
    d.timeout_us = timeout_us(device2[3:0]);
    d.msi_enabled = value[CfgMsiControl][16];
    d.msi_vectors = value[CfgMsiControl][22:20] > 3'd3 ? 2'd3 : value[CfgMsiControl][21:20];
    d.msix_enabled = value[CfgMsixControl][31];
    d.msix_mask = value[CfgMsixControl][30];
    d.bdf = bdf;
    return d;
  endfunction

  // --- errors (PCIe 4.0 §6.2.5, figure 6-2) --------------------------------------------------------------------------------

  // What the card can detect, as the bit of its AER registers. All are uncorrectable.
  typedef enum logic [4:0] {
    ErrorNone = 5'd0,
    ErrorPoisoned = 5'd12,
    ErrorCompletionTimeout = 5'd14,
    ErrorCompleterAbort = 5'd15,
    ErrorUnexpectedCompletion = 5'd16,
    ErrorReceiverOverflow = 5'd17,
    ErrorMalformed = 5'd18,
    ErrorEcrc = 5'd19,
    ErrorUnsupported = 5'd20
  } error_e;

  // An error to be logged: ErrorNone, nothing. Without a header the log holds zeros.
  typedef struct packed {
    error_e  kind;
    logic    has_header;
    header_t header;
  } error_t;

  // Messages to the root complex, most urgent first.
  typedef struct packed {
    logic correctable;
    logic non_fatal;
    logic fatal;
  } report_t;

  // The registers in which errors are logged, and besides: the bit of the uncorrectable error that holds pointer and header log; 0: none.
  typedef struct packed {
    logic [31:0] command;
    logic [31:0] device;
    logic [31:0] uncorrectable;
    logic [31:0] correctable;
    logic [31:0] aer;
    header_t     header;
    logic [31:0] first_error;
  } cfg_log_t;

  typedef struct packed {
    cfg_log_t log;
    report_t  report;
  } cfg_logged_t;

  // An error that somebody else is told of anyway (§6.2.3.2.4): a completer's UR or CA goes back in the completion, and so does a poisoned
  // non-posted request; an unexpected completion is the requester's timeout.
  function automatic logic is_advisory(error_t error);
    unique case (error.kind)
      ErrorUnsupported, ErrorCompleterAbort, ErrorPoisoned: return error.has_header && class_of(error.header) == ClassNonPosted;
      ErrorUnexpectedCompletion: return 1'b1;
      default: return 1'b0;
    endcase
  endfunction

  function automatic cfg_logged_t cfg_log(cfg_log_t old, error_t error, logic [31:0] severity, logic [31:0] mask, logic [31:0] correctable_mask);
    cfg_logged_t out;
    cfg_log_t s = old;
    logic [4:0] at = error.kind;
    logic fatal = severity[at];
    logic advisory = !fatal && is_advisory(error);
    logic unsupported = error.kind == ErrorUnsupported;
    logic masked = mask[at];
    logic serr = s.command[BitSerr];
    logic goes_on;
    logic wanted;
    out.report = '0;
    if (error.kind != ErrorNone) begin
      // The status register's share (table 7-5).
      if (error.kind == ErrorPoisoned) begin
        s.command[BitDetectedParity] = 1'b1;
        if (error.has_header && class_of(error.header) == ClassCompletion && s.command[BitParityResponse]) begin
          s.command[BitMasterDataParity] = 1'b1;
        end
      end
      if (error.kind == ErrorCompleterAbort) s.command[BitSignaledTargetAbort] = 1'b1;
      if (unsupported) s.device[BitUnsupportedDetected] = 1'b1;
      if (advisory) begin
        s.device[BitCorrectableDetected] = 1'b1;
        s.correctable[BitAdvisory] = 1'b1;
        goes_on = !correctable_mask[BitAdvisory];
      end else begin
        if (fatal) s.device[BitFatalDetected] = 1'b1;
        else s.device[BitNonFatalDetected] = 1'b1;
        goes_on = 1'b1;
      end
      if (goes_on) begin
        s.uncorrectable[at] = 1'b1;
        // The first one that is not masked keeps pointer and header log until software clears its status bit.
        if (!masked && s.first_error == '0) begin
          s.first_error[at] = 1'b1;
          s.aer[4:0] = at;
          s.header = error.has_header ? error.header : '0;
        end
        if (advisory) begin
          wanted = s.device[BitReportCorrectable] && (!unsupported || s.device[BitReportUnsupported]);
          out.report.correctable = wanted;
        end else begin
          wanted = serr || s.device[fatal ? BitReportFatal : BitReportNonFatal];
          wanted = wanted && (serr || !unsupported || s.device[BitReportUnsupported]) && !masked;
          if (wanted && serr) s.command[BitSignaledSystemError] = 1'b1;
          out.report.fatal = wanted && fatal;
          out.report.non_fatal = wanted && !fatal;
        end
      end
    end
    out.log = s;
    return out;
  endfunction

endpackage
