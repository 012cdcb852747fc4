"""The folder that is a model: read, verified, written.

    models/store/<name>/<version>/
        manifest.json         everything but the numbers, and the SHA-256 of every other file
        weights.safetensors   float16
        statistics.safetensors  the reference set and where it lies: `models.reference`, `models.novelty`; optional
        golden/               drawn cells and the outputs an engine must reproduce before it may serve
        CARD.md               for people
        manifest.sig          only where a site signs: base64 of its Ed25519 signature of manifest.json
        report/               plots, figures, predictions of cells that were held out

Files are read once: the bytes that were hashed are the bytes that are used. Nothing in a bundle is code.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

from models.boosted_trees import PREFIX as TREES
from models.conformal import ConformalLimits
from models.head import HeadSpec
from models.labels import LABELS, Label
from models.measurements import MEASUREMENTS
from models.networks import Architecture
from models.novelty import NoveltyLimits
from models.preprocessing import Preprocessing
from models.quality import INSPECTIONS, QualityLimits

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
WEIGHTS = "weights.safetensors"
STATISTICS = "statistics.safetensors"
GOLDEN_EXPECTED = "golden/expected.json"
CARD = "CARD.md"
PROCEDURE_REPORT = "report/procedure.json"
STORE = Path(__file__).parent / "store"

MAX_MANIFEST_BYTES = 1024 * 1024
MAX_FILE_BYTES = 256 * 1024 * 1024

Weights = dict[str, npt.NDArray[np.floating]]
Arrays = dict[str, npt.NDArray[Any]]


class BundleRefused(ValueError):
    """A folder that is not a whole, unaltered bundle; the text says what was expected and what is there."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Calibration(_Strict):
    """p_malignant = sigmoid(slope * (l_malignant - l_healthy) + intercept), at the stated prevalence."""

    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)
    malignant_prevalence: float = Field(gt=0, lt=1)


class Band(_Strict):
    """p_malignant strictly between `low` and `high` is reported as indeterminate."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Band":
        if self.low > self.high:
            raise ValueError(f"expected low <= high, got {self.low} > {self.high}")
        return self


class TrainingAcquisition(_Strict):
    """How the training pictures were taken, as far as their authors say; empty or None is unknown.

    The words are those of the service's acquisition profile. micrometres_per_pixel: lowest and highest.
    """

    specimens: tuple[str, ...] = ()
    stains: tuple[str, ...] = ()
    objectives: tuple[int, ...] = ()
    micrometres_per_pixel: tuple[float, float] | None = None


class Interval(_Strict):
    """A figure with its 95 % bootstrap interval over leak groups."""

    value: float
    low: float
    high: float


class Range(_Strict):
    """Where the middle nine tenths of one measurement of training cells lie, and their middle."""

    p05: float
    p50: float
    p95: float


ClassRanges = dict[str, dict[Label, Range]]
"""Measurement -> class -> its range."""


class Figures(_Strict):
    """Metrics on one set of cells, and the command that produced them."""

    description: str
    command: str
    cells: int
    malignant_groups: int
    healthy_groups: int
    metrics: dict[str, Interval]


class SubjectShare(_Strict):
    """How the cells of one subject of known class were called at 0.5, by a model that had not seen them."""

    label: Label
    cells: int = Field(gt=0)
    called_malignant: float = Field(ge=0, le=1)


class Origin(_Strict):
    """Where data and starting weights come from, in words for the model's page.

    limits_command: what fitted the limits, where that was not the command of the weights.
    """

    data: str
    citation: str
    data_fingerprint: str
    split: str
    starting_weights: str
    command: str
    cells: int
    leak_groups: int
    limits_command: str = ""


class Manifest(_Strict):
    """What `manifest.json` holds; see the field types.

    members: how many networks of this architecture are averaged, see `models.engines.ensemble`.
    views: how many symmetries of its crop a cell is looked at in, see `models.views`. files: relative paths ->
    SHA-256.
    """

    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")
    version: str = Field(pattern=r"^\d{1,4}\.\d{1,4}\.\d{1,4}$")
    created_at: datetime
    licence: str
    architecture: Architecture
    labels: tuple[Literal["malignant"], Literal["healthy"]] = (LABELS[0].value, LABELS[1].value)  # type: ignore[assignment]
    preprocessing: Preprocessing
    head: HeadSpec
    members: int = Field(default=1, ge=1, le=16)
    views: Literal[1, 4, 8] = 1
    calibration: Calibration
    band: Band
    quality: QualityLimits = Field(default_factory=dict)
    novelty: NoveltyLimits | None = None
    conformal: ConformalLimits | None = None
    ranges: ClassRanges = Field(default_factory=dict)
    origin: Origin
    acquisition: TrainingAcquisition | None = None
    procedure: Figures | None = None
    these_weights: Figures | None = None
    files: dict[str, str] = Field(default_factory=dict)

    def report_pictures(self) -> tuple[str, ...]:
        """Paths of the plots in the report, in order of their names."""
        return tuple(path for path in sorted(self.files) if re.fullmatch(r"report/[a-z0-9_]+\.png", path))

    @model_validator(mode="after")
    def _known_names(self) -> "Manifest":
        unknown = set(self.head.fusion) - set(MEASUREMENTS)
        unknown |= set(self.quality) - {*MEASUREMENTS, *INSPECTIONS}
        if unknown:
            raise ValueError(f"expected measurements this version knows, got {sorted(unknown)}")
        for path in self.files:
            parts = PurePosixPath(path).parts
            if not parts or ".." in parts or path.startswith("/") or "\\" in path:
                raise ValueError(f"expected a relative path inside the bundle, got {path!r}")
        return self


@dataclass(frozen=True)
class GoldenCell:
    """A drawn cell's file name and bytes, and the p_malignant its bundle must give for it."""

    file: str
    data: bytes
    p_malignant: float


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory. sha256: digest of the manifest's bytes, which covers every other file."""

    manifest: Manifest
    sha256: str
    weights: Weights
    golden: tuple[GoldenCell, ...]
    card: str
    statistics: Arrays = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`name/version`, as commands and pages write it."""
        return f"{self.manifest.name}/{self.manifest.version}"


def read_bundle(folder: Path, *, expected_sha256: str | None = None, signed_by: str = "") -> Bundle:
    """Read and verify a bundle.

    Args:
        folder: `.../<name>/<version>`.
        expected_sha256: digest the manifest must have, when it is known from a registry.
        signed_by: Ed25519 public key (PEM) that must have signed the manifest; empty takes unsigned ones, too.

    Raises:
        BundleRefused: a file is missing, extra, altered, linked, or says something impossible.
    """
    raw = _read_file(folder, MANIFEST, MAX_MANIFEST_BYTES)
    if signed_by:
        _check_signature(folder, raw, signed_by)
    digest = hashlib.sha256(raw).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise BundleRefused(
            f"Expected the manifest of {folder.name} to have SHA-256 {expected_sha256}, got {digest}."
        )
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as invalid:
        raise BundleRefused(f"{folder / MANIFEST} is not a manifest of format 1: {invalid}") from invalid
    contents = _read_all(folder, manifest)
    try:
        weights: Weights = load_safetensors(contents[WEIGHTS])
        statistics: Arrays = load_safetensors(contents[STATISTICS]) if STATISTICS in contents else {}
        expected = json.loads(contents[GOLDEN_EXPECTED])
        golden = tuple(
            GoldenCell(file, contents[f"golden/{file}"], float(value)) for file, value in expected.items()
        )
    except (SafetensorError, KeyError, ValueError, AttributeError, TypeError) as broken:
        raise BundleRefused(f"{folder} is listed whole but does not read as a bundle: {broken}") from broken
    if not all(np.isfinite(array).all() for array in (*weights.values(), *statistics.values())):
        raise BundleRefused(f"Expected finite numbers in {folder / WEIGHTS} and {folder / STATISTICS}.")
    card = contents[CARD].decode("utf-8", errors="replace")
    return Bundle(manifest, digest, weights, golden, card, statistics)


def _read_all(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    listed = set(manifest.files)
    present -= {MANIFEST, SIGNATURE}
    if present != listed:
        differing = sorted(present ^ listed)
        raise BundleRefused(
            f"Expected exactly the files the manifest lists in {folder}; differing: {differing}."
        )
    missing = {WEIGHTS, GOLDEN_EXPECTED, CARD} - listed
    if missing:
        raise BundleRefused(f"Expected {sorted(missing)} in {folder}.")
    return {name: read_listed(folder, manifest, name) for name in manifest.files}


def subject_shares(report: bytes) -> tuple[SubjectShare, ...]:
    """The subjects of `PROCEDURE_REPORT`, out of fold; none where it lists none.

    Raises:
        BundleRefused: it is no such report.
    """
    try:
        groups = json.loads(report).get("groups", [])
        return tuple(
            SubjectShare(label=each["label"], cells=each["cells"], called_malignant=each["called_malignant"])
            for each in groups
        )
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        raise BundleRefused(f"{PROCEDURE_REPORT} does not read as a report: {broken}") from broken


def read_listed(folder: Path, manifest: Manifest, name: str) -> bytes:
    """One file of a bundle, held against the digest its manifest states.

    Raises:
        BundleRefused: the file is missing, altered or a link.
    """
    data = _read_file(folder, name, MAX_FILE_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.files[name]:
        raise BundleRefused(f"Expected SHA-256 {manifest.files[name]} for {folder / name}, got {found}.")
    return data


def _check_signature(folder: Path, manifest: bytes, public_key: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(public_key.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise BundleRefused("Expected the trusted key to be an Ed25519 public key.")
    try:
        key.verify(base64.b64decode(_read_file(folder, SIGNATURE, 1024)), manifest)
    except (InvalidSignature, ValueError) as wrong:
        raise BundleRefused(
            f"Expected {folder / SIGNATURE} to be the trusted key's signature of the manifest; it is not."
        ) from wrong


def _read_file(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    if any(part.is_symlink() for part in (path, *path.parents[: len(PurePosixPath(name).parts)])):
        raise BundleRefused(f"Expected a plain file at {path}, got a link.")
    try:
        # Opened as what was looked at: no link put there since, and no pipe that is waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BundleRefused(f"Expected a plain file at {path}, got something else.")
            data = file.read(limit + 1)
    except OSError as missing:
        raise BundleRefused(f"Expected a readable file at {path}: {missing.strerror}.") from missing
    if len(data) > limit:
        raise BundleRefused(f"Expected at most {limit:,} bytes at {path}, got more.")
    return data


def copy_bundle(folder: Path, store: Path, *, signed_by: str = "") -> Bundle:
    """Verify a bundle and copy it to `<store>/<name>/<version>`; it appears there whole or not at all.

    The folder that is copied is no longer the one that was verified, so the copy is verified again.

    Raises:
        BundleRefused: it is not whole. FileExistsError: the store has that version already.
    """
    bundle = read_bundle(folder, signed_by=signed_by)
    target = store / bundle.manifest.name / bundle.manifest.version
    if target.exists():
        raise FileExistsError(f"{target} exists; versions are never overwritten.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".copy-") as scratch:
        copied = Path(scratch) / "bundle"
        shutil.copytree(folder, copied)
        read_bundle(copied, expected_sha256=bundle.sha256, signed_by=signed_by)
        copied.rename(target)
    return bundle


def as_stored(weights: Weights) -> Weights:
    """Float16, by name; but trees as they are: a threshold that moves sends cells another way."""
    return {
        name: array if name.startswith(TREES) else array.astype(np.float16)
        for name, array in sorted(weights.items())
    }


def write_bundle(
    folder: Path,
    manifest: Manifest,
    weights: Weights,
    golden: list[GoldenCell],
    files: dict[str, bytes],
    statistics: Arrays | None = None,
) -> Bundle:
    """Write a bundle and read it back.

    Args:
        folder: must not exist yet.
        manifest: `files` is filled in here.
        weights: name -> array; stored as float16, see `as_stored`.
        golden: drawn cells with what these very weights (float16-rounded) give for them.
        files: further files by relative path; must hold `CARD.md`.
        statistics: name -> array, stored as they are.

    Raises:
        FileExistsError: the folder exists; versions are never overwritten.
        BundleRefused: what was written does not read back.
    """
    expected = {cell.file: cell.p_malignant for cell in golden}
    contents = {
        **files,
        WEIGHTS: save_safetensors(as_stored(weights)),
        GOLDEN_EXPECTED: json.dumps(expected, indent=1).encode(),
        **{f"golden/{cell.file}": cell.data for cell in golden},
    }
    if statistics:
        contents[STATISTICS] = save_safetensors(statistics)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())}
    folder.mkdir(parents=True)
    for name, data in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    listed = manifest.model_copy(update={"files": digests})
    (folder / MANIFEST).write_text(listed.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return read_bundle(folder)
