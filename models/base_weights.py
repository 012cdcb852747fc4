"""A base's variables by the names a bundle gives them, whatever framework Keras computes with."""

import re
from collections import Counter

import keras

from models.bundle import Weights


def set_base_weights(base: keras.Model, weights: Weights) -> None:
    """Put a bundle's arrays into a base built by `build_base`.

    Raises:
        ValueError: an array is missing or has another shape.
    """
    for name, variable in base_variables(base).items():
        if name not in weights or tuple(weights[name].shape) != tuple(variable.shape):
            found = weights[name].shape if name in weights else "nothing"
            raise ValueError(f"Expected {name} of shape {tuple(variable.shape)}, got {found}.")
        variable.assign(weights[name].astype("float32"))


def base_variables(base: keras.Model) -> dict[str, keras.Variable]:
    """A base's variables by the names a bundle gives them, `<layer>__<variable>`.

    Keras numbers the layers that its applications leave unnamed through the whole process (`conv2d_7`); here
    they are counted within their base, so that the same base has the same names whenever it is built.
    """
    counted: Counter[str] = Counter()
    named = {}
    for layer in base.layers:
        name, plain = layer.name, re.sub(r"_\d+$", "", layer.name)
        if plain.replace("_", "") == type(layer).__name__.lower():
            name = f"{plain}_{counted[plain]}"
            counted[plain] += 1
        for variable in layer.weights:
            named["__".join([name, *variable.path.split("/")[1:]])] = variable
    return named
