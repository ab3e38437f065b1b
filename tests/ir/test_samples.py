"""Tests the check of the shape of sample arrays, which all functions and verbs share."""

from __future__ import annotations

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.errors import ConfigError
from bnnhw.ir import Graph, Int, TensorType, Window
from bnnhw.ir.samples import arrange_samples
from bnnhw.layers import Conv, product_sum


def map_graph(shape: tuple[int, ...]) -> Graph:
    """One convolution whose sums depend on the order of the input."""
    type_ = TensorType(shape, Int(0, 255))
    rows, columns, channels = type_.map
    window = Window((rows, columns))
    weights = np.random.default_rng(0).integers(0, 2, (4, rows * columns * channels),
                                                dtype=np.uint8)
    coefficients, const = product_sum(weights, type_.element)
    conv = Conv("conv", "input", type_, weights[None], coefficients, const, None, window=window)
    return Graph("net", type_, (conv,), (("scores", "conv"),))


def samples(shape: tuple[int, ...], count: int = 5) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *shape), dtype=np.uint8)


@pytest.mark.parametrize(("shape", "given", "layout"), [
    ((4, 6, 3), (3, 4, 6), "NCHW"),          # pictures of PyTorch
    ((4, 6, 3), (6, 4, 3), None),            # columns before rows
    ((4, 6, 3), (72,), "NHWC"),              # flat: the order of its channels is unknown
    ((9, 5), (5, 9), "NCHW"),                # signals of PyTorch
    ((9, 5), (45,), "NHWC"),
    ((8, 8, 1), (4, 16), None),
    ((784,), (28, 28), None),                # a vector has no rows and columns
    ((784,), (1, 28, 28), None),
])
def test_arrays_of_the_same_size_and_another_shape_are_rejected(
        shape: tuple[int, ...], given: tuple[int, ...], layout: str | None) -> None:
    x = samples(given)
    with pytest.raises(ConfigError) as error:
        arrange_samples(x, shape)
    assert f"has shape {x.shape}" in error.value.message
    assert f"expected [n, {', '.join(map(str, shape))}]" in error.value.message
    assert error.value.hint
    if layout:
        assert layout in str(error.value)
        assert arrange_samples(x, shape, layout).shape == (5, *shape)


@pytest.mark.parametrize(("shape", "given"), [
    ((4, 6, 3), (4, 6, 3)), ((9, 5), (9, 5)), ((784,), (784,)), ((3, 3, 3), (3, 3, 3)),
    ((8, 9, 1), (72,)), ((8, 9, 1), (8, 9)), ((8, 9, 1), (1, 8, 9)),   # one channel
    ((9, 1), (9,)), ((9, 1), (1, 9)), ((1, 1, 7), (7,)), ((1, 1, 7), (7, 1, 1)),   # one pixel
    ((784,), (784, 1)), ((784,), (1, 784)),
])
def test_unambiguous_layouts_are_accepted(shape: tuple[int, ...],
                                                      given: tuple[int, ...]) -> None:
    x = samples(given)
    for layout in (None, "NHWC"):
        found = arrange_samples(x, shape, layout)
        assert found.shape == (5, *shape)
        assert (found.ravel() == x.ravel()).all()


@pytest.mark.parametrize("shape", [(4, 6, 3), (3, 3, 3), (9, 5), (5, 5), (8, 9, 1), (1, 1, 7)])
def test_nchw_is_transposed(shape: tuple[int, ...]) -> None:
    """Also where both layouts have the same shape: the layout decides, not the sizes."""
    x = samples(shape)
    first = np.moveaxis(x, -1, 1)
    for given in (first, first.reshape(len(x), -1)):
        assert (arrange_samples(given, shape, "NCHW") == x).all()
        assert (arrange_samples(given, shape, "nchw") == x).all()
    graph = map_graph(shape)
    expected = graph.compute(x)["scores"]
    for level in ("reference", "fast", "packed"):
        assert (golden.run(graph, first, level, layout="NCHW")["scores"] == expected).all()
    assert (golden.run_all(graph, first, layout="NCHW")["conv"] == expected).all()
    assert (graph.compute(first, layout="NCHW")["scores"] == expected).all()


def test_nchw_of_samples_in_the_network_layout_is_rejected() -> None:
    with pytest.raises(ConfigError, match=r"\(5, 4, 6, 3\), expected \[n, 3, 4, 6\].*layout=NHWC"):
        arrange_samples(samples((4, 6, 3)), (4, 6, 3), "NCHW")


@pytest.mark.parametrize("shape", [(4, 6, 3), (9, 5)])
def test_golden_rejects_another_shape(shape: tuple[int, ...]) -> None:
    graph, x = map_graph(shape), samples(shape)
    first = np.moveaxis(x, -1, 1)
    for call in (golden.run, golden.run_all, Graph.compute, Graph.compute_all,
                 Graph.check_input, Graph.accept_input):
        with pytest.raises(ConfigError, match="expected"):
            call(graph, first)


def test_one_sample_needs_its_axis() -> None:
    with pytest.raises(ConfigError, match=r"\(4, 6, 3\), expected \[n, 4, 6, 3\].*x\[None\]"):
        arrange_samples(samples((4, 6, 3))[0], (4, 6, 3))
    with pytest.raises(ConfigError, match=r"has shape \(\), expected \[n, 4\]"):
        arrange_samples(np.array(3), (4,))


def test_layouts_have_names() -> None:
    with pytest.raises(ConfigError, match="layout 'HWNC' must be one of NHWC, NCHW"):
        arrange_samples(samples((4, 6, 3)), (4, 6, 3), "HWNC")
