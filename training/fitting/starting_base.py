"""The weights a whole network's base starts from, and ImageNet's from where Keras keeps them."""

from collections.abc import Callable
from pathlib import Path

import keras

from models.base_weights import base_variables, set_base_weights
from models.networks import VGG_BLOCKS, Architecture, published_base
from training.fitting.initial_weights import IMAGENET, NONE, Weights, bundle_base, for_rgb, initial_weights

Build = Callable[..., "keras.Model"]


def start_base(base: "keras.Model", architecture: Architecture, init: str) -> None:
    """Put starting weights into a base of `models.networks.build_base`.

    A VGG's ImageNet weights are turned to our input. Another base's are taken as they are, so that its first steps
    go into getting used to another scale.

    Args:
        init: `none` leaves it as Keras made it; see `training.fitting.initial_weights.initial_weights`. A base that is no
            VGG takes `imagenet` or the folder of a bundle.

    Raises:
        ValueError: the weights cannot be had, or are not this base's.
    """
    if init == NONE:
        return
    if architecture.name in VGG_BLOCKS:
        set_base_weights(base, initial_weights(init, architecture, seed=0))
    elif init == IMAGENET:
        base.set_weights(imagenet_base(architecture).get_weights())
    else:
        set_base_weights(base, bundle_base(Path(init), architecture))


def imagenet_convolutions(architecture: Architecture) -> Weights:
    """A VGG's, turned to our input."""
    published = base_variables(imagenet_base(architecture))
    return for_rgb({name: keras.ops.convert_to_numpy(each) for name, each in published.items()}, architecture)


def imagenet_base(architecture: Architecture, build: Build = published_base) -> "keras.Model":
    """A base with its ImageNet weights, from Keras' own address or its folder `~/.keras/models`.

    Raises:
        ValueError: they are in neither.
    """
    try:
        return build(architecture, weights="imagenet")
    except Exception as failed:  # Keras raises just that when a download fails
        raise ValueError(
            f"Expected the ImageNet weights of {architecture.name} from storage.googleapis.com or in "
            f"~/.keras/models, got: {failed}. Give --init a file, or none."
        ) from failed
