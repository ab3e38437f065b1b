"""Executes a model with onnxruntime and the package qonnx, sharing no code with the importer.

Standard nodes run in onnxruntime without graph optimisations, QONNX's nodes in the package qonnx.
Nodes that read only constants run once; the others run for each sample, in segments of standard
nodes between QONNX's nodes.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.errors import ModelError, ToolError
from bnnhw.extras import install_command
from bnnhw.importers.onnx.channels_last import CHANNELS_LAST, is_rewritten
from bnnhw.importers.onnx.model_file import SMALL_INTEGERS, node_label, onnx_module
from bnnhw.importers.onnx.node_graph import NodeGraph
from bnnhw.importers.onnx.operators import QUANT_DOMAINS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, OperatorSetIdProto
    from onnxruntime import InferenceSession

__all__ = ["OnnxExecution"]

IR_VERSION = 10
"""Newest file format that all supported releases of onnxruntime read."""

Context = dict[str, np.ndarray]

Runner = Callable[[Context], None]


def _versions(nodes: Sequence[NodeProto]) -> str:
    """Return the names and versions of the packages that execute these nodes.

    Raises
    ------
    ToolError
        One of them is not installed.
    """
    packages = ["onnxruntime"] + (["qonnx"] if any(map(_is_custom, nodes)) else [])
    try:
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolError(f"the import cannot be checked: the package {error.name} is not installed",
                        hint=f"{install_command('onnx')}, or skip this comparison") from None


class OnnxExecution:
    """Runs a model sample by sample and returns any of its tensors.

    Parameters
    ----------
    graph : NodeGraph
    opset_imports : sequence of OperatorSetIdProto

    Attributes
    ----------
    versions, tensors
        See ``Executor``.

    Raises
    ------
    ToolError
        onnxruntime, or qonnx for a model with its operators, is not installed.
    """

    tensors = None

    def __init__(self, graph: NodeGraph, opset_imports: Sequence[OperatorSetIdProto]) -> None:
        self.versions = _versions(graph.nodes)
        self._input, self._opsets = graph.input_name, list(opset_imports)
        self._dtype = np.dtype(graph.integers or np.float32)
        self._constants = dict(graph.constants)
        fixed, moving, known = [], [], {"", *graph.constants}
        for node in graph.nodes:
            if all(source in known for source in node.input):
                fixed.append(node)
                known.update(node.output)
            else:
                moving.append(node)
        for runner in self._runners(fixed):
            runner(self._constants)
        self._moving = self._runners(moving)

    def run(self, x: np.ndarray, wanted: Collection[str]) -> Context:
        """Run one sample, in the shape of the model's input, and return some of the tensors."""
        context = {**self._constants, self._input: x.astype(self._dtype)}
        for runner in self._moving:
            runner(context)
        return {name: context[name] for name in wanted}

    def _runners(self, nodes: Sequence[NodeProto]) -> list[Runner]:
        """Split the nodes into segments of standard nodes, and single nodes of QONNX."""
        runners: list[Runner] = []
        segment: list[NodeProto] = []
        for node in nodes:
            if not _is_custom(node):
                segment.append(node)
                continue
            if segment:
                runners.append(_Segment(segment, self._constants, self._opsets))
                segment = []
            runners.append(_Custom(node, self._opsets))
        if segment:
            runners.append(_Segment(segment, self._constants, self._opsets))
        return runners


def _is_custom(node: NodeProto) -> bool:
    return str(node.domain).startswith(QUANT_DOMAINS)


@contextlib.contextmanager
def _quiet_onnxruntime() -> Iterator[None]:
    """Suppress warnings of sessions that the package qonnx makes, such as about output shapes."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)


class _Segment:
    """Standard nodes in one session of onnxruntime, made when the types of its inputs are known."""

    def __init__(self, nodes: list[NodeProto], constants: Context,
                 opsets: list[OperatorSetIdProto]) -> None:
        self._nodes, self._constants, self._opsets = nodes, constants, opsets
        self._session: Any = None
        self._fetched: list[str] = []
        made = {name for node in nodes for name in node.output}
        read = dict.fromkeys(s for node in nodes for s in node.input if s and s not in made)
        self._fixed = [name for name in read if name in constants]
        self._fed = [name for name in read if name not in constants]
        self._given = [name for node in nodes for name in node.output if name]

    def __call__(self, context: Context) -> None:
        feeds = {name: context[name] for name in self._fed}
        try:
            if self._session is None:
                self._session = self._make(feeds)
            found = self._session.run(self._fetched, feeds)
        except Exception as error:  # onnxruntime raises exceptions of many types
            reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"onnxruntime cannot run it: {reason}",
                             where=f"{node_label(self._nodes[0])} or a node after it",
                             hint="check the model with onnx.checker, or skip this comparison"
                             ) from None
        context.update(zip(self._given, found, strict=True))

    def _make(self, feeds: Context) -> InferenceSession:
        import onnxruntime

        onnx = onnx_module()
        helper = onnx.helper
        infos = [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in feeds.items()]
        fixed = [onnx.numpy_helper.from_array(self._constants[name], name) for name in self._fixed]
        graph = helper.make_graph(self._nodes, "segment", infos,
                                  [onnx.ValueInfoProto(name=name) for name in self._given], fixed)
        model = _widened(helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[
            o for o in self._opsets if o.domain in ("", "ai.onnx")]))
        self._fetched = [output.name for output in model.graph.output]
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        return onnxruntime.InferenceSession(model.SerializeToString(), options,
                                            providers=["CPUExecutionProvider"])


def _widened(model: ModelProto) -> ModelProto:
    """Return integers of fewer than 8 bits, which numpy does not have, as 8 bits."""
    onnx = onnx_module()
    small = {getattr(onnx.TensorProto, name.upper()) for name in SMALL_INTEGERS
             if hasattr(onnx.TensorProto, name.upper())}
    if not any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        return model
    inferred = onnx.shape_inference.infer_shapes(model)
    types = {info.name: info.type.tensor_type.elem_type for info in inferred.graph.output}
    for output in model.graph.output:
        if types.get(output.name) in small:
            wide = f"{output.name}/wide"
            model.graph.node.append(onnx.helper.make_node(
                "Cast", [output.name], [wide], to=onnx.TensorProto.INT8))
            output.name = wide
    return model


class _Custom:
    """Runs a node of QONNX in the package qonnx."""

    def __init__(self, node: NodeProto, opsets: list[OperatorSetIdProto]) -> None:
        from qonnx.custom_op.registry import getCustomOp

        self._node = type(node)()
        self._node.CopyFrom(node)
        standard = next((o.version for o in opsets if o.domain in ("", "ai.onnx")), 13)
        version = next((o.version for o in opsets if o.domain == node.domain), 1)
        if node.domain == CHANNELS_LAST:  # it runs a standard node of this version
            version = standard
        else:
            self._node.domain = "qonnx.custom_op.general"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._op = getCustomOp(self._node, onnx_opset_version=version)

    def __call__(self, context: Context) -> None:
        if is_rewritten(self._node):  # such operators read the number of axes of their output
            rank = context[self._node.input[0]].ndim
            context.setdefault(self._node.output[0], np.zeros((1,) * rank, dtype=np.float32))
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"), _quiet_onnxruntime():
                warnings.simplefilter("ignore")
                self._op.execute_node(context, None)
            for name in self._node.output:  # parameters of wider types must not change the type
                context[name] = np.asarray(context[name], dtype=np.float32)
        except Exception as error:  # each operator raises different exceptions
            raise ModelError(f"the package qonnx cannot run it: {error}",
                             where=node_label(self._node),
                             hint="skip this comparison, or export the model again") from None
