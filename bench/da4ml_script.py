"""Runs in da4ml's environment: writes da4ml's circuit for a matrix, with the ports of bnnhw."""

from __future__ import annotations

__all__ = ["DA4ML_SCRIPT"]

DA4ML_SCRIPT = r'''
import re, sys, time
from pathlib import Path

import numpy as np
from da4ml.codegen import VerilogModel
from da4ml.trace import FixedVariableArray, comb_trace
from da4ml.types import minimal_kif

matrix, name, width = np.load("matrix.npy"), sys.argv[1], int(sys.argv[2])
rows, columns = matrix.shape
begin = time.perf_counter()
zeros = np.zeros(columns, int)
x = FixedVariableArray.from_kif(zeros, zeros + 1, zeros)
# Inputs that no row reads keep their position in the port.
logic = comb_trace(x, x @ matrix.T.astype(np.float32), keep_dead_inputs=True)
model = VerilogModel(logic, f"{name}_core", "project", print_latency=False)
model.write()
seconds = time.perf_counter() - begin

core = Path(f"project/src/{name}_core.v").read_text()
used = [text for path in sorted(Path("project/src/static").glob("*.v"))
        if re.search(rf"\b{path.stem} #", core) for text in [path.read_text()]]
# da4ml derives the width of each sum from its bounds, often too large: the low bits are the sum.
parts, at = [], 0
for signed, integer, fraction in map(minimal_kif, logic.out_qint):
    assert not fraction
    bits = int(signed + integer)
    part = f"sums[{at + min(bits, width) - 1}:{at}]" if bits else f"{width}'d0"
    if 0 < bits < width:
        sign = f"sums[{at + bits - 1}]" if signed else "1'b0"
        part = f"{{{{{width - bits}{{{sign}}}}}, {part}}}"
    parts.append(part)
    at += bits
joined = ",\n    ".join(reversed(parts))
Path("peer.v").write_text("\n".join([*used, core, f"""
module {name} (input [{columns - 1}:0] x, output [{rows * width - 1}:0] y);
  wire [{at - 1}:0] sums;
  {name}_core core (x, sums);
  assign y = {{
    {joined}}};
endmodule
"""]))
Path("seconds").write_text(str(seconds))
'''
