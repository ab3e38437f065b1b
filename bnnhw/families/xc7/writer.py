"""Writes netlists as LUT1 to LUT6, LUT6_2 and CARRY4 cells of the AMD 7 series."""

from __future__ import annotations

from collections.abc import Sequence

from bnnhw.logic.cells import Lut, Slot
from bnnhw.logic.truth_tables import value
from bnnhw.logic.writer import Names

__all__ = ["pairs_of", "xc7_cells", "xc7_luts"]

ZERO = "1'b0"


def xc7_cells(names: Names) -> list[str]:
    """Instances of all live cells."""
    lines = []
    for stage, pairs in _pairs(names).items():
        for pair in pairs:
            if len(pair) == 1:
                lut = pair[0]
                nets = [names.read(bit, stage) for bit in lut.ins]
                lines.append(_lut(f"l{lut.out}", nets, lut.table, names.wire(lut.out)))
                continue
            ins = sorted({bit for lut in pair for bit in lut.ins})
            tables = [_over(ins, lut.ins, lut.table) for lut in pair]
            lines.append(_double(f"l{pair[0].out}", [names.read(b, stage) for b in ins],
                                 tables[1], tables[0], names.wire(pair[1].out),
                                 names.wire(pair[0].out)))
    for number, chain in enumerate(names.chains):
        stage = names.stage_of(chain)
        assert chain.inject is None
        into, below = names.literal(chain.carry, stage), ZERO
        for first in range(0, len(chain.slots), 4):
            tag = f"{number}_{first}"
            part = chain.slots[first:first + 4]
            pins = [_slot(lines, names, slot, stage, f"{tag}_{k}") for k, slot in enumerate(part)]
            select, data = ("{" + ", ".join([ZERO] * (4 - len(pins)) + [p[k] for p in pins[::-1]])
                            + "}" for k in (0, 1))
            lines.append(f"wire [3:0] o{tag}, k{tag};")
            lines.append(f"CARRY4 a{tag}(.CI({below}), .CYINIT({into}), .DI({data}), "
                         f".S({select}), .O(o{tag}), .CO(k{tag}));")
            for k, slot in enumerate(part):
                lines += [f"assign {names.wire(bit)} = {net}{tag}[{k}];"
                          for bit, net in ((slot.total, "o"), (slot.carry, "k"))
                          if bit in names.used]
            into, below = ZERO, f"k{tag}[3]"
    return lines


def xc7_luts(names: Names) -> int:
    """LUTs of those instances; a LUT6_2 is one."""
    return sum(map(len, _pairs(names).values())) + \
        sum(_needs_lut(slot) for chain in names.chains for slot in chain.slots)


def _pairs(names: Names) -> dict[int, list[tuple[Lut, ...]]]:
    """Logic functions by stage; two of one stage may share a LUT6_2."""
    by_stage: dict[int, list[Lut]] = {}
    for lut in names.luts:
        by_stage.setdefault(names.stage_of(lut), []).append(lut)
    return {stage: pairs_of(luts) for stage, luts in by_stage.items()}


def _needs_lut(slot: Slot) -> bool:
    """Whether the propagate function of a slot is neither a plain wire nor a constant."""
    return len(slot.ins) > 1 or (len(slot.ins) == 1 and slot.p != 0b10)


def _slot(lines: list[str], names: Names, slot: Slot, stage: int, tag: str) -> tuple[str, str]:
    """Nets of S and DI of a slot; adds the LUT that computes them."""
    nets = [names.read(bit, stage) for bit in slot.ins]
    if not _needs_lut(slot):
        return nets[0] if nets else f"1'b{slot.p & 1}", f"1'b{slot.g & 1}"
    plain = _plain_generate(slot)
    s, d = f"s{tag}", f"d{tag}"
    if plain is not None:
        lines += [f"wire {s};", _lut(f"p{tag}", nets, slot.p, s)]
        return s, nets[plain] if plain >= 0 else f"1'b{-plain - 1}"
    lines += [f"wire {s}, {d};", _double(f"p{tag}", nets, slot.p, slot.g, s, d)]
    return s, d


def _plain_generate(slot: Slot) -> int | None:
    """Input that equals g wherever p is 0; -1 for constant 0, -2 for constant 1; else None."""
    where = [v for v in range(1 << len(slot.ins)) if not value(slot.p, v)]
    for k in range(len(slot.ins)):
        if all(value(slot.g, v) == v >> k & 1 for v in where):
            return k
    for constant in (0, 1):
        if all(value(slot.g, v) == constant for v in where):
            return -1 - constant
    return None


def _over(ins: Sequence[int], read: Sequence[int], function: int) -> int:
    """Truth table over ``ins`` of a function of the inputs ``read``."""
    positions = [ins.index(bit) for bit in read]
    return sum(value(function, sum((v >> p & 1) << k for k, p in enumerate(positions))) << v
               for v in range(1 << len(ins)))


def _lut(name: str, nets: list[str], function: int, out: str) -> str:
    size = 1 << len(nets)
    pins = "".join(f".I{k}({net}), " for k, net in enumerate(nets))
    return f"LUT{len(nets)} #(.INIT({size}'h{function & ((1 << size) - 1):x})) {name}" \
           f"({pins}.O({out}));"


def _double(name: str, nets: list[str], high: int, low: int, o6: str, o5: str) -> str:
    """Two functions of at most five inputs in one LUT6_2: I5 = 1 selects the upper half for O6."""
    mask = (1 << len(nets)) - 1
    init = sum((value(high, v & mask) << 32 | value(low, v & mask)) << v for v in range(32))
    pins = "".join(f".I{k}({net}), " for k, net in enumerate([*nets, *["1'b0"] * (5 - len(nets))]))
    return f"LUT6_2 #(.INIT(64'h{init:016x})) {name}({pins}.I5(1'b1), .O6({o6}), .O5({o5}));"


def pairs_of(luts: Sequence[Lut]) -> list[tuple[Lut, ...]]:
    """Group logic functions by LUT: two of at most five different inputs share a LUT6_2."""
    pairs: list[tuple[Lut, ...]] = []
    waiting: dict[int, Lut] = {}
    for lut in luts:
        partner = next((k for k, other in waiting.items()
                        if len({*lut.ins, *other.ins}) <= 5), None) if len(lut.ins) <= 4 else None
        if partner is not None:
            pairs.append((waiting.pop(partner), lut))
        elif len(lut.ins) <= 4:
            waiting[lut.out] = lut
            if len(waiting) > 64:
                pairs.append((waiting.pop(next(iter(waiting))),))
        else:
            pairs.append((lut,))
    return pairs + [(lut,) for lut in waiting.values()]
