"""Turns a trained binary neural network into hardware that is proven bit-exact.

>>> import bnnhw
>>> net = bnnhw.load("mnist_tfc")
>>> design = bnnhw.generate(net, device="up5k", fps=1000, clock_mhz=18)

Every name is imported when it is first used, so that ``import bnnhw`` takes a few milliseconds.
"""

import importlib
import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bnnhw.api.catalogue import boards, devices
    from bnnhw.api.generation import generate
    from bnnhw.api.loading import load
    from bnnhw.api.sequential import Sequential
    from bnnhw.emit.design import Design
    from bnnhw.errors import (
        BnnhwError,
        ConfigError,
        FitError,
        LinkError,
        MismatchError,
        ModelError,
        PlanError,
        TimingError,
        ToolError,
    )
    from bnnhw.hostlink.driver.build import Build
    from bnnhw.importers.brevitas_model import from_brevitas
    from bnnhw.importers.comparison import Comparison
    from bnnhw.importers.network import Network
    from bnnhw.importers.torch_model.importer import from_torch

__all__ = [
    "BnnhwError",
    "Build",
    "Comparison",
    "ConfigError",
    "Design",
    "FitError",
    "LinkError",
    "MismatchError",
    "ModelError",
    "Network",
    "PlanError",
    "Sequential",
    "TimingError",
    "ToolError",
    "__version__",
    "boards",
    "devices",
    "from_brevitas",
    "from_torch",
    "generate",
    "load",
]

_HOMES = {
    "Build": "hostlink.driver.build",
    "Comparison": "importers.comparison",
    "Design": "emit.design",
    "Network": "importers.network",
    "Sequential": "api.sequential",
    "boards": "api.catalogue",
    "devices": "api.catalogue",
    "from_brevitas": "importers.brevitas_model",
    "from_torch": "importers.torch_model.importer",
    "generate": "api.generation",
    "load": "api.loading",
}
"""Modules of the public names; every other one is an error class."""

_FOLDER = Path(__file__).parent
_SIBLINGS = ("designs", "platforms", "sim")


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'bnnhw' has no attribute '{name}'")
    module = importlib.import_module(f"bnnhw.{_HOMES.get(name, 'errors')}")
    value: object = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _SourceTree:
    """Finds the packages ``bnnhw.designs``, ``platforms`` and ``sim`` of a source tree.

    An installation has them inside the package; a source tree has them next to it. Python prefers
    the package of a source tree to an installed one whenever it runs in the root of that tree.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        parent, _, folder = name.partition(".")
        if parent != __name__ or folder not in _SIBLINGS:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [str(_FOLDER.parent)], target)


if not (_FOLDER / "sim").is_dir() and _SourceTree not in sys.meta_path:
    sys.meta_path.append(_SourceTree)
