"""Logic between named nets, and its Verilog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnhw.asic.boolean import Boolean

__all__ = ["Cover", "Net", "write_logic"]

Net = int | str
"""A net of Yosys' JSON: a number, or ``0``, ``1``, ``x`` as text."""


@dataclass(frozen=True)
class Cover:
    """A net that is a function of others: ``inputs`` by the names that the function has."""

    function: Boolean
    inputs: dict[str, Net]
    output: Net


def write_logic(path: Path, module: str, inputs: Sequence[str], covers: Iterable[Cover],
                wanted: Sequence[str]) -> None:
    """Write Verilog without registers, with one output ``differs``: not all of ``wanted`` are 1.

    Parameters
    ----------
    path : Path
    module : str
    inputs : sequence of str
        Nets, some of which may be unused.
    covers : iterable of Cover
        Nets ``0`` and ``1`` are constants; so is ``x``, whatever it is.
    wanted : sequence of str
        Nets.
    """
    numbers: dict[Net, str] = {"0": "1'b0", "x": "1'b0", "1": "1'b1"}

    def net(n: Net) -> str:
        return numbers.setdefault(n, f"n[{len(numbers) - 3}]")

    taken = [net(name) for name in inputs]
    lines = [f"  assign {net(c.output)} = " + c.function.verilog(
        {pin: net(read) for pin, read in c.inputs.items()}) + ";" for c in covers]
    # A balanced tree by itself: an operator of hundreds of bits.
    lines.append(f"  assign differs = ~&{{{', '.join(net(name) for name in wanted)}}};")
    lines[:0] = [f"  assign {name} = in[{k}];" for k, name in enumerate(taken)]
    path.write_text("\n".join([
        f"module {module} (input [{len(taken) - 1}:0] in, output differs);",
        f"  wire [{len(numbers) - 4}:0] n;", *lines, "endmodule", ""]))
