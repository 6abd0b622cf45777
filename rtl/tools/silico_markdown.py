"""PeakRDL exporter `silico-markdown`: the reference page of the map, one table of registers per block and one of fields per register.

Why our own: peakrdl-markdown (1.0.3) expands every channel and every array element, and so writes 17,000 lines of which fifteen
sixteenths repeat; peakrdl-html writes a site of scripts and fonts with hashed names, which nobody can review in a diff.
"""
from peakrdl.plugins.exporter import ExporterSubcommandPlugin

from silico_map import access, blocks_of, describe, elements, register_reset, registers_of, reset_of, sentence, whole

ACCESS = {"Ro": "read", "Rw": "read, write", "Wo": "write"}


def cell(text):
    return text.replace("|", "\\|")


def kinds(fields):
    """Access of a register or field in words."""
    words = {ACCESS[access(field)] for field in fields}
    text = "; ".join(sorted(words))
    if all(field.get_property("singlepulse") for field in fields):
        text = "write one, reads zero"
    return text + (", driven by the card" if any(field.is_hw_writable for field in fields) else "")


def reset_text(fields, value):
    """Reset value, where the card does not drive it."""
    return "" if all(field.is_hw_writable for field in fields) else f"`{value:#x}`"


def bits(field):
    return str(field.low) if field.width == 1 else f"{field.high}:{field.low}"


def page(top):
    """Lines of the page."""
    yield f"# Registers of the {top.get_property('name')}"
    yield ""
    yield "Generated from `rtl/registers.rdl` by `cargo xtask registers`; changes made here are lost."
    yield ""
    yield sentence(top.get_property("desc"))
    yield "64-bit registers may be accessed as one aligned 64-bit word or as two 32-bit words, low first: reading the low word latches the"
    yield "high word for the next read of it; writing the low word stages it, and writing the high word takes effect."
    for block in blocks_of(top):
        count, stride = elements(block)
        yield f"\n## `{block.inst_name}`\n\n{describe(block)}\n"
        if block.is_array:
            yield f"{count} times: block *n* is at `{block.raw_address_offset:#x}` + *n* * `{stride:#x}`. Offsets are relative to it.\n"
        else:
            yield f"At `{block.raw_address_offset:#x}`.\n"
        yield "| offset | register | bits | access | reset | |\n|---|---|---|---|---|---|"
        for register in registers_of(block):
            count, stride = elements(register)
            fields = list(register.fields())
            offset = f"`{register.raw_address_offset:#05x}`" + (f" + *i* * {stride}" if register.is_array else "")
            name = f"`{register.inst_name}`" + (f" ({count} times)" if register.is_array else "")
            yield (f"| {offset} | {name} | {register.size * 8} | {kinds(fields)} | {reset_text(fields, register_reset(register))} | "
                   f"{cell(describe(register))} |")
        for register in registers_of(block):
            if whole(register):
                continue
            yield f"\n### `{block.inst_name}.{register.inst_name}`\n\n{describe(register)}\n"
            yield "| bits | field | access | reset | |\n|---|---|---|---|---|"
            for field in register.fields():
                yield (f"| {bits(field)} | `{field.inst_name}` | {kinds([field])} | {reset_text([field], reset_of(field))} | "
                       f"{cell(describe(field))} |")


class Exporter(ExporterSubcommandPlugin):
    """The subcommand `peakrdl silico-markdown`."""

    short_desc = "Generate the silico reference page of the register map"

    def do_export(self, top_node, options):
        try:
            text = "\n".join(page(top_node)) + "\n"
        except ValueError as error:
            raise SystemExit(f"silico-markdown: {error}") from None
        with open(options.output, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
