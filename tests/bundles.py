"""Small bundles made by the tests: random weights, real format, loaded by the real engines in milliseconds."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.inference.upload import encode_png
from models.bundle import (
    Band,
    Bundle,
    Calibration,
    GoldenCell,
    Manifest,
    Origin,
    Weights,
    write_bundle,
)
from models.classifier import Classifier
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.head import HeadSpec
from models.networks import Architecture, vgg_convolutions
from models.preprocessing import Preprocessing
from models.quality import Limits

ARCHITECTURE = Architecture(name="vgg16", blocks=2)
NAME = "drawn-vgg16"
SMALLEST_PX2 = 600
"""What the bundle's gate lets through."""


def make_bundle(store: Path, version: str = "0.1.0", seed: int = 0, members: int = 1) -> Bundle:
    """Write `<store>/drawn-vgg16/<version>`; another seed gives another model. members: networks that are averaged."""
    manifest = make_manifest(version, members)
    weights = make_weights(seed) if members == 1 else _make_ensemble(seed, members)
    rounded = {name: array.astype(np.float16) for name, array in weights.items()}
    bare = Bundle(manifest, "0" * 64, rounded, (), "")
    classifier = Classifier(bare, open_engine(bare, "ncnn"))
    golden = []
    for index in (1, 2):
        png = encode_png(draw_cell(index))
        p_malignant = classifier.classify([decode_cell(png).pixels])[0].p_malignant
        golden.append(GoldenCell(f"cell_{index}.png", png, p_malignant))
    card = f"# {NAME} {version}\n\nRandom weights, for tests.\n".encode()
    return write_bundle(store / NAME / version, manifest, weights, golden, {"CARD.md": card})


def make_manifest(version: str = "0.1.0", members: int = 1) -> Manifest:
    return Manifest(
        name=NAME,
        version=version,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        licence="Apache-2.0",
        architecture=ARCHITECTURE,
        preprocessing=Preprocessing(crop_px=64, output_px=64, centre="cell", mean="crop"),
        head=HeadSpec(
            pooling="cell_mean_deviation",
            dense_layers=1,
            embedding_length=256 * members,
            fusion=("area_px2",),
        ),
        members=members,
        calibration=Calibration(slope=1.0, intercept=0.0, malignant_prevalence=0.5),
        band=Band(low=0.45, high=0.55),
        quality={"area_px2": (Limits(reason="size_outside_training_range", lowest=SMALLEST_PX2),)},
        origin=Origin(
            data="drawn cells",
            citation="none",
            data_fingerprint="0" * 64,
            split="none",
            starting_weights="random",
            command="tests/bundles.py",
            cells=0,
            leak_groups=0,
        ),
    )


def make_weights(seed: int = 0) -> Weights:
    random = np.random.default_rng(seed)
    weights: Weights = {}
    for layer in vgg_convolutions(ARCHITECTURE):
        spread = np.sqrt(2.0 / (9 * layer.inputs))
        weights[f"{layer.name}__kernel"] = random.normal(0, spread, (3, 3, layer.inputs, layer.filters))
        weights[f"{layer.name}__bias"] = random.normal(0, 0.01, layer.filters)
    weights["head__dense1__kernel"] = random.normal(0, 0.3, (256, 2))
    weights["head__dense1__bias"] = np.zeros(2)
    weights["fusion__mean"] = np.array([28000.0])
    weights["fusion__scale"] = np.array([6000.0])
    weights["fusion__kernel"] = np.array([[1.0, -1.0]])
    return weights


def _make_ensemble(seed: int, members: int) -> Weights:
    own = [make_weights(seed + number) for number in range(members)]
    bases = {
        f"member{number}__{name}": array
        for number, each in enumerate(own, start=1)
        for name, array in each.items()
        if name.startswith("block")
    }
    head = {name: array for name, array in own[0].items() if not name.startswith("block")}
    kernels = [each["head__dense1__kernel"] for each in own]
    return bases | head | {"head__dense1__kernel": np.concatenate(kernels) / members}
