"""Join trained runs, of other seeds or steps, into one run whose network averages theirs; nothing is trained or looked at anew.

The joined run is calibrated, evaluated and published like any other.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from models.head import Pooling
from training.fitting.initial_weights import Weights
from training.profiles import Member
from training.publishing.candidate import served_head
from training.runs import Run

Floats = npt.NDArray[np.floating]


def join_runs(runs: Sequence[Run], out: Path) -> Run:
    """Write the run that averages `runs`: every part that all of them have trained.

    Raises:
        ValueError: the runs differ in more than seed, steps and starting weights, or have no part in common.
    """
    first = runs[0]
    for run in runs[1:]:
        _check_alike(first, run)
    parts = sorted(set.intersection(*(_trained(run) for run in runs)))
    if not parts:
        raise ValueError(f"Expected a part that all of {[run.folder.name for run in runs]} have trained.")
    members = tuple(Member(seed=run.profile.seed, steps=run.profile.steps) for run in runs)
    profile = first.profile.model_copy(update={"members": members})
    joined = Run.create(out, profile, first.inputs.data, first.inputs.init)
    (out / "prepared").symlink_to((first.folder / "prepared").resolve(), target_is_directory=True)
    for part in parts:
        _join_part(runs, joined, part)
    return joined


def _join_part(runs: Sequence[Run], joined: Run, part: str) -> None:
    features, held_out = ([run.load(part, name) for run in runs] for name in ("features", "held_out"))
    if any(not np.array_equal(each["rows"], features[0]["rows"]) for each in features):
        raise ValueError(f"Expected the same cells in part {part} of every run.")
    embeddings = [each["features"] for each in features]
    pooling = served_head(joined.profile, embeddings[0].shape[1])["head"].pooling
    joined.save(part, "base", joined_base([run.load(part, "base") for run in runs]))
    joined.save(part, "head", joined_head([run.load(part, "head") for run in runs], pooling))
    joined.save(
        part, "features", {"rows": features[0]["rows"], "features": side_by_side(embeddings, pooling)}
    )
    margin = np.mean([each["margin"] for each in held_out], axis=0)
    joined.save(part, "held_out", {"rows": held_out[0]["rows"], "margin": margin})


def joined_base(bases: Sequence[Weights]) -> Weights:
    """Every member's arrays, named as `models.engines.ensemble` reads them."""
    return {
        f"member{number}__{name}": array
        for number, base in enumerate(bases, start=1)
        for name, array in base.items()
    }


def joined_head(heads: Sequence[Weights], pooling: Pooling) -> Weights:
    """One head over the members' embeddings whose logits are the mean of theirs.

    Hidden layers hold the members' kernels as blocks on the diagonal; the last layer and the fused measurements hold
    their means.
    """
    count = len(heads)
    last = sum(name.endswith("__kernel") and name.startswith("head__") for name in heads[0])
    joined: Weights = {}
    for layer in range(1, last + 1):
        kernels, biases = (
            [head[f"head__dense{layer}__{part}"] for head in heads] for part in ("kernel", "bias")
        )
        kernel = np.concatenate(kernels) / count if layer == last else block_diag(*kernels)
        bias = np.mean(biases, axis=0) if layer == last else np.concatenate(biases)
        joined |= {f"head__dense{layer}__kernel": kernel, f"head__dense{layer}__bias": bias}
    widths = np.cumsum([head["head__dense1__kernel"].shape[0] for head in heads])[:-1]
    members = np.split(joined["head__dense1__kernel"], widths)
    joined["head__dense1__kernel"] = side_by_side([each.T for each in members], pooling).T
    if "fusion__kernel" in heads[0]:
        joined |= _joined_fusion(heads)
        joined[f"head__dense{last}__bias"] += _fusion_offset(heads)
    if "trees__value" in heads[0]:
        joined |= {
            name: np.concatenate([head[name] for head in heads])
            for name in ("trees__feature", "trees__threshold", "trees__value")
        }
        joined["trees__value"] /= count
    return {name: array.astype(np.float32) for name, array in joined.items()}


def side_by_side(embeddings: Sequence[Floats], pooling: Pooling) -> Floats:
    """Embeddings of maps that lie side by side: (n, d) each -> (n, sum of d); means of all come before deviations."""
    if pooling != "cell_mean_deviation":
        return np.concatenate(embeddings, axis=1)
    halves = [np.split(each, 2, axis=1) for each in embeddings]
    return np.concatenate([mean for mean, _ in halves] + [deviation for _, deviation in halves], axis=1)


def _joined_fusion(heads: Sequence[Weights]) -> Weights:
    """The mean of the members' linear terms, on the first one's standardisation."""
    scale = heads[0]["fusion__scale"]
    kernels = [head["fusion__kernel"] * (scale / head["fusion__scale"])[:, None] for head in heads]
    return {
        "fusion__mean": heads[0]["fusion__mean"],
        "fusion__scale": scale,
        "fusion__kernel": np.mean(kernels, axis=0),
    }


def _fusion_offset(heads: Sequence[Weights]) -> Floats:
    """What another member's mean adds to the logits when the first one's is subtracted: (2,)."""
    shifts = [(heads[0]["fusion__mean"] - head["fusion__mean"]) / head["fusion__scale"] for head in heads]
    terms = [shift @ head["fusion__kernel"] for shift, head in zip(shifts, heads, strict=True)]
    return np.mean(terms, axis=0)


def _trained(run: Run) -> set[str]:
    return {path.parent.name for path in run.folder.glob("*/held_out.npz")}


def _check_alike(first: Run, other: Run) -> None:
    own = {name: getattr(first.profile, name) for name in ("seed", "steps", "watch_steps")}
    alike = other.profile.model_copy(update=own) == first.profile
    if not alike or other.inputs.fingerprint != first.inputs.fingerprint:
        raise ValueError(f"Expected {other.folder} to differ from {first.folder} in seed and steps alone.")
