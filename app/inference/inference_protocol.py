"""The wire between web and engine process: the Open Inference Protocol v2 with its binary tensor extension.

Source: https://github.com/kserve/open-inference-protocol and Triton's "binary tensor data" extension. A body
is a JSON header, whose length the HTTP header `Inference-Header-Content-Length` tells, then the tensors' bytes
in order. Both directions live here, so they cannot drift apart.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HEADER_LENGTH = "inference-header-content-length"

_DATATYPES: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype("u1"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in _DATATYPES.items()}

Tensor = npt.NDArray[Any]


class MalformedMessage(ValueError):
    """A body that is not a message of the protocol."""


@dataclass(frozen=True)
class Message:
    """tensors: by name. texts: string tensors of one dimension by name. parameters: small scalars."""

    tensors: dict[str, Tensor]
    texts: dict[str, list[str]]
    parameters: dict[str, str | int | float]


def encode(message: Message, side: str, **fields: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a message. side: `inputs` for a request, `outputs` for an answer."""
    entries: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for name, tensor in message.tensors.items():
        blob = np.ascontiguousarray(tensor).tobytes()
        entries.append(
            {
                "name": name,
                "shape": list(tensor.shape),
                "datatype": _NAMES[tensor.dtype],
                "parameters": {"binary_data_size": len(blob)},
            }
        )
        blobs.append(blob)
    for name, values in message.texts.items():
        entries.append({"name": name, "shape": [len(values)], "datatype": "BYTES", "data": values})
    header = json.dumps({**fields, "parameters": message.parameters, side: entries}).encode()
    return b"".join([header, *blobs]), {
        HEADER_LENGTH: str(len(header)),
        "content-type": "application/octet-stream",
    }


def decode(body: bytes, header_length: str | None, side: str) -> Message:
    """Read a message.

    Raises:
        MalformedMessage: with what was expected.
    """
    try:
        end = int(header_length) if header_length is not None else len(body)
        header = json.loads(body[:end])
        tensors: dict[str, Tensor] = {}
        texts: dict[str, list[str]] = {}
        for entry in header[side]:
            if entry["datatype"] == "BYTES":
                texts[entry["name"]] = [str(value) for value in entry["data"]]
                continue
            size = int(entry["parameters"]["binary_data_size"])
            dtype = _DATATYPES[entry["datatype"]]
            flat = np.frombuffer(body, dtype, count=size // dtype.itemsize, offset=end)
            tensors[entry["name"]] = flat.reshape(entry["shape"])
            end += size
        if end != len(body):
            raise MalformedMessage(f"Expected {end} bytes, got {len(body)}.")
        return Message(tensors, texts, dict(header.get("parameters", {})))
    except (KeyError, TypeError, ValueError, AttributeError) as broken:
        if isinstance(broken, MalformedMessage):
            raise
        raise MalformedMessage(
            f"Expected a message of the Open Inference Protocol v2: {broken!r}."
        ) from broken
