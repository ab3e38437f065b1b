"""Logic with undefined values as logic of two rails: what a net may be.

A Verilog text leaves some values open: what a memory gives for an address that it does not have.
A netlist may take either. So each net of the text gets a rail that says it may be 1 and one that
says it may be 0; an undefined value has both.
"""

from __future__ import annotations

from bnnhw.flow.cells.boolean import Boolean
from bnnhw.flow.cells.cover import Cover, Net

__all__ = ["allowed", "rail", "two_rails"]


def rail(net: Net, value: int) -> str:
    """Name of the rail of a net that says that it may be ``value``."""
    return f"may{value}:{net}"


def two_rails(cover: Cover) -> tuple[Cover, Cover]:
    """The rails of a cover's output as functions of the rails of its inputs."""
    rails = {rail(pin, value): rail(net, value) for pin, net in cover.inputs.items()
             for value in (0, 1)}

    def made(value: int) -> Cover:
        function = _may(cover.function, value)
        return Cover(function, {pin: rails[pin] for pin in function.pins()},
                     rail(cover.output, value))

    return made(0), made(1)


def _may(function: Boolean, value: int) -> Boolean:
    if function.op == "pin":
        return Boolean("pin", rail(function.name, value))
    if function.op == "constant":
        return Boolean("constant", str(int(function.name == str(value))))
    if function.op == "not":
        return _may(function.terms[0], 1 - value)
    if function.op in ("and", "or"):
        # One term that may be 0 is enough for a product that may be 0, and so on.
        both = (function.op == "and") == (value == 1)
        return Boolean("and" if both else "or", terms=tuple(_may(t, value)
                                                            for t in function.terms))
    first, *others = function.terms
    rest = others[0] if len(others) == 1 else Boolean("xor", terms=tuple(others))
    return Boolean("or", terms=tuple(
        Boolean("and", terms=(_may(first, one), _may(rest, one ^ value))) for one in (0, 1)))


def allowed(net: Net, text: Net, output: str) -> Cover:
    """1 where a net of the netlist is what the one of the text may be."""
    one, may1, may0 = (Boolean("pin", name) for name in ("n", "may1", "may0"))
    function = Boolean("or", terms=(Boolean("and", terms=(one, may1)),
                                    Boolean("and", terms=(Boolean("not", terms=(one,)), may0))))
    return Cover(function, {"n": net, "may1": rail(text, 1), "may0": rail(text, 0)}, output)
