"""VGG bases on the CPU with ncnn, 2.8 times faster than Keras there (Winograd convolution).

Network description and weights are written from the bundle's own arrays whenever it is loaded, so there is no
converted file that could differ from them.

A picture goes through the network block by block, and through a block in bands of rows. A band's maps are a quarter of
the picture's, and Winograd's copies of them, too; what a stream holds shrinks with them.
"""

import os
import struct
import sys
import tempfile
import threading
from dataclasses import dataclass
from itertools import groupby
from typing import IO

import ncnn
import numpy as np

from models.bundle import Weights
from models.engines import Floats
from models.networks import Architecture, Convolution, vgg_convolutions

BAND_ROWS = 64
"""Of the map that enters a block: a multiple of 4, the side of a Winograd tile."""

NO_MEMORY = -100
"""What a layer of ncnn gives where a blob could not be allocated (https://github.com/Tencent/ncnn, `src/layer`)."""

_MAGIC = 7767517
_TAGS = {"float32": struct.pack("<I", 0), "float16": struct.pack("<I", 0x01306B47)}
"""In front of a kernel, by how it is stored; ncnn makes float32 of both."""


@dataclass(frozen=True)
class Block:
    """The convolutions between two poolings, and the second of these.

    taken, given: the blobs before and behind it. filters: channels of the latter. reach: how many rows around its own a
    row depends on, rounded up to an even number, so that no pooled pair is parted. stride: 2, or 1 behind the last block.
    """

    taken: str
    given: str
    filters: int
    reach: int
    stride: int


class NcnnEngine:
    """One net, loaded once and shared by one-thread streams, as many as there are cores.

    Two-thread streams are no faster on a quiet machine and collapse on a busy one (spinning barriers).
    """

    name = "ncnn"
    batch = 1

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        plan = vgg_convolutions(architecture)
        self.streams = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self._blocks = blocks_of(plan)
        self._levels = architecture.levels
        self._own = threading.local()
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = 1
        options.use_vulkan_compute = False
        # Half precision is on by default and moves probabilities by 1.7e-3.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = options.use_bf16_packed = False
        self._net.load_param_mem(param_text(plan))
        # From a file ncnn keeps only Winograd's form of the weights; from memory it would need the bytes for ever, too.
        with _nameless_file() as file:
            file.write(model_bytes(plan, weights))
            file.seek(0)
            code = self._net.load_model(f"/dev/fd/{file.fileno()}")
        if code != 0:
            raise RuntimeError(f"ncnn gave status {code} for the weights of {architecture.name}.")

    def maps(self, images: Floats) -> Floats:
        """See `Engine.maps`."""
        return np.stack([self._one(image) for image in images])

    def _one(self, image: Floats) -> Floats:
        planes = below = image.transpose(2, 0, 1)
        for block in self._blocks:
            below, planes = planes, self._through(block, planes)
        return np.concatenate([below, planes]) if self._levels == 2 else planes

    def _through(self, block: Block, planes: Floats) -> Floats:
        """(c, h, w) float32 -> (filters, h // stride, w // stride), band by band."""
        _, height, width = planes.shape
        joined = np.empty((block.filters, height // block.stride, width // block.stride), np.float32)
        given = BAND_ROWS // block.stride
        for number, top in enumerate(range(0, height, BAND_ROWS)):
            first = max(top - block.reach, 0)
            band = np.ascontiguousarray(planes[:, first : top + BAND_ROWS + block.reach])
            above = (top - first) // block.stride
            found = self._run(block, band)
            joined[:, number * given : (number + 1) * given] = found[:, above : above + given]
        return joined

    def _run(self, block: Block, band: Floats) -> Floats:
        """One band; the answer lies in a buffer of this thread that its next call may take, once nobody holds it."""
        blobs, workspace = self._allocators()
        extractor = self._net.create_extractor()
        extractor.set_blob_allocator(blobs)
        extractor.set_workspace_allocator(workspace)
        extractor.input(block.taken, ncnn.Mat(band))  # `band` must live as long as the Mat that wraps it
        code, output = extractor.extract(block.given)
        if code == NO_MEMORY:
            raise MemoryError(f"ncnn found no memory for a band of shape {band.shape}.")
        if code != 0:
            raise RuntimeError(f"ncnn gave status {code} for a band of shape {band.shape}.")
        return np.asarray(output)

    def _allocators(self) -> tuple[ncnn.PoolAllocator, ncnn.PoolAllocator]:
        """This thread's own: in pools that threads share, each finds the other's buffers, and none that fit."""
        if not hasattr(self._own, "pools"):
            self._own.pools = ncnn.PoolAllocator(), ncnn.PoolAllocator()
        pools: tuple[ncnn.PoolAllocator, ncnn.PoolAllocator] = self._own.pools
        return pools


def blocks_of(plan: list[Convolution]) -> list[Block]:
    """The plan cut at its poolings; blobs are named as `param_text` names them."""
    runs = [list(run) for _, run in groupby(plan, key=lambda layer: layer.name.partition("_")[0])]
    taken = ["cell", *(f"{run[0].name}_pool" for run in runs[1:])]
    given = [*taken[1:], plan[-1].name]
    strides = [2] * (len(runs) - 1) + [1]
    return [
        Block(before, behind, run[-1].filters, len(run) + len(run) % 2, stride)
        for run, before, behind, stride in zip(runs, taken, given, strides, strict=True)
    ]


def param_text(plan: list[Convolution]) -> str:
    """ncnn's network description: one line a layer (https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure)."""
    lines = ["Input cell 0 1 cell"]
    blob = "cell"
    for layer in plan:
        if layer.pool_before:
            pooled = f"{layer.name}_pool"
            lines.append(f"Pooling {pooled} 1 1 {blob} {pooled} 0=0 1=2 2=2 5=1")
            blob = pooled
        size = 9 * layer.inputs * layer.filters
        lines.append(
            f"Convolution {layer.name} 1 1 {blob} {layer.name} 0={layer.filters} 1=3 4=1 5=1 6={size} 9=1"
        )
        blob = layer.name
    return f"{_MAGIC}\n{len(lines)} {len(lines)}\n" + "\n".join(lines) + "\n"


def model_bytes(plan: list[Convolution], weights: Weights) -> bytes:
    """ncnn's weight stream: for each convolution a tag, (out, in, 3, 3) kernels, float32 biases.

    Kernels that a bundle holds in half precision go as such: half the bytes to turn and to write.
    """
    parts: list[bytes] = []
    for layer in plan:
        kernel = weights[f"{layer.name}__kernel"]
        if kernel.shape != (3, 3, layer.inputs, layer.filters):
            raise ValueError(
                f"Expected (3, 3, {layer.inputs}, {layer.filters}) for {layer.name}, got {kernel.shape}."
            )
        stored = kernel if kernel.dtype == np.float16 else kernel.astype(np.float32)
        parts += [_TAGS[stored.dtype.name], stored.transpose(3, 2, 0, 1).tobytes()]
        parts.append(weights[f"{layer.name}__bias"].astype(np.float32).tobytes())
    return b"".join(parts)


def _nameless_file() -> IO[bytes]:
    """In memory where the system has such files: a full disk keeps no engine from its start."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("weights"), "w+b")
    return tempfile.TemporaryFile()
