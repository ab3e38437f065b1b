"""Which register or latch of a netlist holds what one of the Verilog does: hints for a proof."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bnnhw.asic.aig import FALSE, LANES, TRUE, Aig
from bnnhw.asic.cover import Cover, Net
from bnnhw.asic.rails import EITHER, Rails, Values, plain, rails
from bnnhw.asic.states import Logic
from bnnhw.asic.storage import literal

__all__ = ["match_stored"]

ONES = (1 << LANES) - 1
ROUNDS = 500
MAX_CHAIN = 8
"""Most buffers and inverters between a register and the wire that has its name."""
QUIET = 12
"""Rounds of random values in which no class falls apart, until none is taken to."""


def match_stored(text: Logic, netlist: Logic) -> dict[Net, Net]:
    """For what ``text`` stores, what ``netlist`` stores in its place, or a constant.

    By the names that synthesis keeps. Where one is gone, what takes the same in random cases is
    taken to be the same, each of these assumptions given all the others. None of it is taken for
    granted: a wrong match is not proven.
    """
    by_net: dict[Net, list[str]] = {}
    for name, net in text.names.items():
        by_net.setdefault(net, []).append(name)
    driver = {cover.output: cover for cover in netlist.covers}
    matched: dict[Net, Net] = {}
    for own, stored in text.stored.items():
        nets = [netlist.names[n] for n in by_net.get(own, []) if n in netlist.names]
        for net in nets:
            found = _held(driver, netlist, net)
            if found in ("0", "1") or (found in netlist.stored
                                       and netlist.stored[found].kind == stored.kind):
                matched[own] = found
                break
    lost = [own for own in text.stored if own not in matched]
    if lost:
        search = _Search(text, netlist, matched, lost)
        taken = set(matched.values())
        # What has lost its name on both sides is likelier than a copy of something else.
        matched |= search.same([net for net in netlist.stored if net not in taken])
        matched |= search.constant([own for own in lost if own not in matched])
        if len(matched) < len(text.stored):
            matched |= {own: there for own, there in search.same(netlist.stored).items()
                        if own not in matched}
    return matched


def _held(driver: Mapping[Net, Cover], netlist: Logic, net: Net) -> Net:
    """What is stored where a net takes it from, through buffers and pairs of inverters."""
    found, plain_ = net, True
    for _ in range(MAX_CHAIN):
        cover = driver.get(found)
        if found in netlist.stored or cover is None or len(cover.inputs) != 1:
            break
        found, same = next(iter(cover.inputs.values())), literal(cover.function)[1]
        plain_ ^= not same
    return found if plain_ and found in netlist.stored else net


@dataclass(frozen=True)
class _Element:
    """What is stored somewhere: its node, and what its data and its control may be."""

    kind: str
    node: int
    data: Rails
    control: Rails


class _Search:
    """Both sides as one graph, in which only what has lost its name is not shared."""

    def __init__(self, text: Logic, netlist: Logic, matched: dict[Net, Net],
                 lost: Sequence[Net]) -> None:
        self._aig = aig = Aig()
        self._lost = lost
        inputs = {name: aig.free() for name in text.inputs}
        there: dict[Net, int] = {"0": FALSE, "1": TRUE}
        there |= {net: inputs[name] for name, net in netlist.inputs.items()}
        there |= {net: aig.free() for net in netlist.stored}
        own = {net: inputs[name] for name, net in text.inputs.items()} | {
            net: there[matched[net]] if net in matched else aig.free() for net in text.stored}
        self._there = Values[int](netlist.covers, there, aig.value, lambda _: aig.free())
        known: dict[Net, Rails] = {"0": plain(FALSE), "1": plain(TRUE), "x": EITHER}
        known |= {net: plain(literal) for net, literal in own.items()}
        self._own = Values[Rails](text.covers, known, lambda f, pins: rails(aig, f, pins),
                                  lambda _: EITHER)
        self._netlist, self._elements = netlist, {
            net: _Element(stored.kind, own[net] >> 1, self._own[stored.data],
                          self._own[stored.control])
            for net, stored in text.stored.items() if net not in matched}

    def same(self, candidates: Iterable[Net]) -> dict[Net, Net]:
        """What is lost by what of the netlist's takes the same: classes that hold together.

        All are of one class at first, whose members hold the same in a round of random cases; what
        takes something else from then on is of another class.
        """
        there = {net: _Element(stored.kind, self._there[net] >> 1, plain(
                     self._there[stored.data]), plain(self._there[stored.control]))
                 for net in candidates for stored in [self._netlist.stored[net]]}
        left: dict[Net, object] = {net: e.kind for net, e in there.items()}
        right: dict[Net, object] = {net: e.kind for net, e in self._elements.items()}
        count, quiet = 0, 0
        for seed in range(ROUNDS):
            rng = random.Random(seed)
            drawn = {c: rng.getrandbits(LANES)
                     for c in dict.fromkeys([*left.values(), *right.values()])}
            values = self._aig.samples(seed, {
                e.node: drawn[c] for all_, side in ((there, left), (self._elements, right))
                for e, c in zip(all_.values(), side.values(), strict=True)})
            groups: dict[object, dict[tuple[int, int], object]] = {}
            for net, e in there.items():
                own = groups.setdefault(left[net], {})
                left[net] = own.setdefault((_known(values, e.data)[0],
                                            _known(values, e.control)[0]),
                                           (left[net], len(own)))
            for net, e in self._elements.items():
                (data, sure), (control, also) = (_known(values, e.data),
                                                 _known(values, e.control))
                # What the Verilog leaves open says nothing.
                right[net] = next((group for (d, c), group in groups.get(right[net], {}).items()
                                   if not (d ^ data) & sure and not (c ^ control) & also),
                                  (right[net], data, control))
            now = len({*left.values(), *right.values()})
            count, quiet = now, quiet + 1 if now == count else 0
            if quiet == QUIET:
                break
            left, right = _numbered(left, right)
        found = {group: net for net, group in left.items()}
        return {net: found[group] for net, group in right.items() if group in found}

    def constant(self, wanted: Sequence[Net]) -> dict[Net, Net]:
        """Which of what is lost never takes anything but 0, or but 1."""
        found: dict[Net, Net] = {}
        for constant in (0, 1):
            stays = [net for net in wanted if net not in found]
            quiet, seed = 0, 0
            while stays and quiet < QUIET:
                given = dict.fromkeys(stays, constant) | {n: int(c) for n, c in found.items()}
                values = self._aig.samples(seed, {self._elements[net].node: ONES * value
                                                  for net, value in given.items()})
                left = []
                for net in stays:
                    data, sure = _known(values, self._elements[net].data)
                    if not (data ^ ONES * constant) & sure:
                        left.append(net)
                quiet, seed = quiet + 1 if len(left) == len(stays) else 0, seed + 1
                stays = left
            found |= dict.fromkeys(stays, str(constant))
        return found


def _known(values: Sequence[int], net: Rails) -> tuple[int, int]:
    """A net in each case, and the cases in which it is not left open."""
    one, zero = (values[literal >> 1] ^ (ONES if literal & 1 else 0) for literal in net)
    return one & ~zero, one ^ zero


def _numbered(*sides: dict[Net, object]) -> list[dict[Net, object]]:
    """Classes by small numbers, so that their names do not grow from round to round."""
    numbers: dict[object, object] = {}
    return [{net: numbers.setdefault(group, len(numbers)) for net, group in side.items()}
            for side in sides]
