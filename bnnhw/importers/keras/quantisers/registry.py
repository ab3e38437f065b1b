"""Finds quantisers and activation functions by their names in Keras, Larq and QKeras.

A new quantiser is a class with the framework's expression, and one line in ``QUANTISERS``.
"""

from __future__ import annotations

from bnnhw.errors import ModelError
from bnnhw.importers.keras.quantisers import larq, qkeras_base
from bnnhw.importers.keras.quantisers.base import Elementwise, Quantiser
from bnnhw.importers.keras.quantisers.functions import FUNCTIONS
from bnnhw.importers.keras.quantisers.identifier import arguments, read_identifier
from bnnhw.importers.keras.quantisers.qkeras_fixed_point import (
    QuantizedBits,
    QuantizedRelu,
    QuantizedTanh,
)
from bnnhw.importers.keras.quantisers.qkeras_signs import Binary, Ternary

__all__ = ["find_function", "find_quantiser", "is_softmax"]

QUANTISERS: dict[str, type[Quantiser]] = {
    **dict.fromkeys(("ste_sign", "SteSign", "approx_sign", "ApproxSign", "swish_sign",
                     "SwishSign"), larq.Sign),
    **dict.fromkeys(("magnitude_aware_sign", "MagnitudeAwareSign"), larq.MagnitudeSign),
    **dict.fromkeys(("ste_heaviside", "SteHeaviside"), larq.Heaviside),
    **dict.fromkeys(("ste_tern", "SteTern"), larq.Ternary),
    **dict.fromkeys(("dorefa_quantizer", "DoReFa", "DoReFaQuantizer"), larq.DoReFa),
    **dict.fromkeys(("NoOp", "NoOpQuantizer"), larq.NoOp),
    "quantized_bits": QuantizedBits, "binary": Binary, "ternary": Ternary,
    "quantized_relu": QuantizedRelu, "quantized_tanh": QuantizedTanh,
}

INTEGERS = ("bits", "integer", "k_bit", "number_of_unrolls", "precision")
"""Arguments that are integers."""

TEXTS = ("auto", "auto_po2", "activations", "weights")
"""Texts that an argument may be."""

STOCHASTIC = ("bernoulli", "stochastic_binary", "stochastic_ternary")


def find_quantiser(value: object, where: str) -> Quantiser | None:
    """Make the quantiser that a model names; None where it names none.

    Raises
    ------
    ModelError
        It is unknown, or has arguments that are not supported.
    """
    identifier = read_identifier(value, where)
    if identifier is None:
        return None
    kind = QUANTISERS.get(identifier.name)
    if kind is None:
        if identifier.name in STOCHASTIC:
            raise ModelError(f"quantises with '{identifier.name}', which draws random numbers",
                             where=where, hint="train with binary or ternary")
        raise ModelError(f"quantises with '{identifier.name}', which is not supported, expected "
                         f"one of {', '.join(sorted(QUANTISERS))}", where=where)
    if identifier.keywords.get("qnoise_factor", 1.0) != 1.0:
        raise ModelError(f"quantises with qnoise_factor = {identifier.keywords['qnoise_factor']}, "
                         "so that only a part of each value is quantised", where=where,
                         hint="train up to qnoise_factor = 1.0")
    given = arguments(kind, identifier, larq.IGNORED | qkeras_base.IGNORED | {"qnoise_factor"},
                      where)
    for key, argument in given.items():
        given[key] = _argument(identifier.name, key, argument, where)
    return kind(**given)


def _argument(name: str, key: str, value: object, where: str) -> object:
    """Check the argument of a quantiser."""
    if isinstance(value, (bool, int, float)) and abs(value) < 1e9:
        if key not in INTEGERS:
            return value
        if value == int(value):
            return int(value)
        raise ModelError(f"gives '{name}' {key} = {value!r}, expected an integer", where=where)
    if key not in INTEGERS and (value is None or value in TEXTS):
        return value
    raise ModelError(f"gives '{name}' {key} = {str(value)[:80]}, expected a number, 'auto' or "
                     "'auto_po2'", where=where)


def find_function(value: object, where: str) -> Elementwise:
    """Make the activation function or quantiser that a model names; without one, the identity."""
    identifier = read_identifier(value, where)
    if identifier is None:
        return FUNCTIONS["linear"]
    known = FUNCTIONS.get(identifier.name)
    if known is not None and not identifier.positional:
        return known
    if identifier.name not in QUANTISERS and identifier.name not in STOCHASTIC:
        raise ModelError(f"has the activation '{identifier.name}', which is not supported, "
                         f"expected one of {', '.join(sorted([*FUNCTIONS, *QUANTISERS]))}",
                         where=where)
    quantiser = find_quantiser(value, where)
    assert quantiser is not None
    return quantiser


def is_softmax(value: object, where: str) -> bool:
    """Whether a model names the function softmax."""
    identifier = read_identifier(value, where)
    return identifier is not None and identifier.name == "softmax"
