"""Host driver of a board: sends samples, receives outputs, measures cycles and time.

It needs numpy and pydantic, and pyserial for a serial port, but no package that generates hardware:
the files ``board.json`` and ``core.json`` of a build folder describe the board completely.
"""

from bnnhw.golden.comparison import Mismatch
from bnnhw.hostlink.driver.accelerator import Accelerator
from bnnhw.hostlink.driver.build import Build, load_build
from bnnhw.hostlink.driver.results import Inference, Throughput, Validation

__all__ = ["Accelerator", "Build", "Inference", "Mismatch", "Throughput", "Validation",
           "load_build"]
