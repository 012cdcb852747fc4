"""Engines turn prepared images into the last convolution's map; `open_engine` picks one."""

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.networks import VGG_BLOCKS

Floats = npt.NDArray[np.float32]
EngineName = Literal["auto", "ncnn", "tensorflow"]


class EngineUnavailable(RuntimeError):
    """The engine asked for cannot run this bundle here; the text says which one can."""


class Engine(Protocol):
    """A loaded convolutional base.

    name: `ncnn` or `tensorflow`. streams: how many `maps` calls may usefully run at the same time.
    batch: how many images one call should carry.
    """

    name: str
    streams: int
    batch: int

    def maps(self, images: Floats) -> Floats:
        """(n, height, width, 3) float32 -> (n, c, h, w) float32, the map before its pooling, that of the level below in
        front where the architecture reads two. Thread-safe."""
        ...


def nvidia_device_present() -> bool:
    """Whether the kernel shows an NVIDIA device; asked before TensorFlow, whose import alone costs 5 s."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def open_engine(bundle: Bundle, name: EngineName = "auto") -> Engine:
    """Load a bundle's base.

    Args:
        bundle: a verified bundle.
        name: `auto` takes TensorFlow where an NVIDIA device is present, else ncnn for plain conv nets.

    Raises:
        EngineUnavailable: TensorFlow is not installed, or ncnn was asked to run a net it does not build.
    """
    if bundle.manifest.members == 1:
        return _open_one(bundle, name)
    from models.engines.ensemble import EnsembleEngine, member_bundle

    numbers = range(1, bundle.manifest.members + 1)
    return EnsembleEngine([_open_one(member_bundle(bundle, number), name) for number in numbers])


def _open_one(bundle: Bundle, name: EngineName) -> Engine:
    plain = bundle.manifest.architecture.name in VGG_BLOCKS
    if name == "auto":
        name = "tensorflow" if nvidia_device_present() or not plain else "ncnn"
    if name == "ncnn":
        if not plain:
            raise EngineUnavailable(
                f"Engine ncnn runs {', '.join(VGG_BLOCKS)}; {bundle.id} is {bundle.manifest.architecture.name}. "
                "Set LEUKOLENS_ENGINE=tensorflow."
            )
        from models.engines.ncnn import NcnnEngine

        return NcnnEngine(bundle.manifest.architecture, bundle.weights)
    try:
        from models.engines.tensorflow import TensorflowEngine
    except ModuleNotFoundError as missing:
        raise EngineUnavailable(
            "Engine tensorflow needs TensorFlow: install the extra `gpu` (or `train`), or set LEUKOLENS_ENGINE=ncnn."
        ) from missing
    return TensorflowEngine(bundle)
