//! The cards that the RTL can be built as. Plain data: the build script gives it to Verilator, the bridge looks a card up in it, and any of them can be had as a
//! model without the RTL.

/// A card as it is built: its name, and the parameters of `silico_card`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    /// The word that chooses it in `SILICO_RTL`.
    pub(crate) name: &'static str,
    /// Data path, in bits.
    pub(crate) width: u32,
    /// Card-to-host channels.
    pub(crate) c2h: u32,
    /// Host-to-card channels.
    pub(crate) h2c: u32,
    /// Bytes of each host-to-card channel's reassembly buffer.
    pub(crate) h2c_buffer: u32,
    /// Read tags.
    pub(crate) tags: u32,
    /// Clocks after which a read is given up.
    pub(crate) read_timeout: u32,
    /// MSI-X vectors.
    pub(crate) vectors: u32,
    /// Bytes of each front-end FIFO.
    pub(crate) fifo_bytes: u32,
    /// Frames of each front-end FIFO.
    pub(crate) fifo_frames: u32,
    /// E-links of each generator.
    pub(crate) elinks: u32,
    /// Non-posted requests that the card can hold.
    pub(crate) np_depth: u32,
}

/// All of them; the first one has the default parameters, and is built if nobody asks for others.
pub(crate) const VARIANTS: [Variant; 4] = [
    Variant {
        name: "w256",
        width: 256,
        c2h: 4,
        h2c: 2,
        h2c_buffer: 65536,
        tags: 256,
        read_timeout: 12_500_000,
        vectors: 16,
        fifo_bytes: 16384,
        fifo_frames: 64,
        elinks: 64,
        np_depth: 8,
    },
    Variant {
        name: "w128",
        width: 128,
        c2h: 4,
        h2c: 4,
        h2c_buffer: 16384,
        tags: 32,
        read_timeout: 200_000,
        vectors: 16,
        fifo_bytes: 4096,
        fifo_frames: 16,
        elinks: 64,
        np_depth: 4,
    },
    Variant {
        name: "w512",
        width: 512,
        c2h: 2,
        h2c: 1,
        h2c_buffer: 65536,
        tags: 40,
        read_timeout: 200_000,
        vectors: 16,
        fifo_bytes: 32768,
        fifo_frames: 99,
        elinks: 16,
        np_depth: 16,
    },
    Variant {
        name: "small",
        width: 256,
        c2h: 2,
        h2c: 1,
        h2c_buffer: 8192,
        tags: 2,
        read_timeout: 20_000,
        vectors: 16,
        fifo_bytes: 2048,
        fifo_frames: 3,
        elinks: 1,
        np_depth: 1,
    },
];

#[allow(dead_code, reason = "the build script alone needs what is here, and without the RTL nobody does")]
impl Variant {
    /// What `silico_card` is given.
    pub(crate) const fn parameters(&self) -> [(&'static str, u32); 11] {
        [
            ("DataWidth", self.width),
            ("NumC2h", self.c2h),
            ("NumH2c", self.h2c),
            ("H2cBufferBytes", self.h2c_buffer),
            ("ReadTags", self.tags),
            ("ReadTimeout", self.read_timeout),
            ("Vectors", self.vectors),
            ("FifoBytes", self.fifo_bytes),
            ("FifoFrames", self.fifo_frames),
            ("Elinks", self.elinks),
            ("NpDepth", self.np_depth),
        ]
    }

    /// The ports that the bridge drives and reads: name, whether the card drives it, bits.
    pub(crate) const fn ports(&self) -> [(&'static str, bool, u32); 38] {
        [
            ("clk_i", false, 1),
            ("rst_ni", false, 1),
            ("pcie_reset_i", false, 1),
            ("link_up_i", false, 1),
            ("rx_valid_i", false, 1),
            ("rx_sop_i", false, 1),
            ("rx_eop_i", false, 1),
            ("rx_discard_i", false, 1),
            ("rx_digest_i", false, 32),
            ("rx_header_i", false, 128),
            ("rx_bytes_i", false, 7),
            ("rx_data_i", false, self.width),
            ("rx_ready_o", true, 1),
            ("tx_valid_o", true, 1),
            ("tx_sop_o", true, 1),
            ("tx_eop_o", true, 1),
            ("tx_digest_o", true, 32),
            ("tx_header_o", true, 128),
            ("tx_bytes_o", true, 7),
            ("tx_data_o", true, self.width),
            ("tx_ready_i", false, 1),
            ("credits_i", false, 66),
            ("credits_o", true, 66),
            ("front_valid_i", false, self.c2h),
            ("front_last_i", false, self.c2h),
            ("front_error_i", false, self.c2h),
            ("front_source_i", false, 16 * self.c2h),
            ("front_bytes_i", false, 7 * self.c2h),
            ("front_data_i", false, self.width * self.c2h),
            ("front_ready_o", true, self.c2h),
            ("front_busy_o", true, self.c2h),
            ("out_valid_o", true, self.h2c),
            ("out_last_o", true, self.h2c),
            ("out_error_o", true, self.h2c),
            ("out_source_o", true, 16 * self.h2c),
            ("out_bytes_o", true, 7 * self.h2c),
            ("out_data_o", true, self.width * self.h2c),
            ("out_ready_i", false, self.h2c),
        ]
    }
}
