"""bnnhw: from a trained binary neural network to hardware that is proven bit-exact."""

import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

__version__ = "0.1.0"

_FOLDER = Path(__file__).parent
_SIBLINGS = ("designs", "platforms", "sim")


class _SourceTree:
    """Finds ``bnnhw.sim`` and its like beside this package, where a source tree has them.

    An installation has them inside the package. Python prefers the package of a source tree to an
    installed one whenever it runs in the root of that tree.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None,
                  target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        parent, _, own = name.partition(".")
        if parent != __name__ or own not in _SIBLINGS:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [str(_FOLDER.parent)], target)


if not (_FOLDER / "sim").is_dir() and _SourceTree not in sys.meta_path:
    sys.meta_path.append(_SourceTree)
