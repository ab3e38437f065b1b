"""Finds which state element of a netlist stores which state element of the Verilog.

The result is only a hint for the equivalence proof: with a wrong correspondence the proof fails.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bnnhw.asic.aig import PATTERNS, Aig
from bnnhw.asic.assignments import Assignment, Net
from bnnhw.asic.dual_rail import DualRail, defined
from bnnhw.asic.sequential import SequentialModule
from bnnhw.asic.shared_graph import shared_graph
from bnnhw.asic.storage import literal_of

__all__ = ["match_registers"]

ALL_PATTERNS = (1 << PATTERNS) - 1

MAX_ROUNDS = 500
"""Largest number of simulation rounds of the partition refinement."""

MAX_CHAIN = 8
"""Longest chain of buffers and inverters from a register to the wire that has its name."""

STABLE_ROUNDS = 12
"""Consecutive rounds without a new class after which the partition counts as final."""


def match_registers(verilog: SequentialModule, netlist: SequentialModule) -> dict[Net, Net]:
    """Match the state elements of the Verilog with those of the netlist.

    A state element is matched by its name, which synthesis keeps for most of them. For the others,
    random simulation finds candidates: elements whose next values agree in all rounds under the
    assumption that all other candidates are equal too, or elements that are constant.

    Returns
    -------
    dict of Net to Net
        For each matched state element of the Verilog, the state element of the netlist, or the
        constant ``0`` or ``1``.
    """
    names_of: dict[Net, list[str]] = {}
    for name, net in verilog.names.items():
        names_of.setdefault(net, []).append(name)
    driver = {assignment.output: assignment for assignment in netlist.assignments}
    matched: dict[Net, Net] = {}
    for net, element in verilog.state.items():
        for named in [netlist.names[n] for n in names_of.get(net, []) if n in netlist.names]:
            found = _trace_to_state(driver, netlist, named)
            if found in ("0", "1") or (found in netlist.state
                                       and netlist.state[found].kind == element.kind):
                matched[net] = found
                break
    unmatched = [net for net in verilog.state if net not in matched]
    if unmatched:
        search = _Search(verilog, netlist, matched, unmatched)
        used = set(matched.values())
        # Elements that are unmatched on both sides are likelier partners than a second use of one.
        matched |= search.equal_elements([net for net in netlist.state if net not in used])
        matched |= search.constants([net for net in unmatched if net not in matched])
        if len(matched) < len(verilog.state):
            matched |= {net: partner
                        for net, partner in search.equal_elements(netlist.state).items()
                        if net not in matched}
    return matched


def _trace_to_state(driver: Mapping[Net, Assignment], netlist: SequentialModule, net: Net) -> Net:
    """Follow a net back through buffers and pairs of inverters to a state element.

    Returns the net itself if the chain does not end at a state element of the same polarity.
    """
    found, positive = net, True
    for _ in range(MAX_CHAIN):
        assignment = driver.get(found)
        if found in netlist.state or assignment is None or len(assignment.inputs) != 1:
            break
        found = next(iter(assignment.inputs.values()))
        positive ^= not literal_of(assignment.function)[1]
    return found if positive and found in netlist.state else net


@dataclass(frozen=True)
class _Element:
    """A state element in the graph: its node, and the rails of its data and its control."""

    kind: str
    node: int
    data: DualRail
    control: DualRail


class _Search:
    """Searches correspondences by random simulation of both modules in one graph.

    Matched state elements and inputs are shared; only unmatched state elements are separate nodes.
    """

    def __init__(self, verilog: SequentialModule, netlist: SequentialModule,
                 matched: dict[Net, Net], unmatched: Sequence[Net]) -> None:
        self._aig = aig = Aig()
        self._netlist = netlist
        self._netlist_values, values = shared_graph(aig, verilog, netlist, matched,
                                                    lambda: defined(aig.add_input()))
        self._unmatched = {
            net: _Element(verilog.state[net].kind, values[net][0] >> 1,
                          values[verilog.state[net].data],
                          values[verilog.state[net].control])
            for net in unmatched}

    def equal_elements(self, candidates: Iterable[Net]) -> dict[Net, Net]:
        """Match unmatched elements with candidates of the netlist by partition refinement.

        At first all elements of a kind are in one class. In each round the members of a class
        start from the same random values; elements whose next data or control differ move to
        different classes.
        """
        partners = {net: _Element(element.kind, self._netlist_values[net] >> 1,
                                  defined(self._netlist_values[element.data]),
                                  defined(self._netlist_values[element.control]))
                    for net in candidates for element in [self._netlist.state[net]]}
        left: dict[Net, object] = {net: e.kind for net, e in partners.items()}
        right: dict[Net, object] = {net: e.kind for net, e in self._unmatched.items()}
        count, stable = 0, 0
        for seed in range(MAX_ROUNDS):
            rng = random.Random(seed)
            drawn = {c: rng.getrandbits(PATTERNS)
                     for c in dict.fromkeys([*left.values(), *right.values()])}
            values = self._aig.simulate(seed, {
                e.node: drawn[c]
                for elements, classes in ((partners, left), (self._unmatched, right))
                for e, c in zip(elements.values(), classes.values(), strict=True)})
            groups: dict[object, dict[tuple[int, int], object]] = {}
            for net, e in partners.items():
                split = groups.setdefault(left[net], {})
                left[net] = split.setdefault((_simulated(values, e.data)[0],
                                              _simulated(values, e.control)[0]),
                                             (left[net], len(split)))
            for net, e in self._unmatched.items():
                (data, data_defined), (control, control_defined) = (
                    _simulated(values, e.data), _simulated(values, e.control))
                # Patterns for which the Verilog leaves the value undefined do not distinguish.
                right[net] = next((group for (d, c), group in groups.get(right[net], {}).items()
                                   if not (d ^ data) & data_defined
                                   and not (c ^ control) & control_defined),
                                  (right[net], data, control))
            now = len({*left.values(), *right.values()})
            count, stable = now, stable + 1 if now == count else 0
            if stable == STABLE_ROUNDS:
                break
            left, right = _renumbered(left, right)
        found = {group: net for net, group in left.items()}
        return {net: found[group] for net, group in right.items() if group in found}

    def constants(self, elements: Sequence[Net]) -> dict[Net, Net]:
        """Return those elements whose data is the constant 0 or 1 while they store it."""
        found: dict[Net, Net] = {}
        for constant in (0, 1):
            candidates = [net for net in elements if net not in found]
            stable, seed = 0, 0
            while candidates and stable < STABLE_ROUNDS:
                given = dict.fromkeys(candidates, constant) | {n: int(c) for n, c in found.items()}
                values = self._aig.simulate(seed, {self._unmatched[net].node: ALL_PATTERNS * value
                                                   for net, value in given.items()})
                remaining = []
                for net in candidates:
                    data, data_defined = _simulated(values, self._unmatched[net].data)
                    if not (data ^ ALL_PATTERNS * constant) & data_defined:
                        remaining.append(net)
                stable = stable + 1 if len(remaining) == len(candidates) else 0
                seed, candidates = seed + 1, remaining
            found |= dict.fromkeys(candidates, str(constant))
        return found


def _simulated(values: Sequence[int], net: DualRail) -> tuple[int, int]:
    """Return the value of a net in each pattern, and the patterns in which it is defined."""
    one, zero = (values[literal >> 1] ^ (ALL_PATTERNS if literal & 1 else 0) for literal in net)
    return one & ~zero, one ^ zero


def _renumbered(*sides: dict[Net, object]) -> list[dict[Net, object]]:
    """Rename classes to small numbers, so that their names do not grow with each round."""
    numbers: dict[object, object] = {}
    return [{net: numbers.setdefault(group, len(numbers)) for net, group in side.items()}
            for side in sides]
