"""The host's side of a board: samples in, outputs out, and what they took.

It needs numpy, and pyserial for a serial port; nothing that generates hardware. A build folder's
``board.json`` and ``core.json`` say all about the board that it has to know.
"""

from bnnhw.hostlink.driver.accelerator import Accelerator
from bnnhw.hostlink.driver.build import Build, load_build
from bnnhw.hostlink.driver.results import Inference, Mismatch, Throughput, Validation

__all__ = ["Accelerator", "Build", "Inference", "Mismatch", "Throughput", "Validation",
           "load_build"]
