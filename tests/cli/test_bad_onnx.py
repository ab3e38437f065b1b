"""Tests invalid ONNX files: one line of error, and no half-written file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.rejection import check_rejected


def chain(folder: Path) -> Any:
    from tests.importers.vector_models import Builder
    b = Builder([1, 6]).matmul(4).bipolar().matmul(3)
    model = b.model()
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    return model


def save(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(model.SerializeToString())


def truncate(model: Any, folder: Path) -> None:
    raw = model.SerializeToString()
    (folder / "m.onnx").write_bytes(raw[:len(raw) * 2 // 3])


def external(model: Any, folder: Path) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    tensor.external_data.add(key="location", value="../../etc/passwd")
    save(model, folder)


def cycle(model: Any, folder: Path) -> None:
    model.graph.node[1].input[0] = model.graph.node[-1].output[0]
    save(model, folder)


def dangling(model: Any, folder: Path) -> None:
    model.graph.node[1].input[0] = "undefined"
    save(model, folder)


def unsupported(model: Any, folder: Path) -> None:
    model.graph.node[2].op_type = "LSTM"
    model.graph.node[2].domain = ""
    save(model, folder)


def huge_tensor(model: Any, folder: Path) -> None:
    model.graph.initializer[0].dims[:] = [1 << 20, 1 << 20]
    save(model, folder)


def huge_input(model: Any, folder: Path) -> None:
    for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]:
        dim.dim_value = 1 << 40
    save(model, folder)


def dynamic_input(model: Any, folder: Path) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    save(model, folder)


def unknown_type(model: Any, folder: Path) -> None:
    model.graph.initializer[0].data_type = 119
    save(model, folder)


def short_tensor(model: Any, folder: Path) -> None:
    model.graph.initializer[0].raw_data = b"1234"
    save(model, folder)


def rubbish(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"\x01\xff no model")


def pickled(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"\x80\x04pickle me")


def empty(model: Any, folder: Path) -> None:
    (folder / "m.onnx").write_bytes(b"")


BAD_ONNX: dict[str, tuple[Callable[[Any, Path], None], str]] = {
    "truncated": (truncate, "cut short"),
    "external data": (external, "outside of the model's folder"),
    "cycle": (cycle, "is part of a cycle"), "dangling": (dangling, "which no node or tensor "
                                                           "defines"),
    "unsupported": (unsupported, "the operator 'LSTM' is not supported"),
    "huge tensor": (huge_tensor, "expected at most"),
    "huge input": (huge_input, "elements, expected at most"),
    "dynamic input": (dynamic_input, "with known sizes"),
    "unknown type": (unknown_type, "is broken"), "short tensor": (short_tensor, "is broken"),
    "rubbish": (rubbish, "is not an ONNX model"), "pickle": (pickled, "is a Python pickle"),
    "empty": (empty, "cut short"),
}


@pytest.mark.parametrize("name", BAD_ONNX)
def test_bad_onnx(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
    spoil, text = BAD_ONNX[name]
    spoil(chain(tmp_path), tmp_path)
    check_rejected(text, "import", "m.onnx", "-o", "net", "--input", "bits", cwd=tmp_path)


def test_missing_onnx(tmp_path: Path) -> None:
    check_rejected("cannot be read", "import", "no.onnx", "-o", "net", cwd=tmp_path)
