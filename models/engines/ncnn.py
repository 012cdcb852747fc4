"""VGG bases on the CPU with ncnn, 2.8 times faster than Keras there (Winograd convolution).

Network description and weights are written in memory from the bundle's own arrays, so there is no converted
file that could differ from them.
"""

import os
import struct

import ncnn
import numpy as np

from models.bundle import Weights
from models.engines import Floats
from models.networks import Architecture, Convolution, vgg_convolutions

_MAGIC = 7767517
_FLOAT32_TAG = struct.pack("<I", 0)


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
        self._output = plan[-1].name
        self._model = model_bytes(plan, weights)  # ncnn keeps pointers into these bytes
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = 1
        options.use_vulkan_compute = False
        # Half precision is on by default and moves probabilities by 1.7e-3.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = options.use_bf16_packed = False
        self._net.load_param_mem(param_text(plan))
        self._net.load_model_mem(self._model)

    def maps(self, images: Floats) -> Floats:
        """See `Engine.maps`."""
        return np.stack([self._one(image) for image in images])

    def _one(self, image: Floats) -> Floats:
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        extractor = self._net.create_extractor()
        extractor.input("cell", ncnn.Mat(planes))  # `planes` must live as long as the Mat that wraps it
        code, output = extractor.extract(self._output)
        if code != 0:
            raise RuntimeError(f"ncnn gave status {code} for an image of shape {image.shape}.")
        return np.array(output, dtype=np.float32)


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
    """ncnn's weight stream: for each convolution a float32 tag, (out, in, 3, 3) kernels, biases."""
    parts: list[bytes] = []
    for layer in plan:
        kernel = weights[f"{layer.name}__kernel"].astype(np.float32)
        if kernel.shape != (3, 3, layer.inputs, layer.filters):
            raise ValueError(
                f"Expected (3, 3, {layer.inputs}, {layer.filters}) for {layer.name}, got {kernel.shape}."
            )
        parts += [_FLOAT32_TAG, kernel.transpose(3, 2, 0, 1).tobytes()]
        parts.append(weights[f"{layer.name}__bias"].astype(np.float32).tobytes())
    return b"".join(parts)
