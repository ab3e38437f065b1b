"""Trains the small Larq and QKeras models of this folder, and records what the framework computes.

Run it in an environment with TensorFlow 2.15, larq, qkeras and scikit-learn:

    python make_models.py [NAME ...]

Each model learns the 8 x 8 digits of scikit-learn for a few epochs. ``NAME.h5`` or ``NAME.keras``
is what ``model.save`` writes; ``NAME.npz`` has 64 samples as pixels of 0 to 255, the scores before
the softmax, and the labels, as the framework computes them.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import larq as lq
import numpy as np
import qkeras as qk
import tensorflow as tf
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parent
SAMPLES = 64
Tensor = tf.Tensor
layers = tf.keras.layers


def sign(**options: object) -> dict[str, object]:
    """Options of a Larq layer with binary weights and activations."""
    return {"input_quantizer": "ste_sign", "kernel_quantizer": "ste_sign",
            "kernel_constraint": "weight_clip", "use_bias": False, **options}


def first(**options: object) -> dict[str, object]:
    """Options of a Larq layer with binary weights that reads pixels."""
    return sign(input_quantizer=None, **options)


def larq_mlp() -> tf.keras.Model:
    return tf.keras.Sequential([
        layers.Flatten(input_shape=(8, 8, 1)),
        lq.layers.QuantDense(32, **first()), layers.BatchNormalization(scale=False),
        lq.layers.QuantDense(32, **sign()), layers.BatchNormalization(),
        lq.quantizers.SteSign(), layers.Dropout(0.1),
        lq.layers.QuantDense(10, **sign(input_quantizer=None, use_bias=True)),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_tutorial() -> tf.keras.Model:
    """The model of Larq's MNIST tutorial, narrower, with pixels from -1 to 1."""
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(8, 3, input_shape=(8, 8, 1), **first()),
        layers.BatchNormalization(scale=False),
        lq.layers.QuantConv2D(12, 3, **sign()),
        layers.MaxPooling2D((2, 2)), layers.BatchNormalization(scale=False),
        layers.Flatten(), lq.layers.QuantDense(24, **sign()),
        layers.BatchNormalization(scale=False), lq.layers.QuantDense(10, **sign()),
        layers.BatchNormalization(scale=False), layers.Activation("softmax")])


def larq_pad_values() -> tf.keras.Model:
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(12, 3, padding="same", input_shape=(8, 8, 1), **first()),
        layers.BatchNormalization(scale=False),
        lq.layers.QuantConv2D(12, 3, padding="same", pad_values=1.0, strides=2, **sign()),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(16, 3, padding="same", **sign()),
        layers.MaxPool2D(2), layers.BatchNormalization(center=False),
        layers.Flatten(), lq.layers.QuantDense(10, **sign()),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_residual() -> tf.keras.Model:
    """Sums of two convolutions, whose scales have a common unit."""
    x = start = tf.keras.Input((8, 8, 1))
    x = lq.layers.QuantConv2D(8, 3, padding="same", **first())(x)
    x = layers.BatchNormalization()(x)
    x = lq.layers.QuantConv2D(8, 3, padding="same", **sign())(x)
    y = layers.BatchNormalization()(x)
    y = lq.layers.QuantConv2D(8, 3, padding="same", **sign(input_quantizer="approx_sign"))(y)
    x = layers.Add()([x, y])
    y = layers.BatchNormalization()(x)
    y = lq.layers.QuantConv2D(8, 3, padding="same", **sign(
        kernel_quantizer="magnitude_aware_sign"))(y)
    y = layers.BatchNormalization()(y)
    x = lq.layers.QuantConv2D(16, 3, padding="same", strides=2, **sign())(y)
    x = layers.BatchNormalization()(x)
    x = lq.quantizers.SteSign()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = lq.layers.QuantDense(10, kernel_quantizer="ste_sign")(x)
    return tf.keras.Model(start, layers.Softmax()(x))


def larq_bireal() -> tf.keras.Model:
    """Blocks of Bi-Real Net, whose shortcuts the import adds in fixed point."""
    x = start = tf.keras.Input((8, 8, 1))
    x = lq.layers.QuantConv2D(8, 3, padding="same", **first())(x)
    x = layers.BatchNormalization()(x)
    for _ in range(2):
        y = lq.layers.QuantConv2D(8, 3, padding="same", **sign(
            input_quantizer="approx_sign", kernel_quantizer="magnitude_aware_sign"))(x)
        y = layers.BatchNormalization()(y)
        x = layers.Add()([x, y])
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = lq.layers.QuantDense(10, **sign())(x)
    return tf.keras.Model(start, layers.Softmax()(layers.BatchNormalization()(x)))


def larq_dorefa() -> tf.keras.Model:
    bits = lq.quantizers.DoReFa(k_bit=2)
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(8, 3, input_shape=(8, 8, 1), **first()),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(12, 3, **sign(input_quantizer=bits)),
        layers.AveragePooling2D(2), layers.BatchNormalization(),
        layers.Flatten(), lq.layers.QuantDense(10, **sign(
            input_quantizer=lq.quantizers.DoReFa(k_bit=3))),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_depthwise() -> tf.keras.Model:
    depth = {"input_quantizer": lq.quantizers.SteHeaviside(), "use_bias": False,
             "depthwise_quantizer": "ste_sign"}
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(8, 3, input_shape=(8, 8, 1), **first()),
        layers.BatchNormalization(),
        lq.layers.QuantDepthwiseConv2D(3, padding="same", depth_multiplier=2, **depth),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(12, 1, **sign()), layers.BatchNormalization(),
        lq.layers.QuantSeparableConv2D(12, 3, pointwise_quantizer="ste_sign", **{
            **depth, "input_quantizer": "ste_sign"}),
        layers.BatchNormalization(), layers.MaxPool2D(2, padding="same"),
        lq.quantizers.SteSign(), layers.Flatten(),
        lq.layers.QuantDense(10, **sign(input_quantizer=None)),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_ternary_activations() -> tf.keras.Model:
    ternary = lq.quantizers.SteTern(threshold_value=0.4)
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(10, (3, 2), strides=(2, 1), padding="same", input_shape=(8, 8, 1),
                              **first()),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(10, 3, dilation_rate=2, **sign(input_quantizer=ternary,
                                                              padding="same")),
        layers.BatchNormalization(), layers.Activation(lq.activations.hard_tanh),
        layers.Flatten(), lq.layers.QuantDense(10, **sign(
            input_quantizer=lq.quantizers.SteTern(threshold_value=0.5))),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_ternary_weights() -> tf.keras.Model:
    ternary = lq.quantizers.SteTern(ternary_weight_networks=True)
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(8, 3, input_shape=(8, 8, 1), **first()),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(12, 3, **sign(kernel_quantizer=ternary)),
        layers.BatchNormalization(), layers.MaxPool2D(2), layers.Flatten(),
        lq.layers.QuantDense(10, **sign(kernel_quantizer=lq.quantizers.SteTern(0.1))),
        layers.BatchNormalization(), layers.Activation("softmax")])


def larq_dorefa_weights() -> tf.keras.Model:
    weights, bits = lq.quantizers.DoReFa(2, mode="weights"), lq.quantizers.DoReFa(2)
    return tf.keras.Sequential([
        lq.layers.QuantConv2D(8, 3, input_shape=(8, 8, 1), **first(
            kernel_quantizer=lq.quantizers.DoReFa(3, mode="weights"))),
        layers.BatchNormalization(),
        lq.layers.QuantConv2D(12, 3, **sign(input_quantizer=bits, kernel_quantizer=weights)),
        layers.BatchNormalization(), layers.MaxPool2D(2), layers.Flatten(),
        lq.layers.QuantDense(10, **sign(input_quantizer=bits, kernel_quantizer=weights)),
        layers.BatchNormalization(), layers.Activation("softmax")])


def qkeras_mlp() -> tf.keras.Model:
    x = start = tf.keras.Input((8, 8, 1))
    x = layers.Flatten()(x)
    for width in (32, 24):
        x = qk.QDense(width, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = qk.QActivation("binary(alpha=1.0)")(x)
    x = qk.QDense(10, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return tf.keras.Model(start, layers.Activation("softmax")(x))


def qkeras_cnn() -> tf.keras.Model:
    bias = qk.quantized_bits(6, 2, 1)
    x = start = tf.keras.Input((8, 8, 1))
    for width, strides in ((8, 1), (12, 2)):
        x = qk.QConv2D(width, 3, strides=strides, padding="same", kernel_quantizer=qk.binary(
            alpha="auto_po2"), bias_quantizer=bias)(x)
        x = layers.BatchNormalization()(x)
        x = qk.QActivation("quantized_relu(2)")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = qk.QDense(10, kernel_quantizer="binary(alpha='auto_po2')", bias_quantizer=bias)(x)
    return tf.keras.Model(start, layers.Activation("softmax")(x))


def qkeras_auto() -> tf.keras.Model:
    return tf.keras.Sequential([
        qk.QConv2D(10, 3, kernel_quantizer="binary(alpha='auto')", use_bias=False,
                   input_shape=(8, 8, 1)),
        layers.BatchNormalization(), qk.QActivation("quantized_relu(3,1)"),
        layers.AveragePooling2D(2),
        qk.QConv2D(12, 2, kernel_quantizer="quantized_bits(1,0,1,alpha=1.0)", use_bias=False),
        layers.BatchNormalization(), qk.QActivation("quantized_relu(4,1)"),
        layers.Flatten(), qk.QDense(10, kernel_quantizer="binary(alpha='auto')", use_bias=False),
        layers.BatchNormalization(), layers.Activation("softmax")])


def qkeras_depthwise() -> tf.keras.Model:
    x = start = tf.keras.Input((8, 8, 1))
    x = qk.QConv2D(8, 3, kernel_quantizer="binary", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = qk.QActivation("quantized_bits(3,1,1)")(x)
    x = qk.QDepthwiseConv2D(3, padding="same", depthwise_quantizer=qk.binary(alpha=1.0),
                            use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = qk.QActivation("quantized_bits(2,1,1)")(x)
    x = qk.QConv2D(12, 1, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = qk.QActivation("quantized_relu(2,1)")(x)
    x = layers.Flatten()(x)
    x = qk.QDense(10, kernel_quantizer="binary", use_bias=True, bias_quantizer=None)(x)
    return tf.keras.Model(start, layers.Activation("softmax")(x))


def qkeras_ternary_activations() -> tf.keras.Model:
    return tf.keras.Sequential([
        layers.Flatten(input_shape=(8, 8, 1)),
        qk.QDense(40, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False),
        layers.BatchNormalization(), qk.QActivation("ternary(alpha=1.0,threshold=0.5)"),
        qk.QDense(32, kernel_quantizer=qk.binary(alpha=0.5),
                  bias_quantizer=qk.quantized_bits(5, 2, 1, alpha=1.0)),
        qk.QActivation("quantized_tanh(3)"),
        qk.QDense(10, kernel_quantizer="binary", use_bias=False),
        layers.BatchNormalization(), layers.Activation("softmax")])


def qkeras_residual() -> tf.keras.Model:
    x = start = tf.keras.Input((8, 8, 1))
    x = qk.QConv2D(8, 3, padding="same", kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = qk.QActivation("quantized_relu(2,1)")(x)
    y = qk.QConv2D(8, 3, padding="same", kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = qk.QActivation("quantized_bits(3,1,1)")(y)
    x = layers.Add()([x, y])
    z = layers.Concatenate()([x, y])
    z = qk.QConv2D(12, 3, strides=2, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(z)
    z = qk.QBatchNormalization(beta_quantizer=None, gamma_quantizer=None, mean_quantizer=None,
                               variance_quantizer=None)(z)
    z = qk.QActivation("binary(use_01=1,alpha=1.0)")(z)
    z = layers.Flatten()(z)
    z = qk.QDense(10, kernel_quantizer=qk.binary(alpha=1.0), use_bias=False)(z)
    z = layers.BatchNormalization()(z)
    return tf.keras.Model(start, layers.Activation("softmax")(z))


def qkeras_ternary_weights() -> tf.keras.Model:
    return tf.keras.Sequential([
        qk.QConv2D(8, 3, kernel_quantizer=qk.ternary(alpha="auto_po2"), use_bias=False,
                   input_shape=(8, 8, 1)),
        layers.BatchNormalization(), qk.QActivation("quantized_relu(2)"),
        qk.QConv2D(12, 3, strides=2, kernel_quantizer=qk.ternary(alpha="auto"), use_bias=False),
        layers.BatchNormalization(), qk.QActivation("quantized_relu(3,1)"),
        layers.Flatten(), qk.QDense(10, kernel_quantizer=qk.ternary(alpha=1.0, threshold=0.1),
                                    use_bias=False),
        layers.BatchNormalization(), layers.Activation("softmax")])


def qkeras_bits() -> tf.keras.Model:
    return tf.keras.Sequential([
        qk.QConv2D(8, 3, kernel_quantizer=qk.quantized_bits(4, 0, 1, alpha="auto_po2"),
                   bias_quantizer=qk.quantized_bits(8, 2, 1), input_shape=(8, 8, 1)),
        qk.QActivation("quantized_relu(3,1)"),
        qk.QConv2D(12, 3, strides=2, kernel_quantizer=qk.quantized_bits(2, 0, 1, alpha="auto"),
                   use_bias=False),
        layers.BatchNormalization(), qk.QActivation("quantized_relu(4,1)"),
        layers.Flatten(),
        qk.QDense(10, kernel_quantizer=qk.quantized_bits(6, 0, alpha=1.0),
                  bias_quantizer=qk.quantized_bits(8, 2, 1)),
        layers.Activation("softmax")])


MODELS: dict[str, Callable[[], tf.keras.Model]] = {
    "larq_mlp.h5": larq_mlp, "larq_tutorial.h5": larq_tutorial,
    "larq_pad_values.h5": larq_pad_values,
    "larq_residual.keras": larq_residual, "larq_bireal.keras": larq_bireal,
    "larq_dorefa.keras": larq_dorefa,
    "larq_depthwise.keras": larq_depthwise,
    "larq_ternary_activations.h5": larq_ternary_activations,
    "larq_ternary_weights.h5": larq_ternary_weights,
    "larq_dorefa_weights.keras": larq_dorefa_weights,
    "qkeras_mlp.keras": qkeras_mlp, "qkeras_cnn.h5": qkeras_cnn, "qkeras_auto.keras": qkeras_auto,
    "qkeras_depthwise.keras": qkeras_depthwise,
    "qkeras_ternary_activations.h5": qkeras_ternary_activations,
    "qkeras_residual.keras": qkeras_residual, "qkeras_ternary_weights.h5": qkeras_ternary_weights,
    "qkeras_bits.h5": qkeras_bits,
}


RANGES = {"larq_tutorial.h5": (-1.0, 1.0)}
"""What a model sees for pixel 0 and pixel 255, where it is not 0 and 1."""


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return the samples as pixels of 0 to 255, and their classes."""
    data = load_digits()
    return np.rint(data.images * 255 / 16).astype(np.uint8)[..., None], data.target


def compress(path: Path) -> None:
    """Compress the files of an archive, which Keras only stores."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def make(name: str) -> None:
    """Train one model, and write its files."""
    tf.keras.utils.set_random_seed(1)
    pixels, labels = digits()
    low, high = np.float32(RANGES.get(name, (0.0, 1.0)))
    x = low + pixels.astype(np.float32) / np.float32(255) * (high - low)
    model = MODELS[name]()
    model.compile(tf.keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    model.fit(x[:1400], labels[:1400], batch_size=64, epochs=15, verbose=0)
    accuracy = model.evaluate(x[1400:], labels[1400:], verbose=0)[1]
    path = FOLDER / name
    saved = MODELS[name]()  # without the state of the optimizer
    saved.set_weights(model.get_weights())
    saved.save(path)
    if path.suffix == ".keras":
        compress(path)
    before = tf.keras.Model(model.inputs, model.layers[-1].input)
    shown = x[-SAMPLES:]
    scores = before(shown, training=False).numpy()
    probabilities = model(shown, training=False).numpy()
    assert (scores.argmax(1) == probabilities.argmax(1)).all()
    np.savez_compressed(path.with_suffix(".npz"), x=pixels[-SAMPLES:], scores=scores,
                        pixel_range=[low, high],
                        labels=probabilities.argmax(1).astype(np.uint8))
    print(f"{name}: accuracy {accuracy:.3f}, {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    for wanted in sys.argv[1:] or MODELS:
        make(wanted)
