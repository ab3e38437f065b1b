"""Fuzzes the importer: random small graphs against onnxruntime and the package qonnx.

    python -m tests.fuzz.import_graphs --count 5000 --seed 1

Each graph is imported and run on random samples by the golden model, and by onnxruntime and qonnx
node by node. An import has one of four outcomes: equal; rejected with a reason; different (a silent
wrong value, or an import that its check rejected); or an exception that is not a ``BnnhwError``.
The last two are failures; the graphs of failures are stored in ``--keep``.
"""

from __future__ import annotations

import argparse
import collections
import re
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bnnhw.errors import BnnhwError, ModelError
from bnnhw.importers.base import Check
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.chain_node import APPROXIMATED
from bnnhw.importers.onnx.check import DEFECT
from bnnhw.importers.onnx.importer import import_onnx
from tests.fuzz.few_bits import FewBitMaker
from tests.fuzz.graph_base import CHANNELS_LAST, DOMAIN
from tests.fuzz.graphs import GraphMaker

__all__ = ["fuzz_one", "main"]

SAMPLES = 24

KINDS = (GraphMaker, FewBitMaker)
"""Even seeds make binary graphs, odd ones graphs of a few bits."""


def reference(model: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    """Run one sample node by node: onnxruntime, and qonnx for QONNX's nodes."""
    import onnxruntime
    from qonnx.custom_op.registry import getCustomOp

    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values[model.graph.input[0].name] = x
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    onnxruntime.set_default_logger_severity(4)  # qonnx makes sessions with warnings
    for node in model.graph.node:
        if node.domain in (DOMAIN, CHANNELS_LAST):
            version = next(o.version for o in model.opset_import if o.domain == DOMAIN)
            if node.domain == CHANNELS_LAST:  # it runs a standard node, and reads the output's rank
                version = next(o.version for o in model.opset_import if not o.domain)
                values[node.output[0]] = np.zeros((1,) * values[node.input[0]].ndim, np.float32)
            getCustomOp(node, onnx_opset_version=version).execute_node(values, model.graph)
            continue
        names = list(dict.fromkeys(n for n in node.input if n))
        infos = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(
            np.asarray(values[n]).dtype), np.shape(values[n])) for n in names]
        single = helper.make_model(
            helper.make_graph([node], "one", infos, [onnx.ValueInfoProto(name=n)
                                                     for n in node.output]),
            ir_version=8, opset_imports=[o for o in model.opset_import if not o.domain])
        session = onnxruntime.InferenceSession(single.SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        values.update(zip(node.output, session.run(None, {n: values[n] for n in names}),
                          strict=True))
    return values


def samples_of(maker: GraphMaker) -> tuple[np.ndarray, np.ndarray]:
    """Draw samples: as bnnhw reads them, ``[n, H, W, C]``, and as the model reads them."""
    random = np.random.default_rng(7)
    shape = [d.dim_value for d in maker.input.type.tensor_type.shape.dim][1:]
    low, high = {"bits": (0, 2), "uint8": (0, 256), "int8": (-128, 128)}[maker.input_type]
    model_order = random.integers(low, high, (6, *shape))
    model_order[0], model_order[1] = low, high - 1
    seen = {"bits": lambda v: 2 * v - 1, "uint8": lambda v: v / np.float32(255),
            "int8": lambda v: v / np.float32(127)}[maker.input_type](model_order)
    ours = model_order if maker.last or len(shape) == 1 else np.moveaxis(model_order, 1, -1)
    return ours.astype(np.int64), np.asarray(seen, dtype=np.float32)


def difference(maker: GraphMaker, model: Any, imported: Network) -> str | None:
    """Describe how an import differs from the reference on some samples; None if it does not."""
    x, seen = samples_of(maker)
    size = imported.graph.input.size
    found = imported.graph.compute(x.reshape(len(x), *imported.graph.input.shape)
                                   if size == x[0].size else x)
    bad = 0
    for k, one in enumerate(seen):
        expected = np.asarray(reference(model, one[None])[maker.current]).reshape(-1)
        bad += _differs(found, k, expected.astype(np.float64), maker)
    # Real scales and functions such as sigmoid round: if the check of the import had ties, these
    # samples can have ties, too.
    exact = maker.exact and not any(node.op_type in APPROXIMATED for node in model.graph.node)
    rounds = not exact and imported.check is not None and imported.check["ties"] > 0
    return f"{bad} of {len(seen)} samples differ" if bad and not rounds else None


def _differs(found: dict[str, np.ndarray], k: int, expected: np.ndarray,
             maker: GraphMaker) -> bool:
    if "bits" in found:
        if len(np.unique(expected)) < 2:
            return len(np.unique(found["bits"][k])) > 1
        return bool((found["bits"][k].reshape(-1) != (expected > expected.mean())).any())
    scores = found["scores"][k].reshape(-1)
    if expected.size == 1 and scores.size > 1:
        # Among equal scores, the framework may choose another one by rounding of real scales.
        chosen, label = int(expected[0]), int(found["label"][k].reshape(()))
        return chosen != label and (maker.exact or scores[chosen] != scores[label])
    noise = 1e-5 if not maker.exact else 1e-6 * np.abs(expected).max()
    order = np.sign(scores[:, None] - scores[None])
    wanted = expected[:, None] - expected[None]
    wanted = np.where(np.abs(wanted) <= noise, 0, np.sign(wanted))
    return bool((order != wanted)[wanted != 0].any())


def fuzz_one(seed: int, folder: Path, kind: type[GraphMaker] = GraphMaker) -> tuple[str, str]:
    """Make, import and compare one graph; return the outcome and its reason."""
    maker = kind(seed, exact=seed % 5 != 4)
    maker.network()
    model = maker.model()
    path = folder / "fuzz.onnx"
    path.write_bytes(model.SerializeToString())
    try:
        imported = import_onnx(path, name="fuzz", input_type=maker.input_type,
                               check=Check(SAMPLES))
    except ModelError as error:
        if error.hint == DEFECT or "cannot run it" in error.message:
            return "different", f"the import's check: {error}"
        return "rejected", re.sub(r"'[^']*'|\d+(\.\d+)?(e[-+]?\d+)?|\[[^]]*\]", "#",
                                 error.message)[:60]
    except BnnhwError as error:
        return "rejected", str(error)[:60]
    except Exception:
        return "exception", traceback.format_exc(limit=-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = difference(maker, model, imported)
    return ("different", found) if found else ("equal", "")


def main(arguments: list[str] | None = None) -> int:
    """Run the fuzzer, and return the number of failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the graphs of failures")
    options = parser.parse_args(arguments)
    outcomes: collections.Counter[str] = collections.Counter()
    reasons: collections.Counter[str] = collections.Counter()
    operators: collections.Counter[str] = collections.Counter()
    failures = 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(options.seed, options.seed + options.count):
            kind = KINDS[seed % len(KINDS)]
            outcome, reason = fuzz_one(seed, Path(scratch), kind)
            outcomes[outcome] += 1
            if outcome == "rejected":
                reasons[reason] += 1
            model = onnx.load(Path(scratch) / "fuzz.onnx")
            if outcome == "equal":
                operators.update({n.op_type for n in model.graph.node})
            if outcome in ("different", "exception"):
                failures += 1
                print(f"{kind.__name__} of seed {seed}: {outcome}: {reason}", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{seed}.onnx").write_bytes(model.SerializeToString())
    print(f"{options.count} graphs from seed {options.seed} in {time.monotonic() - begin:.0f} s: "
          + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()))
    print("rejected because: " + "; ".join(f"{n} x {r}" for r, n in reasons.most_common(12)))
    print(f"{len(operators)} operators in equal graphs: "
          + ", ".join(f"{name} {count}" for name, count in sorted(operators.items())))
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
