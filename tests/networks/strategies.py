"""Strategies of hypothesis for networks and their samples."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from bnnhw.config.hints import Hints
from bnnhw.ir import Graph
from tests.networks.any_graphs import make_any_graph
from tests.networks.chains import make_chain, make_samples
from tests.networks.choices import DrawnChoices
from tests.networks.integer_ranges import make_integer_network
from tests.networks.maps import make_map_network, make_shaped_network

__all__ = ["any_graphs", "chains", "examples", "integer_networks", "map_networks", "samples",
           "shaped_networks"]

TAILS = ("scores", "bits", "label", "both")
SIZES = st.integers(1, 12)
NIGHTLY_FACTOR = 10
"""How many times as many examples the profile ``nightly`` draws."""


def examples(count: int) -> settings:
    """Settings of a test with a number of examples, and more in the profile ``nightly``."""
    nightly = settings.get_current_profile_name() == "nightly"
    return settings(max_examples=count * NIGHTLY_FACTOR if nightly else count)


@st.composite
def chains(draw: st.DrawFn, sizes: st.SearchStrategy[int] = SIZES, layers: int = 3) -> Graph:
    """Chains of one to ``layers`` dense layers, whose vectors have the given sizes."""
    drawn = draw(st.lists(sizes, min_size=2, max_size=layers + 1))
    return make_chain(DrawnChoices(draw), drawn, pixels=draw(st.booleans()),
                      unipolar=draw(st.booleans()), tail=draw(st.sampled_from(TAILS)),
                      affine=draw(st.booleans()))


@st.composite
def map_networks(draw: st.DrawFn, steps: int = 4) -> tuple[Graph, Hints]:
    """Networks on maps and signals that a streaming design can have, and folds by hand."""
    choices = DrawnChoices(draw)
    return make_map_network(choices, choices, steps)


@st.composite
def shaped_networks(draw: st.DrawFn, steps: int = 4) -> tuple[Graph, Hints]:
    """Networks whose layers divide numbers, multiply maps or move pixels, and folds by hand."""
    return make_shaped_network(DrawnChoices(draw), steps)


@st.composite
def integer_networks(draw: st.DrawFn, steps: int = 4) -> tuple[Graph, Hints]:
    """Networks on maps of integers of one to eight bits, and folds by hand."""
    return make_integer_network(DrawnChoices(draw), steps)


@st.composite
def any_graphs(draw: st.DrawFn, layers: int = 8) -> Graph:
    """Graphs of up to ``layers`` layers of any kind, with any legal parameters."""
    return make_any_graph(DrawnChoices(draw), draw(st.integers(1, layers)))


@st.composite
def samples(draw: st.DrawFn, graph: Graph, count: int) -> np.ndarray:
    """Arrays of ``count`` samples over the input range of ``graph``, its ends among them."""
    return make_samples(DrawnChoices(draw), graph, count)
