"""Networks joined into one answer with the mean of their logits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.boosted_trees import BoostedTrees
from models.bundle import Bundle
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.head import Head, HeadSpec
from tests.bundles import make_manifest, make_weights
from training.fitting.ensemble import join_runs, joined_base, joined_head, side_by_side
from training.fitting.initial_weights import rounded
from training.profiles import Member, changed, profile
from training.publishing.publish import reproduction_command
from training.runs import Run

CELLS = [draw_cell(seed) for seed in (1, 4)]


def member(seed: int) -> dict[str, np.ndarray]:
    weights = make_weights(seed)
    weights["fusion__mean"] = weights["fusion__mean"] + 1000 * seed
    weights["fusion__scale"] = weights["fusion__scale"] * (1 + seed)
    return weights


def parts(weights: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    head = {name: array for name, array in weights.items() if name.startswith(("head__", "fusion__"))}
    return {name: array for name, array in weights.items() if name not in head}, head


def outputs(bundle: Bundle) -> list:
    return Classifier(bundle, open_engine(bundle, "ncnn")).classify(CELLS)


def test_a_bundle_of_several_networks_gives_the_mean_of_their_logits_and_all_their_embeddings() -> None:
    bare = Bundle(make_manifest(), "0" * 64, {}, (), "")
    members = [member(seed) for seed in (0, 1, 2)]
    alone = [outputs(replace(bare, weights=weights)) for weights in members]
    bases, heads = zip(*(parts(weights) for weights in members), strict=True)
    spec = bare.manifest.head.model_copy(update={"embedding_length": 3 * 256})
    manifest = bare.manifest.model_copy(update={"members": 3, "head": spec})
    joined = joined_base(bases) | joined_head(heads, "cell_mean_deviation")
    for index, together in enumerate(outputs(replace(bare, manifest=manifest, weights=joined))):
        own = [each[index] for each in alone]
        np.testing.assert_allclose(together.logits, np.mean([each.logits for each in own], axis=0), atol=2e-4)
        embedding = side_by_side([each.embedding[None] for each in own], "cell_mean_deviation")[0]
        np.testing.assert_allclose(together.embedding, embedding, rtol=1e-5)


def test_the_members_trees_add_the_mean_of_their_margins() -> None:
    random = np.random.default_rng(3)
    heads = [
        {
            "head__dense1__kernel": np.zeros((2, 2), np.float32),
            "head__dense1__bias": np.zeros(2, np.float32),
            "trees__feature": random.integers(2, size=(4, 3)).astype(np.float32),
            "trees__threshold": random.normal(size=(4, 3)).astype(np.float32),
            "trees__value": random.normal(size=(4, 4)).astype(np.float32),
        }
        for _ in range(3)
    ]
    numbers = random.normal(size=(6, 2)).astype(np.float32)
    alone = [BoostedTrees.of(head, 2).margin(numbers) for head in heads]
    joined = BoostedTrees.of(joined_head(heads, "mean"), 2)
    np.testing.assert_allclose(joined.margin(numbers), np.mean(alone, axis=0), rtol=1e-5, atol=1e-6)


def test_hidden_layers_of_the_members_do_not_mix() -> None:
    random = np.random.default_rng(0)
    heads = [
        {
            "head__dense1__kernel": random.normal(size=(4, 5)),
            "head__dense1__bias": random.normal(size=5),
            "head__dense2__kernel": random.normal(size=(5, 2)),
            "head__dense2__bias": random.normal(size=2),
        }
        for _ in range(2)
    ]
    maps = [random.normal(size=(4, 3, 3)).astype(np.float32) for _ in heads]
    inside = np.ones((3, 3), np.float32)
    spec = HeadSpec(pooling="mean", dense_layers=2, embedding_length=4)
    alone = [Head(spec, head)(each, inside, {}).logits for head, each in zip(heads, maps, strict=True)]
    wide = Head(spec.model_copy(update={"embedding_length": 8}), joined_head(heads, "mean"))
    np.testing.assert_allclose(
        wide(np.concatenate(maps), inside, {}).logits, np.mean(alone, axis=0), rtol=1e-5
    )


@pytest.fixture
def runs(drawn_dataset: Path, tmp_path: Path) -> list[Run]:
    """Two runs of the small patch network, as `fit` leaves them."""
    made = []
    for seed in (1, 2):
        chosen = changed(profile("smoke"), seed=seed, steps=10 * seed)
        run = Run.create(tmp_path / f"run{seed}", chosen, drawn_dataset, "none")
        base, head = parts(rounded(member(seed)))
        rows = np.arange(6)
        features = np.random.default_rng(seed).normal(size=(6, 256))
        run.save("final", "base", base)
        run.save("final", "head", head)
        run.save("final", "features", {"rows": rows, "features": features})
        run.save("final", "held_out", {"rows": rows[:2], "margin": np.full(2, float(seed))})
        made.append(run)
    return made


def test_joined_runs_are_a_run_of_their_own(runs: list[Run], tmp_path: Path) -> None:
    joined = Run.open(join_runs(runs, tmp_path / "joined").folder)
    assert joined.profile.members == (Member(seed=1, steps=10), Member(seed=2, steps=20))
    assert joined.load("final", "features")["features"].shape == (6, 512)
    np.testing.assert_array_equal(joined.load("final", "held_out")["margin"], [1.5, 1.5])
    assert len(joined.load("final", "base")) == 2 * len(runs[0].load("final", "base"))
    assert reproduction_command(joined).endswith(
        ", with --seed 1 --steps 10 --out RUN1, --seed 2 --steps 20 --out RUN2; "
        "then python -m training ensemble --run RUN1 --run RUN2 --out RUN"
    )


def test_runs_that_differ_in_more_than_seed_and_steps_are_not_joined(runs: list[Run], tmp_path: Path) -> None:
    other = replace(runs[1], profile=runs[1].profile.model_copy(update={"dropout": 0.1}))
    with pytest.raises(ValueError, match="in seed and steps alone"):
        join_runs([runs[0], other], tmp_path / "joined")
