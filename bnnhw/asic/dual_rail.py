"""Dual-rail values of nets, for Verilog that leaves some values undefined.

Verilog leaves some values open, for example what a memory returns for an address that it does not
have; a netlist may then produce either value. Each net of the Verilog therefore gets two rails: one
means that the net may be 1, the other that it may be 0. An undefined value has both rails set. The
value of a register without a counterpart in the netlist is unknown and has neither rail set. Rails
grow monotonically with the rails that they depend on, so that a result that is permitted while an
unknown value has no rail set is permitted for every value of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from bnnhw.asic.aig import FALSE, TRUE, Aig
from bnnhw.asic.assignments import Assignment, Net
from bnnhw.asic.boolean import Boolean
from bnnhw.errors import ConfigError

__all__ = ["UNDEFINED", "UNKNOWN", "DualRail", "Evaluator", "defined", "evaluate_dual_rail",
           "permits"]

DualRail = tuple[int, int]
"""Two literals: the net may be 1, and the net may be 0."""

UNDEFINED: DualRail = TRUE, TRUE
"""The Verilog permits both values."""

UNKNOWN: DualRail = FALSE, FALSE
"""Nothing is known of the value, so that no proof may depend on it."""

Value = TypeVar("Value")


class Evaluator(Generic[Value]):
    """Evaluates the nets of a module on demand, each one once.

    Parameters
    ----------
    assignments : iterable of Assignment
        Combinational logic of the module.
    values : mapping of Net to value
        Values of constants, inputs and state elements.
    evaluate : callable (Boolean, values by pin) -> value
        Value of a function.
    undriven : callable (Net) -> value
        Value of a net that nothing drives.

    Raises
    ------
    ConfigError
        A net has two drivers, or depends on itself.
    """

    def __init__(self, assignments: Iterable[Assignment], values: Mapping[Net, Value],
                 evaluate: Callable[[Boolean, dict[str, Value]], Value],
                 undriven: Callable[[Net], Value]) -> None:
        self._driver: dict[Net, Assignment] = {}
        self._values: dict[Net, Value] = dict(values)
        for assignment in assignments:
            output = assignment.output
            if output in self._driver or output in self._values:
                raise ConfigError(f"net {output} has two drivers",
                                  where="equivalence of the netlist")
            self._driver[output] = assignment
        self._evaluate, self._undriven = evaluate, undriven

    def __getitem__(self, net: Net) -> Value:
        values, entered = self._values, set[Net]()
        stack = [net]
        while stack:
            top = stack[-1]
            if top in values:
                stack.pop()
                continue
            assignment = self._driver.get(top)
            if assignment is None:
                values[top] = self._undriven(top)
                continue
            missing = [n for n in assignment.inputs.values() if n not in values]
            if not missing:
                values[top] = self._evaluate(
                    assignment.function,
                    {pin: values[n] for pin, n in assignment.inputs.items()})
            elif top in entered:
                raise ConfigError(f"net {top} depends on itself (combinational loop)",
                                  where="equivalence of the netlist")
            else:
                entered.add(top)
                stack += missing
        return values[net]


def defined(literal: int) -> DualRail:
    """Return the rails of a net that has exactly one value, the given literal."""
    return literal, literal ^ 1


def evaluate_dual_rail(aig: Aig, function: Boolean, pins: Mapping[str, DualRail]) -> DualRail:
    """Return the rails of a Boolean function of dual-rail pins."""
    if all(one == zero ^ 1 for one, zero in pins.values()):
        return defined(aig.build(function, {pin: one for pin, (one, _) in pins.items()}))
    if function.op == "pin":
        return pins[function.name]
    if function.op == "constant":
        return defined(int(function.name))
    values = [evaluate_dual_rail(aig, term, pins) for term in function.terms]
    if function.op == "not":
        return values[0][::-1]
    one, zero = values[0]
    for next_one, next_zero in values[1:]:
        if function.op == "and":
            # An AND may be 1 if all of its terms may be, and may be 0 if any of them may be.
            one, zero = aig.and_(one, next_one), aig.or_(zero, next_zero)
        elif function.op == "or":
            one, zero = aig.or_(one, next_one), aig.and_(zero, next_zero)
        else:
            one, zero = (aig.or_(aig.and_(one, next_zero), aig.and_(zero, next_one)),
                         aig.or_(aig.and_(one, next_one), aig.and_(zero, next_zero)))
    return one, zero


def permits(aig: Aig, specified: DualRail, literal: int) -> int:
    """Return a literal that is 1 where the rails permit the value of ``literal``."""
    one, zero = specified
    if one == zero ^ 1:
        return aig.xor(literal, one) ^ 1
    return aig.or_(aig.and_(literal, one), aig.and_(literal ^ 1, zero))
