"""Golden models: implementations of a Graph of different speed that give equal integers.

``reference`` is ``Graph.compute_all`` and defines the result. ``fast`` uses float32 BLAS,
``packed`` the bit order of the hardware, and ``compiled`` numba (an extra).
"""

from bnnhw.golden.run import LEVELS, run, run_all

__all__ = ["LEVELS", "run", "run_all"]
