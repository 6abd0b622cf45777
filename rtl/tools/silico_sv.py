"""PeakRDL exporter `silico-sv`: the register block of one block of the map, as one package and one module of plain SystemVerilog.

Why our own: PeakRDL-regblock (1.3.1) drives members of unpacked structures bit by bit, for which Verilator 5.006, the oldest that must do, makes C++
that no compiler takes; and it commits a 64-bit register a clock after its high dword. This one knows what the map needs and refuses the rest:

* plain settings are stored here; of a 64-bit one the low dword is staged, and the high dword makes both count in the clock in which it is written;
* what the card drives is shown; reading the low dword of a 64-bit one with `buffer_reads` keeps the high dword for the next read of it;
* `external` registers are the card's own: a strobe for each dword, and the value shown.

The bus is one dword a clock, answered in the same clock; a write that hits nothing writable is told. Reset is synchronous.
"""
from pathlib import Path

from peakrdl.plugins.exporter import ExporterSubcommandPlugin
from systemrdl.node import RegfileNode

from silico_map import describe, elements, register_reset, registers_of, whole

HEAD = """\
// {what}
//
// Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost.
"""


def is_setting(register):
    """Stored here: software writes it, and the card only looks."""
    return not register.external and all(field.is_sw_writable for field in register.fields())


def is_shown(register):
    """Driven by the card, or constant."""
    return not is_setting(register)


def writable(register):
    return sum(((1 << field.width) - 1) << field.low for field in register.fields() if field.is_sw_writable)


def readable(register):
    return any(field.is_sw_readable for field in register.fields())


def constant(register):
    """The value of a register that nobody drives; none if the card does."""
    if register.external or any(field.is_hw_writable or field.is_sw_writable for field in register.fields()):
        return None
    return register_reset(register)


def name_of(register):
    """As in the map: in capitals, which no keyword is."""
    return register.inst_name


class Block:
    """Renders one block."""

    def __init__(self, block, prefix):
        self.block = block
        self.prefix = prefix
        self.registers = registers_of(block)
        span = max(r.raw_address_offset + elements(r)[0] * r.size for r in self.registers)
        self.bits = (span - 1).bit_length()
        for register in self.registers:
            if register.size not in (4, 8):
                raise ValueError(f"{register.get_path()}: registers have 32 or 64 bits")
            if register.is_array and not register.external:
                raise ValueError(f"{register.get_path()}: an array must be external")

    def package(self):
        yield HEAD.format(what=f"What the register block of the {describe(self.block).split('.')[0].lower()} holds and shows.")
        yield f"package {self.prefix}_pkg;\n"
        yield "  // Settings, as software has written them."
        yield "  typedef struct packed {"
        for register in filter(is_setting, self.registers):
            yield f"    logic [{register.size * 8 - 1}:0] {name_of(register)};"
        yield f"  }} {self.prefix}_set_t;\n"
        yield "  // What is shown: of the card's own registers too."
        yield "  typedef struct packed {"
        for register in self.registers:
            if is_shown(register) and readable(register) and constant(register) is None:
                yield f"    logic [{register.size * 8 - 1}:0] {name_of(register)};"
        yield f"  }} {self.prefix}_shown_t;\n"
        yield "  // The card's own registers: a bit for each dword, the low one first; of an array, one for all."
        yield "  typedef struct packed {"
        for register in self.registers:
            if register.external:
                dwords = register.size // 4
                yield f"    logic {f'[{dwords - 1}:0] ' if dwords > 1 else ''}{name_of(register)};"
        yield f"  }} {self.prefix}_strobe_t;\n"
        yield "  // Lowest bits of fields."
        for register in self.registers:
            for field in () if whole(register) else register.fields():
                yield f"  localparam int unsigned {register.inst_name}_{field.inst_name.upper()} = {field.low};"
        yield "\nendpackage"

    def address(self, register, dword):
        return f"{self.bits}'h{register.raw_address_offset + 4 * dword:x}"

    def module(self):
        sets = [r for r in self.registers if is_setting(r)]
        wide = [r for r in sets if r.size == 8]
        kept = [r for r in self.registers if is_shown(r) and r.size == 8 and r.get_property("buffer_reads")]
        yield HEAD.format(what=f"The register block of the {describe(self.block).split('.')[0].lower()}.")
        yield f"module {self.prefix}\n  import {self.prefix}_pkg::*;\n("
        yield "  input  logic        clk_i,\n  input  logic        reset_i,\n"
        yield "  // One dword a clock, answered in the same clock."
        yield "  input  logic        req_i,\n  input  logic        write_i,"
        yield f"  input  logic [{self.bits - 1}:0]  offset_i,"
        yield "  input  logic [31:0] wdata_i,\n  // Bits of the enabled bytes."
        yield "  input  logic [31:0] wmask_i,\n  output logic [31:0] rdata_o,"
        yield "  // A write hits no register, or one that cannot be written.\n  output logic        hole_o,\n"
        yield f"  output {self.prefix}_set_t set_o,\n  input  {self.prefix}_shown_t shown_i,\n  output {self.prefix}_strobe_t strobe_o\n);\n"
        yield f"  {self.prefix}_set_t set_q;"
        yield "  logic writes, hit;"
        yield f"  logic [{self.bits - 1}:0] offset;"
        for register in wide:
            yield f"  logic [31:0] staged_{name_of(register)}_q, staged_{name_of(register)}_mask_q;"
        for register in kept:
            yield f"  logic [31:0] kept_{name_of(register)}_q;"
        yield f"\n  assign offset = {{offset_i[{self.bits - 1}:2], 2'b00}};"
        yield "  assign writes = req_i && write_i;\n  assign set_o = set_q;\n  assign hole_o = writes && !hit;\n"
        yield "  function automatic logic [31:0] merged(logic [31:0] old, logic [31:0] value, logic [31:0] mask);"
        yield "    return (old & ~mask) | (value & mask);\n  endfunction\n"
        yield "  // Reads, and what can be written."
        yield "  always_comb begin\n    rdata_o = '0;\n    hit = 1'b0;\n    unique case (offset)"
        for register in self.registers:
            yield from self.read(register, kept)
        yield "      default: ;\n    endcase"
        for register in filter(lambda r: r.is_array, self.registers):
            yield from self.array(register)
        yield "  end\n"
        yield "  // The card's own registers."
        yield "  always_comb begin\n    strobe_o = '0;"
        for register in filter(lambda r: r.external, self.registers):
            yield from self.strobe(register)
        yield "  end\n"
        yield "  always_ff @(posedge clk_i) begin\n    if (reset_i) begin"
        for register in sets:
            yield f"      set_q.{name_of(register)} <= {register.size * 8}'h{register_reset(register):x};"
        for register in wide:
            yield f"      staged_{name_of(register)}_q <= '0;\n      staged_{name_of(register)}_mask_q <= '0;"
        for register in kept:
            yield f"      kept_{name_of(register)}_q <= '0;"
        yield "    end else begin"
        for register in sets:
            yield from self.store(register)
        for register in kept:
            name = name_of(register)
            yield (f"      if (req_i && !write_i && offset == {self.address(register, 0)}) kept_{name}_q <= shown_i.{name}[63:32];")
        yield "    end\n  end\n\nendmodule"

    def read(self, register, kept):
        name = name_of(register)
        if register.is_array:
            return
        for dword in range(register.size // 4):
            part = f"[{32 * dword + 31}:{32 * dword}]"
            fixed = constant(register)
            if fixed is not None:
                value = f"32'h{fixed >> 32 * dword & 0xffffffff:x}"
            elif is_setting(register):
                value = f"set_q.{name}{part}"
            elif not readable(register):
                value = None
            elif dword == 1 and register in kept:
                value = f"kept_{name}_q"
            else:
                value = f"shown_i.{name}{part}"
            yield f"      {self.address(register, dword)}: begin  // {register.inst_name}"
            if value:
                yield f"        rdata_o = {value};"
            if writable(register):
                yield "        hit = 1'b1;"
            yield "      end"

    def array(self, register):
        count, stride = elements(register)
        base, end = register.raw_address_offset, register.raw_address_offset + count * stride
        if stride != 4 or base % (count * 4):
            raise ValueError(f"{register.get_path()}: an array is of dwords, on a multiple of its size")
        low = (count * 4 - 1).bit_length()
        yield f"    if (offset[{self.bits - 1}:{low}] == {self.bits - low}'h{base >> low:x}) begin  // {register.inst_name}, {base:#x} to {end - 1:#x}"
        yield f"      rdata_o = shown_i.{name_of(register)};\n      hit = 1'b1;\n    end"

    def strobe(self, register):
        name = name_of(register)
        if register.is_array:
            count, _ = elements(register)
            low = (count * 4 - 1).bit_length()
            yield f"    strobe_o.{name} = writes && offset[{self.bits - 1}:{low}] == {self.bits - low}'h{register.raw_address_offset >> low:x};"
            return
        for dword in range(register.size // 4):
            index = f"[{dword}]" if register.size == 8 else ""
            yield f"    strobe_o.{name}{index} = writes && offset == {self.address(register, dword)};"

    def store(self, register):
        name = name_of(register)
        mask = writable(register)
        if register.size == 4:
            masked = "" if mask == 0xffffffff else f" & 32'h{mask:x}"
            yield (f"      if (writes && offset == {self.address(register, 0)}) set_q.{name} <= merged(set_q.{name}, wdata_i, wmask_i){masked};")
            return
        low = f"merged(set_q.{name}[31:0], staged_{name}_q, staged_{name}_mask_q)"
        yield f"      if (writes && offset == {self.address(register, 0)}) begin"
        yield f"        staged_{name}_q <= merged(staged_{name}_q, wdata_i, wmask_i);"
        yield f"        staged_{name}_mask_q <= staged_{name}_mask_q | wmask_i;\n      end"
        yield f"      if (writes && offset == {self.address(register, 1)}) begin"
        yield f"        set_q.{name} <= {{merged(set_q.{name}[63:32], wdata_i, wmask_i), {low}}};"
        yield f"        staged_{name}_q <= '0;\n        staged_{name}_mask_q <= '0;\n      end"


class Exporter(ExporterSubcommandPlugin):
    """The subcommand `peakrdl silico-sv`; the output is a folder, and the top holds one block."""

    short_desc = "Generate the SystemVerilog register block of one block of the silico map"

    def do_export(self, top_node, options):
        try:
            blocks = [child for child in top_node.children() if isinstance(child, RegfileNode)]
            if len(blocks) != 1:
                raise ValueError(f"{top_node.get_path()}: must hold one block")
            prefix = f"silico_{blocks[0].inst_name}_regs"
            block = Block(blocks[0], prefix)
            for suffix, lines in (("_pkg", block.package()), ("", block.module())):
                path = Path(options.output) / f"{prefix}{suffix}.sv"
                path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        except ValueError as error:
            raise SystemExit(f"silico-sv: {error}") from None
