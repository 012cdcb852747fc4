"""Bundles that a stranger might hand over: programs, paths, links and lies, each with digests that are right."""

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from models.bundle import CARD, GOLDEN_EXPECTED, MANIFEST, WEIGHTS

Spoil = Callable[[Path, Path], None]


class _Canary:
    """Unpickling it writes a file."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self._canary}",)


def edit(folder: Path, **changes: Any) -> None:
    """Change the manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))


def relist(folder: Path, *names: str) -> None:
    """Make the manifest's digests right again, as whoever altered the files would."""
    files = json.loads((folder / MANIFEST).read_text())["files"]
    for name in (*files, *names):
        files[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    edit(folder, files=files)


def _put(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    relist(folder, name)


def _weights(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    weights = load((folder / WEIGHTS).read_bytes())
    change(weights)
    _put(folder, WEIGHTS, save(weights))


def _keras_lambda(folder: Path, canary: Path) -> None:
    config = {"class_name": "Lambda", "config": {"function": f"__import__('os').system('touch {canary}')"}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    _put(folder, WEIGHTS, buffer.getvalue())


def _huge_header(folder: Path, _: Path) -> None:
    _put(folder, WEIGHTS, struct.pack("<Q", 2**62) + b"{}")


def _shape_bomb(folder: Path, _: Path) -> None:
    header = json.dumps({"x": {"dtype": "F16", "shape": [2**31, 2**31], "data_offsets": [0, 4]}}).encode()
    _put(folder, WEIGHTS, struct.pack("<Q", len(header)) + header + bytes(4))


def _link(folder: Path, canary: Path) -> None:
    outside = canary.with_name("outside")
    (folder / WEIGHTS).rename(outside)
    (folder / WEIGHTS).symlink_to(outside)


def _linked_folder(folder: Path, canary: Path) -> None:
    outside = canary.with_name("outside")
    (folder / "golden").rename(outside)
    (folder / "golden").symlink_to(outside)


def _pipe(folder: Path, _: Path) -> None:
    (folder / CARD).unlink()
    os.mkfifo(folder / CARD)


def _zip_slip(folder: Path, canary: Path) -> None:
    canary.with_name("escaped").write_bytes(b"x")
    files = json.loads((folder / MANIFEST).read_text())["files"]
    edit(folder, files=files | {"../escaped": hashlib.sha256(b"x").hexdigest()})


def _absolute(folder: Path, _: Path) -> None:
    files = json.loads((folder / MANIFEST).read_text())["files"]
    edit(folder, files=files | {"/etc/passwd": hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest()})


def _nested(folder: Path, _: Path) -> None:
    (folder / MANIFEST).write_text("[" * 100_000)


def _endless_manifest(folder: Path, _: Path) -> None:
    with (folder / MANIFEST).open("ab") as file:
        file.truncate(8 * 2**30)


def _golden_paths(folder: Path, _: Path) -> None:
    _put(folder, GOLDEN_EXPECTED, json.dumps({"../../../etc/passwd": 0.5}).encode())


READ_REFUSES: dict[str, Spoil] = {
    "a pickle as weights": lambda folder, canary: _put(folder, WEIGHTS, pickle.dumps(_Canary(canary))),
    "a pickle beside the weights": lambda folder, canary: (
        (folder / "model.pt").write_bytes(pickle.dumps(_Canary(canary))) and None
    ),
    "a Keras file with a Lambda": _keras_lambda,
    "an HDF5 file as weights": lambda folder, _: _put(folder, WEIGHTS, b"\x89HDF\r\n\x1a\n" + bytes(512)),
    "an ONNX file as weights": lambda folder, _: _put(folder, WEIGHTS, b"\x08\x07\x12\x04evil" + bytes(512)),
    "weights with an endless header": _huge_header,
    "weights of an impossible shape": _shape_bomb,
    "weights that are not numbers": lambda folder, _: _weights(
        folder, lambda weights: weights.update(fusion__mean=np.array([np.nan], np.float16))
    ),
    "a link as weights": _link,
    "a link as folder": _linked_folder,
    "a pipe": _pipe,
    "a path out of the bundle": _zip_slip,
    "an absolute path": _absolute,
    "golden cells from elsewhere": _golden_paths,
    "a field that names a class": lambda folder, _: edit(folder, custom_objects={"f": "os.system"}),
    "an architecture that is none": lambda folder, _: edit(folder, architecture={"name": "os.system"}),
    "a manifest nested 100,000 deep": _nested,
    "a manifest of 8 GB": _endless_manifest,
}
"""Refused while it is read, before an engine is opened."""

LOAD_REFUSES: dict[str, Spoil] = {
    "weights of another shape": lambda folder, _: _weights(
        folder, lambda weights: weights.update(block1_conv1__kernel=np.ones((5, 5, 3, 64), np.float16))
    ),
    "a layer less": lambda folder, _: _weights(
        folder, lambda weights: weights.__delitem__("block2_conv1__bias")
    ),
    "other weights than the golden cells'": lambda folder, _: _weights(
        folder, lambda weights: weights.update(head__dense1__kernel=-weights["head__dense1__kernel"])
    ),
    "a golden cell that is no picture": lambda folder, _: _put(folder, "golden/cell_1.png", b"no picture"),
}
"""Whole and harmless to read; refused before it may answer."""
