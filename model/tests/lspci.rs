//! An outside judge of the config space: Debian's `lspci` reads a dump of it and must see the card that we mean.

use rstest::rstest;
use silico_model::config::{ConfigSpace, ErrorKind, LinkParams};
use silico_spec::config::capabilities::pcie::LinkSpeed;
use silico_spec::config::text::Dump;
use silico_spec::params::{CardParams, PBA_OFFSET};
use silico_spec::registers::{MAP_MAJOR, MAP_MINOR};
use silico_spec::tlp::{Header, Kind};
use silico_spec::units::{Bdf, BusAddr, Dwords, Tag};
use std::path::PathBuf;
use std::process::Command;

/// What `lspci -vvv -nn` says of a config space.
fn lspci(config: &ConfigSpace, name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.lspci"));
    let bdf = Bdf::new(3, 0, 0).expect("legal");
    let text = Dump::new(bdf, "Signal processing controller", &config.bytes()).expect("4096 bytes").to_string();
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    let output = Command::new("lspci").arg("-F").arg(&path).args(["-vvv", "-nn"]).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run lspci: {error}; install it (Debian: apt-get install pciutils)"));
    let (text, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A machine without kernel modules is no fault of the dump.
    let about_dump = complaints.lines().any(|line| !line.trim().is_empty() && !line.contains("libkmod"));
    assert!(output.status.success() && !about_dump, "lspci complains: {complaints}");
    for sign in ["<chain", "<access denied>", "nknown", "<unreadable>", "!!!", "Invalid", "invalid"] {
        assert!(!text.contains(sign), "`{sign}` in\n{text}");
    }
    text.into_owned()
}

/// Each of `wanted`, with runs of white space as one blank, in the lines of `text`.
fn assert_lines(text: &str, wanted: &[&str]) {
    let plain: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in wanted {
        assert!(plain.iter().any(|l| l.contains(line)), "no line has `{line}` in\n{text}");
    }
}

fn card() -> ConfigSpace {
    ConfigSpace::new(&CardParams::default())
}

#[test]
fn lspci_sees_the_card_after_reset() {
    let text = lspci(&card(), "reset");
    let pba = format!("PBA: BAR=2 offset={PBA_OFFSET:08x}");
    assert_lines(
        &text,
        &[
            "[1180]: ",
            &format!("[10dc:51c0] (rev {MAP_MAJOR:x}{MAP_MINOR:x})"),
            "Control: I/O- Mem- BusMaster-",
            "Status: Cap+ 66MHz- UDF- FastB2B- ParErr- DEVSEL=fast >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-",
            "Interrupt: pin A routed to IRQ 0",
            "Capabilities: [40] Power Management version 3",
            "Flags: PMEClk- DSI- D1- D2- AuxCurrent=0mA PME(D0-,D1-,D2-,D3hot-,D3cold-)",
            "Status: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=0 PME-",
            "Capabilities: [50] MSI: Enable- Count=1/8 Maskable+ 64bit+",
            "Capabilities: [70] MSI-X: Enable- Count=16 Masked-",
            "Vector table: BAR=2 offset=00000000",
            &pba,
            "Capabilities: [80] Express (v2) Endpoint, MSI 00",
            "DevCap: MaxPayload 1024 bytes, PhantFunc 0",
            "ExtTag+ AttnBtn- AttnInd- PwrInd- RBE+ FLReset+",
            "DevCtl: CorrErr- NonFatalErr- FatalErr- UnsupReq-",
            "RlxdOrd+ ExtTag- PhantFunc- AuxPwr- NoSnoop+ FLReset-",
            "MaxPayload 128 bytes, MaxReadReq 512 bytes",
            "DevSta: CorrErr- NonFatalErr- FatalErr- UnsupReq- AuxPwr- TransPend-",
            "LnkCap: Port #0, Speed 8GT/s, Width x8, ASPM not supported",
            "LnkCtl: ASPM Disabled; RCB 64 bytes",
            "LnkSta: Speed 8GT/s",
            "DevCap2: Completion Timeout: Range ABCD, TimeoutDis+",
            "LnkCap2: Supported Link Speeds: 2.5-8GT/s",
            "LnkCtl2: Target Link Speed: 8GT/s",
            "EqualizationComplete+ EqualizationPhase1+",
            "Capabilities: [100 v2] Advanced Error Reporting",
            "UESta: DLP- SDES- TLP- FCP- CmpltTO- CmpltAbrt- UnxCmplt- RxOF- MalfTLP- ECRC- UnsupReq- ACSViol-",
            "UESvrt: DLP+ SDES- TLP- FCP+ CmpltTO- CmpltAbrt- UnxCmplt- RxOF+ MalfTLP+ ECRC- UnsupReq- ACSViol-",
            "CEMsk: RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+",
            "HeaderLog: 00000000 00000000 00000000 00000000",
            "Capabilities: [140 v1] Device Serial Number 00-51-c0-00-00-00-00-01",
            "Capabilities: [150 v1] Secondary PCI Express",
            "Capabilities: [180 v1] Vendor Specific Information: ID=51c0 Rev=1 Len=010",
        ],
    );
    assert_eq!(text.matches("Capabilities: [").count(), 8, "more capabilities than there are in\n{text}");
}

#[test]
fn lspci_sees_what_a_driver_sets_and_what_an_error_leaves() {
    let mut config = card();
    config.capture(Bdf::new(3, 0, 0).expect("legal"));
    let writes =
        [(0x10, 0xe000_0000), (0x14, 0x20), (0x18, 0xe100_0000), (0x1c, 0x20), (0x04, 0x0446), (0x3c, 11), (0x114, 0), (0x88, 0x5957)];
    for (offset, value) in writes {
        config.write(offset, value, 0xf);
    }
    config.write(0x70, 1 << 31, 0b1100);
    let header = Header::memory(Kind::MemRead, Bdf::from_bits(0), Tag(7), BusAddr(0x20_e100_3ff8), Dwords(4));
    config.log_error(ErrorKind::UnsupportedRequest, Some(&header));
    config.set_transactions_pending(true);
    config.set_link(LinkSpeed::Gt5, 4);
    let text = lspci(&config, "running");
    assert_lines(
        &text,
        &[
            "Control: I/O- Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr+ Stepping- SERR- FastB2B- DisINTx+",
            "Interrupt: pin A routed to IRQ 11",
            "Region 0: Memory at 20e0000000 (64-bit, non-prefetchable)",
            "Region 2: Memory at 20e1000000 (64-bit, non-prefetchable)",
            "MSI-X: Enable+ Count=16 Masked-",
            "DevCtl: CorrErr+ NonFatalErr+ FatalErr+ UnsupReq-",
            "RlxdOrd+ ExtTag+ PhantFunc- AuxPwr- NoSnoop+ FLReset-",
            "MaxPayload 512 bytes, MaxReadReq 4096 bytes",
            "DevSta: CorrErr+ NonFatalErr- FatalErr- UnsupReq+ AuxPwr- TransPend+",
            "LnkSta: Speed 5GT/s (downgraded), Width x4 (downgraded)",
            "MalfTLP- ECRC- UnsupReq+ ACSViol-",
            "CESta: RxErr- BadTLP- BadDLLP- Rollover- Timeout- AdvNonFatalErr+",
            "AERCap: First Error Pointer: 14,",
            "HeaderLog: 20000004 000007ff 00000020 e1003ff8",
        ],
    );
}

#[rstest]
#[case(LinkSpeed::Gt2_5, 1, "2.5GT/s", "Supported Link Speeds: 2.5GT/s")]
#[case(LinkSpeed::Gt5, 4, "5GT/s", "Supported Link Speeds: 2.5-5GT/s")]
#[case(LinkSpeed::Gt8, 16, "8GT/s", "Supported Link Speeds: 2.5-8GT/s")]
fn lspci_sees_other_links(#[case] speed: LinkSpeed, #[case] width: u8, #[case] name: &str, #[case] vector: &str) {
    let params = CardParams { msix_vectors: 256, ..CardParams::default() };
    let config = ConfigSpace::with_link(&params, LinkParams { speed, width }).expect("a legal card");
    let text = lspci(&config, &format!("link-{}-{width}", speed as u8));
    let link = format!("Speed {name}, Width x{width}, ASPM not supported");
    assert_lines(&text, &[&link, vector, "MSI-X: Enable- Count=256", "Vendor Specific Information: ID=51c0"]);
}
