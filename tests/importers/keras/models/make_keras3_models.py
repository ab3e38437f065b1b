"""Makes the models of this folder that Keras 3 saves, and records what it computes.

Run it in an environment with Keras 3, JAX and scikit-learn:

    KERAS_BACKEND=jax python make_keras3_models.py

Larq and QKeras have no release for Keras 3. The layers here have the names, the options and the
expressions of Larq's, so that the files have Keras 3's configuration and layout of weights.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parent
SAMPLES = 64
register = keras.saving.register_keras_serializable("Larq")


EXACT = [False]
"""Whether signs have no straight-through expression, which rounds: after training."""


def ste_sign(x: object) -> object:
    """The sign, +1 at 0, with the gradient of the identity between -1 and +1 in training."""
    signs = ops.where(x >= 0, 1.0, -1.0)
    if EXACT[0]:
        return signs
    clipped = ops.clip(x, -1.0, 1.0)
    return clipped + ops.stop_gradient(signs - clipped)


class Quantised:
    """Quantises the input and the kernel, as Larq's layers do."""

    def __init__(self, *args: object, input_quantizer: str | None = None,
                 kernel_quantizer: str = "ste_sign", **options: object) -> None:
        super().__init__(*args, **options)
        self.input_quantizer, self.kernel_quantizer = input_quantizer, kernel_quantizer

    def call(self, inputs: object) -> object:
        if self.input_quantizer:
            inputs = ste_sign(inputs)
        kernel = ste_sign(self.kernel)
        if isinstance(self, layers.Conv2D):
            outputs = ops.conv(inputs, kernel, strides=list(self.strides), padding=self.padding)
        else:
            outputs = ops.matmul(inputs, kernel)
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "input_quantizer": self.input_quantizer,
                "kernel_quantizer": self.kernel_quantizer}


@register
class QuantDense(Quantised, layers.Dense):
    pass


@register
class QuantConv2D(Quantised, layers.Conv2D):
    pass


def keras3_mlp() -> keras.Model:
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Flatten(),
        QuantDense(24, use_bias=False), layers.BatchNormalization(scale=False),
        QuantDense(24, input_quantizer="ste_sign"), layers.BatchNormalization(center=False),
        QuantDense(10, input_quantizer="ste_sign", use_bias=False), layers.BatchNormalization(),
        layers.Softmax()])


def keras3_residual() -> keras.Model:
    x = start = keras.Input((8, 8, 1))
    x = QuantConv2D(8, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    y = QuantConv2D(8, 3, padding="same", input_quantizer="ste_sign", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = x + y
    z = QuantConv2D(8, 3, padding="same", input_quantizer="ste_sign", use_bias=False)(y)
    z = layers.Add()([y, layers.BatchNormalization()(z)])
    z = layers.MaxPooling2D()(z)
    z = layers.Flatten()(z)
    z = QuantDense(10, input_quantizer="ste_sign", use_bias=False)(z)
    return keras.Model(start, layers.Softmax()(layers.BatchNormalization()(z)))


MODELS = {"keras3_mlp.keras": keras3_mlp, "keras3_mlp_hdf5.h5": keras3_mlp,
          "keras3_residual.keras": keras3_residual}


def compress(path: Path) -> None:
    """Compress the files of an archive, which Keras only stores."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def make(name: str) -> None:
    keras.utils.set_random_seed(2)
    data = load_digits()
    pixels = np.rint(data.images * 255 / 16).astype(np.uint8)[..., None]
    x = pixels.astype(np.float32) / np.float32(255)
    EXACT[0] = False
    model = MODELS[name]()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy",
                  metrics=["accuracy"])
    model.fit(x[:1400], data.target[:1400], batch_size=64, epochs=12, verbose=0)
    accuracy = model.evaluate(x[1400:], data.target[1400:], verbose=0)[1]
    EXACT[0] = True
    path = FOLDER / name
    saved = MODELS[name]()  # without the state of the optimizer
    saved.set_weights(model.get_weights())
    saved.save(path)
    if path.suffix == ".keras":
        compress(path)
    before = keras.Model(model.inputs, model.layers[-1].input)
    shown = x[-SAMPLES:]
    scores = np.asarray(before(shown, training=False))
    labels = np.asarray(model(shown, training=False)).argmax(1)
    np.savez_compressed(path.with_suffix(".npz"), x=pixels[-SAMPLES:], scores=scores,
                        pixel_range=np.float32([0, 1]),
                        labels=labels.astype(np.uint8))
    print(f"{name}: accuracy {accuracy:.3f}, {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    for wanted in MODELS:
        make(wanted)
