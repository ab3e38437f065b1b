"""Networks for tests: built from a seed, or drawn by hypothesis so that failures shrink.

``random_graph`` and ``random_map_network`` make the network of a seed, for examples that a test
names. ``chains``, ``map_networks``, ``integer_networks``, ``any_graphs`` and ``samples`` are
strategies: hypothesis draws layers, shapes, folds, weights and samples. A test of anything else
draws its arrays with ``DrawnChoices``.
"""

from tests.networks.any_graphs import any_graph
from tests.networks.chains import random_graph, random_samples
from tests.networks.choices import Choices, DrawnChoices, SeededChoices
from tests.networks.maps import Maker, random_map_network
from tests.networks.strategies import (
    any_graphs,
    chains,
    examples,
    integer_networks,
    map_networks,
    samples,
    shaped_networks,
)

__all__ = ["Choices", "DrawnChoices", "Maker", "SeededChoices", "any_graph", "any_graphs",
           "chains", "examples", "integer_networks", "map_networks", "random_graph",
           "random_map_network", "random_samples", "samples", "shaped_networks"]
