"""The networks of the paper, built in code.

A network here is a convolutional base that ends in a feature map *before* its pooling; `models.head` does
pooling and dense layers for every engine. `build_classifier` joins both in Keras, for training.
Any other base of `keras.applications` goes by its name there.

Source: the paper's section on architectures. VGG: conv base -> max pool -> global average pool ->
Dense 512 ReLU -> Dropout 0.5 -> Dense 512 ReLU -> Dropout 0.5 -> Dense 2. Xception: global average pool ->
Dense 2048 ReLU -> Dropout 0.5 -> Dense 2. The last layer gives logits; softmax is applied outside.

Keras is imported inside the functions: importing TensorFlow costs five seconds and the service never needs it.
"""

from dataclasses import dataclass
from inspect import isfunction, signature
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import keras

VGG_BLOCKS: dict[str, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions per block; block i has VGG_FILTERS[i] filters, 3x3, ReLU, and a 2x2 max pool behind it."""

VGG_FILTERS = (64, 128, 256, 512, 512)


class Architecture(BaseModel):
    """A convolutional base. Of a VGG: how many blocks are used, the last one unpooled, and how many maps are read.

    levels: 1 for the last block's map; 2 for the one below it, too, max-pooled as the last block gets it, in front.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,40}$")
    blocks: int = Field(default=5, ge=1, le=5)
    levels: Literal[1, 2] = 1

    @model_validator(mode="after")
    def _levels_exist(self) -> Self:
        if self.levels == 2 and (self.name not in VGG_BLOCKS or self.blocks == 1):
            raise ValueError(
                f"Expected a VGG of two blocks or more for two levels, got {self.name} of {self.blocks}."
            )
        return self


@dataclass(frozen=True)
class Convolution:
    """One 3x3 ReLU convolution of a VGG base; `pool_before` says that a 2x2 max pool precedes it."""

    name: str
    inputs: int
    filters: int
    pool_before: bool


@dataclass(frozen=True)
class HeadPlan:
    """Pooling and hidden layers of the paper's head for a base."""

    pooling: Literal["max_then_mean", "mean", "cell_mean_deviation"]
    hidden: tuple[int, ...]


PAPER_HEADS: dict[str, HeadPlan] = {
    "vgg16": HeadPlan("max_then_mean", (512, 512)),
    "vgg19": HeadPlan("max_then_mean", (512, 512)),
    "xception": HeadPlan("mean", (2048,)),
}


def vgg_convolutions(architecture: Architecture) -> list[Convolution]:
    """The convolutions of a VGG base in order, named as Keras names them (`block3_conv2`)."""
    plan: list[Convolution] = []
    inputs = 3
    for block, count in enumerate(VGG_BLOCKS[architecture.name][: architecture.blocks]):
        for index in range(count):
            name = f"block{block + 1}_conv{index + 1}"
            filters = VGG_FILTERS[block]
            plan.append(Convolution(name, inputs, filters, pool_before=block > 0 and index == 0))
            inputs = filters
    return plan


def read_convolutions(architecture: Architecture) -> list[Convolution]:
    """The convolutions whose maps the head reads, lowest first: the last one of each block that `levels` counts."""
    plan = vgg_convolutions(architecture)
    ends = [layer for layer, after in pairwise(plan) if after.pool_before]
    return [*ends, plan[-1]][-architecture.levels :]


def vgg_macs(architecture: Architecture, side_px: int) -> int:
    """Multiply-accumulates of one image of side `side_px`, biases not counted (250 px VGG16: 18.80 G)."""
    total = 0
    for layer in vgg_convolutions(architecture):
        side_px = side_px // 2 if layer.pool_before else side_px
        total += 9 * layer.inputs * layer.filters * side_px * side_px
    return total


def vgg_reach(architecture: Architecture) -> tuple[int, int]:
    """Stride of the last map in pixels, and how many positions around one its field of view extends to."""
    stride, field = 1, 1
    for layer in vgg_convolutions(architecture):
        if layer.pool_before:
            field += stride
            stride *= 2
        field += 2 * stride
    return stride, -(-field // (2 * stride)) + 1


def head_plan(architecture: Architecture) -> HeadPlan:
    """The paper's head where the paper has one, else a mean and one dense layer."""
    return PAPER_HEADS.get(architecture.name, HeadPlan("mean", ()))


def build_base(architecture: Architecture, side_px: int | None = None) -> "keras.Model":
    """The convolutional base with fresh weights: (n, s, s, 3) float32 -> the map that `Architecture.levels` names.

    Raises:
        ValueError: the name is neither a VGG's nor one of `keras.applications`.
    """
    import keras

    inputs = keras.Input((side_px, side_px, 3), name="cell")
    if architecture.name in VGG_BLOCKS:
        x: Any = inputs
        below: Any = None
        for layer in vgg_convolutions(architecture):
            if layer.pool_before:
                x = below = keras.layers.MaxPooling2D(name=f"{layer.name.split('_')[0]}_before_pool")(x)
            x = keras.layers.Conv2D(layer.filters, 3, padding="same", activation="relu", name=layer.name)(x)
        if architecture.levels == 2:
            x = keras.layers.Concatenate(name="levels")([below, x])
        return keras.Model(inputs, x, name=f"{architecture.name}_base")
    base = published_base(architecture, weights=None, input_tensor=inputs)
    return keras.Model(inputs, base.output, name=f"{architecture.name}_base")


def published_base(architecture: Architecture, **options: Any) -> "keras.Model":
    """A base as `keras.applications` builds it, its own preprocessing left out where it has one.

    Args:
        architecture: `xception`, `resnet50v2`, `efficientnetv2b0`, ...: a builder's name in small letters.
        options: for the builder, `weights` for instance.

    Source: https://keras.io/api/applications
    """
    import keras

    builders = {name.lower(): each for name, each in vars(keras.applications).items() if isfunction(each)}
    if architecture.name not in builders:
        raise ValueError(f"Expected an architecture out of {sorted(builders)}, got {architecture.name!r}.")
    builder = builders[architecture.name]
    if "include_preprocessing" in signature(builder).parameters:
        options["include_preprocessing"] = False
    return builder(include_top=False, **options)


def build_classifier(
    architecture: Architecture,
    side_px: int = 250,
    *,
    dropout: float = 0.5,
    l1: float = 0.0,
    l2: float = 0.0,
) -> "keras.Model":
    """Base and head of a network for whole images: (n, side, side, 3) float32 -> (n, 2) float32 logits.

    Args:
        dropout: behind each hidden dense layer. l1, l2: penalties on the dense layers' kernels.
    """
    import keras

    plan = head_plan(architecture)
    base = build_base(architecture, side_px)
    x: Any = base.output
    if plan.pooling == "max_then_mean":
        x = keras.layers.MaxPooling2D(name="last_pool")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    penalty = keras.regularizers.L1L2(l1, l2)
    for index, width in enumerate(plan.hidden, start=1):
        dense = keras.layers.Dense(width, "relu", kernel_regularizer=penalty, name=f"dense{index}")
        x = keras.layers.Dropout(dropout, name=f"dropout{index}")(dense(x))
    last = len(plan.hidden) + 1
    logits = keras.layers.Dense(2, kernel_regularizer=penalty, name=f"dense{last}", dtype="float32")
    return keras.Model(base.input, logits(x), name=architecture.name)


def base_of(classifier: "keras.Model") -> "keras.Model":
    """The base inside what `build_classifier` built."""
    import keras

    pooled = {layer.name: layer for layer in classifier.layers}
    return keras.Model(classifier.input, pooled.get("last_pool", pooled["mean"]).input)
