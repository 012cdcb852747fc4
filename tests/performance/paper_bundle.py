"""The paper's VGG16 at 250 px with random weights as a bundle: ours and the peers run the same numbers.

Speed does not depend on what a network has learned; random He weights keep its activations in a normal range.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.inference.upload import encode_png
from models.bundle import Band, Bundle, Calibration, GoldenCell, Manifest, Origin, Weights, write_bundle
from models.classifier import Classifier
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.head import HeadSpec
from models.networks import PAPER_HEADS, Architecture, vgg_convolutions
from models.preprocessing import PAPER

NAME = "paper-vgg16"
ID = f"{NAME}/0.1.0"
ARCHITECTURE = Architecture(name="vgg16")
EMBEDDING_LENGTH = 512


def prepare_paper_bundle(store: Path) -> Path:
    """The bundle's folder below `store`, written when it is not there."""
    folder = store / ID
    if not folder.is_dir():
        manifest, weights = _manifest(), _weights()
        rounded: Weights = {name: array.astype(np.float16) for name, array in weights.items()}
        bare = Bundle(manifest, "0" * 64, rounded, (), "")
        png = encode_png(draw_cell(1))
        output = Classifier(bare, open_engine(bare, "ncnn")).classify([decode_cell(png).pixels])[0]
        golden = [GoldenCell("cell_1.png", png, output.p_malignant)]
        card = f"# {ID}\n\nRandom weights in the paper's shape, for benchmarks.\n".encode()
        write_bundle(folder, manifest, weights, golden, {"CARD.md": card})
    return folder


def _manifest() -> Manifest:
    return Manifest(
        name=NAME,
        version="0.1.0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        licence="Apache-2.0",
        architecture=ARCHITECTURE,
        preprocessing=PAPER,
        head=HeadSpec(
            pooling="max_then_mean",
            dense_layers=len(PAPER_HEADS["vgg16"].hidden) + 1,
            embedding_length=EMBEDDING_LENGTH,
        ),
        calibration=Calibration(slope=1.0, intercept=0.0, malignant_prevalence=0.5),
        band=Band(low=0.5, high=0.5),
        origin=Origin(
            data="none",
            citation="none",
            data_fingerprint="0" * 64,
            split="none",
            starting_weights="random",
            command="tests/performance/paper_bundle.py",
            cells=0,
            leak_groups=0,
        ),
    )


def _weights() -> Weights:
    random = np.random.default_rng(2019)
    weights: Weights = {}
    for layer in vgg_convolutions(ARCHITECTURE):
        spread = np.sqrt(2.0 / (9 * layer.inputs))
        weights[f"{layer.name}__kernel"] = random.normal(0, spread, (3, 3, layer.inputs, layer.filters))
        weights[f"{layer.name}__bias"] = np.zeros(layer.filters)
    width = EMBEDDING_LENGTH
    for index, units in enumerate([*PAPER_HEADS["vgg16"].hidden, 2], start=1):
        weights[f"head__dense{index}__kernel"] = random.normal(0, np.sqrt(2.0 / width), (width, units))
        weights[f"head__dense{index}__bias"] = np.zeros(units)
        width = units
    return weights
