"""What our exporters (silico_rust.py, silico_markdown.py) read from an elaborated map, and what they refuse.

A map has two levels: blocks (register files, possibly an array) and their registers (possibly an array). Everything has a description.
Errors are `ValueError`s that name the node.
"""
from systemrdl.node import RegfileNode, RegNode, SignalNode


def sentence(text):
    """`text` on one line, closed by a full stop."""
    text = " ".join((text or "").split())
    return text if not text or text.endswith((".", "!", "?")) else text + "."


def describe(node):
    """Doc comment of a node from its name and desc."""
    name = node.get_property("name")
    parts = [sentence(name if name != node.inst_name else ""), sentence(node.get_property("desc"))]
    text = " ".join(part for part in parts if part)
    if not text:
        raise ValueError(f"{node.get_path()}: has no desc; every register and field needs one")
    return text


def access(node):
    """`Ro`, `Rw` or `Wo` of a field."""
    return {(True, False): "Ro", (True, True): "Rw", (False, True): "Wo"}[node.is_sw_readable, node.is_sw_writable]


def reset_of(field):
    """Reset value of a field; 0 where the RDL gives none."""
    value = field.get_property("reset")
    if value is not None and not isinstance(value, int):
        raise ValueError(f"{field.get_path()}: reset must be a number")
    return value or 0


def register_reset(register):
    return sum(reset_of(field) << field.low for field in register.fields())


def elements(node):
    """Count and stride of a register or block: 1 and 0 unless it is an array."""
    if not node.is_array:
        return 1, 0
    if len(node.array_dimensions) != 1:
        raise ValueError(f"{node.get_path()}: only arrays of one dimension are rendered")
    return node.array_dimensions[0], node.array_stride


def blocks_of(top):
    """The blocks of the map, in the order of offsets."""
    for block in top.children():
        if not isinstance(block, RegfileNode):
            raise ValueError(f"{block.get_path()}: only register files may stand at the top level")
    return list(top.children())


def registers_of(block):
    """The registers of a block, in the order of offsets."""
    registers = [node for node in block.children() if not isinstance(node, SignalNode)]
    for register in registers:
        if not isinstance(register, RegNode):
            raise ValueError(f"{register.get_path()}: only registers and signals may stand in a block")
    return registers


def whole(register):
    """Whether one field is all of the register."""
    fields = list(register.fields())
    return len(fields) == 1 and fields[0].width == register.size * 8
