"""PeakRDL exporter `silico-rust`: one compact, `no_std` Rust file of offsets, fields, resets and a table for register walks.

Why our own: peakrdl-rust (0.7.4) gives a crate of some sixty files that reads and writes through raw pointers. Our driver reaches a
register through a platform trait that takes an offset, and the card's model decodes offsets, so that `unsafe` pointer access is of no use to
either. What both need fits in one file. It knows two levels: blocks (register files, possibly an array of them) and their registers
(possibly arrays). It refuses anything deeper by an error (silico_map.py). The types that it uses are written by hand, in spec/src/field.rs and map.rs.
"""
from peakrdl.plugins.exporter import ExporterSubcommandPlugin

from silico_map import access, blocks_of, describe, elements, register_reset, registers_of, reset_of, whole

HEAD = """\
//! Registers of the reference card: offsets, fields, reset values, and a table of all.
//!
//! Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost. Offsets in a block's module are
//! relative to that block. This file knows what a register is called and where it lies, not what it does.
#![allow(clippy::unreadable_literal)]

pub use crate::field::Field;
pub use crate::map::{Access, Block, FieldInfo, Register, Template};
"""

TAIL = """
/// Number of entries of [`MAP`].
const MAP_LENGTH: usize = crate::map::count(BLOCKS);
static ALL: [Register; MAP_LENGTH] = crate::map::expand(BLOCKS);

/// Every register of every block and channel, in the order of offsets.
pub static MAP: &[Register] = &ALL;

/// The register that holds the byte at `offset` of BAR0; none for a hole.
#[must_use]
pub fn find(offset: u32) -> Option<&'static Register> {
    crate::map::find(MAP, offset)
}
"""


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writer:
    """Renders a map with the shape blocks / registers."""

    def __init__(self):
        self.lines = [HEAD]

    def put(self, depth, text):
        self.lines.append("    " * depth + text)

    def constant(self, depth, doc, name, kind, value):
        self.put(depth, f"/// {doc}")
        self.put(depth, f"pub const {name}: {kind} = {value};")

    def top(self, top):
        self.put(0, f"\n/// Bytes that the map spans, rounded up to a power of two: {top.size} are used.")
        self.put(0, f"pub const MAP_BYTES: u32 = {1 << (top.size - 1).bit_length():#x};")
        version = top.find_by_path("card.MAP_VERSION")
        for part in ("major", "minor"):
            number = reset_of(version.get_child_by_name(part))
            self.constant(0, f"The {part} number of this map, as MAP_VERSION gives it.", f"MAP_{part.upper()}", "u16", number)
        blocks = blocks_of(top)
        for block in blocks:
            self.block(block)
        self.put(0, "\n/// The blocks, each with its registers once.")
        self.put(0, "pub static BLOCKS: &[Block] = &[")
        for block in blocks:
            count, stride = elements(block)
            self.put(1, f'Block {{ name: "{block.inst_name}", base: {block.raw_address_offset:#x}, stride: {stride:#x}, '
                        f"count: {count}, registers: {block.inst_name}::REGISTERS }},")
        self.put(0, "];")
        self.lines.append(TAIL)

    def block(self, block):
        self.put(0, f"\n/// {describe(block)}")
        self.put(0, f"pub mod {block.inst_name} {{")
        self.put(1, "use super::{Access, Field, FieldInfo, Template};\n")
        self.constant(1, "Offset of the (first) block in BAR0.", "BASE", "u32", f"{block.raw_address_offset:#x}")
        if block.is_array:
            count, stride = elements(block)
            self.constant(1, "Bytes from one block to the next.", "STRIDE", "u32", f"{stride:#x}")
            self.constant(1, "Blocks that the map has room for.", "COUNT", "u32", count)
            self.put(1, "/// Offset in BAR0 of `register` of channel `channel`, which must be below [`COUNT`].")
            self.put(1, "#[must_use]\n#[inline]")
            self.put(1, "pub const fn offset(channel: u32, register: u32) -> u32 {")
            self.put(2, "debug_assert!(channel < COUNT);")
            self.put(2, "BASE + channel * STRIDE + register")
            self.put(1, "}")
        registers = registers_of(block)
        for register in registers:
            self.register(register)
        for register in registers:
            self.fields(register)
        self.put(1, "\n/// The registers of this block, for [`super::MAP`].")
        self.put(1, "pub(super) static REGISTERS: &[Template] = &[")
        for register in registers:
            self.template(register)
        self.put(1, "];")
        self.put(0, "}")

    def register(self, register):
        name = register.inst_name
        self.put(0, "")
        self.constant(1, describe(register), name, "u32", f"{register.raw_address_offset:#05x}")
        if register.is_array:
            count, stride = elements(register)
            self.constant(1, f"Number of [`{name}`] registers.", f"{name}_COUNT", "u32", count)
            self.constant(1, f"Bytes from one [`{name}`] register to the next.", f"{name}_STRIDE", "u32", stride)
        if reset := register_reset(register):
            self.constant(1, f"Value of [`{name}`] after reset.", f"{name}_RESET", "u64", f"{reset:#x}")

    def fields(self, register):
        """A module of fields, unless one field is all of the register."""
        if whole(register):
            return
        self.put(1, f"\n/// Fields of [`{register.inst_name}`].")
        self.put(1, f"pub mod {register.inst_name.lower()} {{")
        self.put(2, "use super::Field;\n")
        for field in register.fields():
            self.constant(2, describe(field), field.inst_name.upper(), "Field", f"Field::new({field.low}, {field.width})")
        self.put(1, "}")

    def template(self, register):
        count, stride = elements(register)
        bits = register.size * 8
        self.put(2, f"Template::new({quote(register.inst_name)}, {register.raw_address_offset:#x}, {bits}, "
                    f"{quote(describe(register))}, &[")
        for field in register.fields():
            more = ".volatile()" if field.is_hw_writable else ""
            more += ".singlepulse()" if field.get_property("singlepulse") else ""
            more += f".reset({reset_of(field):#x})" if reset_of(field) else ""
            self.put(3, f"FieldInfo::new({quote(field.inst_name)}, {field.low}, {field.width}, Access::{access(field)}, "
                        f"{quote(describe(field))}){more},")
        self.put(2, "])" + (f".array({count}, {stride})" if register.is_array else "") + ",")


class Exporter(ExporterSubcommandPlugin):
    """The subcommand `peakrdl silico-rust`."""

    short_desc = "Generate the silico Rust register map: offsets, fields and a table"

    def do_export(self, top_node, options):
        writer = Writer()
        try:
            writer.top(top_node)
        except ValueError as error:
            raise SystemExit(f"silico-rust: {error}") from None
        with open(options.output, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(writer.lines))
