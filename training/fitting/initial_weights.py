"""The convolutions a training run starts from."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.boosted_trees import PREFIX as TREES
from models.bundle import as_stored, read_bundle
from models.networks import Architecture, vgg_convolutions

Floats = npt.NDArray[np.float32]
Weights = dict[str, Floats]
"""`block1_conv1__kernel` -> (3, 3, in, out) float32 and `block1_conv1__bias` -> (out,) float32."""

IMAGENET_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
"""Channel means that ImageNet VGG weights expect to be subtracted, RGB, 0..1. Source: keras.applications."""


NONE, IMAGENET = "none", "imagenet"
"""Words for `--init`; anything else is a path."""


def initial_weights(init: str, architecture: Architecture, seed: int) -> Weights:
    """Convolutions of a VGG as `--init` names them: `none`, `imagenet`, a `.npz` file, or the folder of a bundle."""
    if init == NONE:
        return random_vgg_weights(architecture, seed)
    if init == IMAGENET:
        from training.fitting.starting_base import imagenet_convolutions

        return imagenet_convolutions(architecture)
    if not Path(init).is_dir():
        return read_vgg_weights(Path(init), architecture)
    base = bundle_base(Path(init), architecture)
    return {name: base[name] for name in _vgg_names(architecture)}


def read_vgg_weights(file: Path, architecture: Architecture) -> Weights:
    """Convolutions of an ImageNet VGG, ready for RGB input of 0..1 minus `IMAGENET_MEAN`.

    Args:
        file: `.npz` with Keras' layer names, `<layer>__kernel` and `<layer>__bias`.
        architecture: which convolutions to take.
    """
    with np.load(file) as archive:
        return for_rgb(archive, architecture)


def for_rgb(published: Mapping[str, npt.NDArray[np.floating]], architecture: Architecture) -> Weights:
    """The convolutions of a VGG as `keras.applications` has them, turned to our input.

    keras.applications feeds BGR 0..255 minus the same means; turning the first kernel's input channels and
    multiplying it by 255 moves that convention into the weights.
    """
    weights = {name: published[name].astype(np.float32) for name in _vgg_names(architecture)}
    weights["block1_conv1__kernel"] = weights["block1_conv1__kernel"][:, :, ::-1, :] * np.float32(255)
    return weights


def bundle_base(folder: Path, architecture: Architecture) -> Weights:
    """The base of a published bundle of the same architecture: a run goes on from there.

    Raises:
        BundleRefused: the bundle is not whole. ValueError: it has another architecture.
    """
    bundle = read_bundle(folder)
    if bundle.manifest.architecture != architecture:
        raise ValueError(f"Expected {architecture} in {bundle.id}, got {bundle.manifest.architecture}.")
    behind = ("head__", "fusion__", TREES)
    return {
        name: array.astype(np.float32)
        for name, array in bundle.weights.items()
        if not name.startswith(behind)
    }


def _vgg_names(architecture: Architecture) -> list[str]:
    return [
        f"{layer.name}__{part}" for layer in vgg_convolutions(architecture) for part in ("kernel", "bias")
    ]


def rounded(weights: Weights) -> Weights:
    """What a bundle keeps of float32 weights, see `models.bundle.as_stored`."""
    return {name: array.astype(np.float32) for name, array in as_stored(dict(weights)).items()}


def random_vgg_weights(architecture: Architecture, seed: int) -> Weights:
    """He-normal kernels and zero biases, for runs without a starting file (`--init none`)."""
    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for layer in vgg_convolutions(architecture):
        deviation = np.sqrt(2.0 / (9 * layer.inputs))
        kernel = rng.normal(0.0, deviation, (3, 3, layer.inputs, layer.filters))
        weights[f"{layer.name}__kernel"] = kernel.astype(np.float32)
        weights[f"{layer.name}__bias"] = np.zeros(layer.filters, np.float32)
    return weights
