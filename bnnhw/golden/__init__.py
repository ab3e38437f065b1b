"""Running a Graph in levels that are equal by ``==``.

``reference`` is ``Graph.compute_all`` itself, the only authority; ``fast`` uses float32 BLAS,
``packed`` the hardware's own bit order, ``compiled`` numba (an extra).
"""

from bnnhw.golden.run import LEVELS, run, run_all

__all__ = ["LEVELS", "run", "run_all"]
