"""Tests that fill levels are measured only where a core has probes for them."""

from __future__ import annotations

import pytest

from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.sim.levels import check_measurable, measure_levels
from tests.networks import random_graph, random_samples

GRAPH = random_graph([21, 10, 9, 6], seed=2)


def test_a_core_of_jobs_has_no_levels() -> None:
    """An empty result would read as if no buffer was too small."""
    jobs = generate(Network(GRAPH, {}, ()), "yodann", get_device("generic"), Goal(),
                    core="ni=2,no=2,kernel=3,depth=16,bank=8")
    for measure in (lambda: check_measurable(jobs),
                    lambda: measure_levels(jobs, random_samples(GRAPH, 2))):
        with pytest.raises(ConfigError, match=r"'yodann' has no buffers.*`buffers=True`"):
            measure()


@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_cores_of_streams_are_measurable(arch: str) -> None:
    check_measurable(generate(Network(GRAPH, {}, ()), arch, get_device("generic"), Goal()))
