"""The convolutions a training run starts from."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.bundle import read_bundle
from models.networks import Architecture, vgg_convolutions

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]
"""`block1_conv1__kernel` -> (3, 3, in, out) float32 and `block1_conv1__bias` -> (out,) float32."""

IMAGENET_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
"""Channel means that ImageNet VGG weights expect to be subtracted, RGB, 0..1. Source: keras.applications."""


def initial_weights(init: str, architecture: Architecture, seed: int) -> Weights:
    """Convolutions of a VGG as `--init` names them: a `.npz` file, the folder of a bundle, or `random`."""
    if init == "random":
        return random_vgg_weights(architecture, seed)
    read = bundle_convolutions if Path(init).is_dir() else read_vgg_weights
    return read(Path(init), architecture)


def read_vgg_weights(file: Path, architecture: Architecture) -> Weights:
    """Convolutions of an ImageNet VGG, ready for RGB input of 0..1 minus `IMAGENET_MEAN`.

    keras.applications feeds BGR 0..255 minus the same means; turning the first kernel's input channels and
    multiplying it by 255 moves that convention into the weights.

    Args:
        file: `.npz` with Keras' layer names, `<layer>__kernel` and `<layer>__bias`.
        architecture: which convolutions to take.
    """
    with np.load(file) as archive:
        weights = {
            f"{layer.name}__{part}": archive[f"{layer.name}__{part}"].astype(np.float32)
            for layer in vgg_convolutions(architecture)
            for part in ("kernel", "bias")
        }
    weights["block1_conv1__kernel"] = weights["block1_conv1__kernel"][:, :, ::-1, :] * np.float32(255)
    return weights


def bundle_convolutions(folder: Path, architecture: Architecture) -> Weights:
    """Convolutions of a published bundle, which take what `architecture` takes: a run goes on from there.

    Raises:
        BundleRefused: the bundle is not whole. ValueError: it has another architecture.
    """
    bundle = read_bundle(folder)
    if bundle.manifest.architecture != architecture:
        raise ValueError(f"Expected {architecture} in {bundle.id}, got {bundle.manifest.architecture}.")
    return {
        name: bundle.weights[name].astype(np.float32)
        for layer in vgg_convolutions(architecture)
        for name in (f"{layer.name}__kernel", f"{layer.name}__bias")
    }


def random_vgg_weights(architecture: Architecture, seed: int) -> Weights:
    """He-normal kernels and zero biases, for runs without a starting file (`--init random`)."""
    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for layer in vgg_convolutions(architecture):
        deviation = np.sqrt(2.0 / (9 * layer.inputs))
        kernel = rng.normal(0.0, deviation, (3, 3, layer.inputs, layer.filters))
        weights[f"{layer.name}__kernel"] = kernel.astype(np.float32)
        weights[f"{layer.name}__bias"] = np.zeros(layer.filters, np.float32)
    return weights
