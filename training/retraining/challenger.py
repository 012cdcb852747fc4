"""A challenger trained on old and new cells, beside the champion on the same frozen evaluation.

RUN/data/                  index of the old cells and of the new ones that were admitted
RUN/run/                   the challenger's training, see `training.runs`
RUN/store/NAME/VERSION     the challenger, where the gate did not refuse it
RUN/retraining.json        `Retraining`: what was learned from, what was found, why it did or did not pass
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle, Figures, read_bundle
from models.metrics import METRICS, group_resamples, sensitivity, with_interval
from training.calibration.limits import observed_rows
from training.cells.dataset import read_dataset
from training.cells.splits import with_split
from training.fitting.parts import fit_part, prepare_run
from training.fitting.prepare import open_prepared
from training.judging.evaluate import classify_cells
from training.profiles import AnyProfile
from training.publishing.candidate import (
    calibrate_run,
    candidate,
    has_seen_val,
    open_candidate,
)
from training.retraining.gate import GateLimits, Verdict, compared, judge
from training.retraining.label_check import LabelCheck, check_labels
from training.retraining.replay import Snapshot, admitted, pictured, require_cells, snapshot, write_joined
from training.retraining.report import REPORT, Retraining
from training.retraining.retrained_bundle import write_challenger
from training.runs import FINAL, Run, fingerprint

Doubles = npt.NDArray[np.float64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Sources:
    """champion: folder of a bundle. old: the data whose test part judges. new: data folders that are learned from.

    init: what the challenger starts from, as `--init`; where it is empty, the champion, whose architecture and
    preprocessing it then takes.
    """

    champion: Path
    old: Path
    new: tuple[Path, ...]
    init: str = ""


@dataclass(frozen=True)
class _Joined:
    """What was put together. new: pictures of the new cells. as_trained: whether the old cells are the champion's own."""

    snapshot: Snapshot
    new: frozenset[Path]
    as_trained: bool


def retrain_bundle(
    sources: Sources,
    out: Path,
    profile: AnyProfile,
    limits: GateLimits,
    *,
    name: str,
    version: str,
    say: Say,
) -> Retraining:
    """Train, judge, and keep the challenger unless it is refused.

    Args:
        out: a new folder.

    Raises:
        DatasetError: no new cell may be learned from. ValueError: the champion is no start. FileExistsError: `out` was used before.
        BundleRefused: the champion is not whole.
    """
    champion = read_bundle(sources.champion)
    say(f"1/5 reading the cells of {sources.old.name} and the new ones")
    joined = _join(sources, champion, out)
    run = _trained(champion, sources, out, profile, say)
    say("4/5 champion and challenger on the frozen evaluation")
    challenger = candidate(run, name=name, version=version, command=_command(champion, sources, profile))
    rows = run.split(FINAL).test
    before, after = (_p_malignant(bundle, run, rows) for bundle in (champion, challenger))
    malignant, groups = run.malignant[rows], run.groups[rows].tolist()
    say("5/5 the gate")
    labels = _labels(run, joined.new)
    changes = compared(before, after, malignant, groups, limits, seed=profile.seed)
    report = Retraining(
        champion=champion.id,
        champion_sha256=champion.sha256,
        challenger=challenger.id,
        challenger_sha256=None,
        profile=run.profile,
        init=Path(sources.init).name,
        command=challenger.manifest.origin.command,
        snapshot=joined.snapshot,
        replayed_as_trained=joined.as_trained,
        limits=limits,
        labels=labels,
        evaluation=_figures(after, malignant, groups, challenger.manifest.origin.command, profile.seed),
        judgement=judge(changes, sensitivity(after, malignant), labels, limits),
    )
    return _kept(report, champion, challenger, joined.new, out)


def _join(sources: Sources, champion: Bundle, out: Path) -> _Joined:
    """Write RUN/data."""
    old = with_split(read_dataset(sources.old))
    seen = pictured(old)
    kept, left_out = admitted(seen, [each for new in sources.new for each in pictured(read_dataset(new))])
    require_cells(kept, left_out)
    write_joined([*old, *(each.cell for each in kept)], out / "data")
    return _Joined(
        snapshot(seen, kept, left_out),
        frozenset(each.cell.path.resolve() for each in kept),
        fingerprint(old) == champion.manifest.origin.data_fingerprint,
    )


def _trained(champion: Bundle, sources: Sources, out: Path, profile: AnyProfile, say: Say) -> Run:
    own = {} if sources.init else _of_the_champion(champion)
    # Folds are too dear here, and new cells belong to none.
    source = "champion" if not sources.init and has_seen_val(champion.manifest) else "val"
    chosen = profile.model_copy(update=own | {"calibrated_on": source})
    run = Run.create(out / "run", chosen, out / "data", sources.init or str(sources.champion.resolve()))
    say(f"2/5 preparing {len(run.cells)} cells of {len(set(run.groups))} leak groups")
    prepare_run(run)
    say("3/5 training the challenger")
    fit_part(run, FINAL, say=say)
    calibrate_run(run)
    return run


def _of_the_champion(champion: Bundle) -> dict[str, object]:
    """What a challenger that starts from the champion takes over.

    Raises:
        ValueError: the champion averages several networks, so there is no one to start from.
    """
    manifest = champion.manifest
    if manifest.members > 1:
        raise ValueError(
            f"Expected a champion of one network to start from, {champion.id} averages {manifest.members}. "
            "Name another start with --init, and a profile that trains from it."
        )
    return {
        "architecture": manifest.architecture,
        "preprocessing": manifest.preprocessing,
        "trees": manifest.head.trees,
    }


def _p_malignant(bundle: Bundle, run: Run, rows: npt.NDArray[np.intp]) -> Doubles:
    """As served, of every cell: also of those the bundle's gate would stop."""
    ungated = replace(bundle, manifest=bundle.manifest.model_copy(update={"quality": {}}))
    return classify_cells(open_candidate(ungated), [run.cells[row] for row in rows])


def _labels(run: Run, new: frozenset[Path]) -> LabelCheck:
    features = run.load(FINAL, "features")
    learned = np.isin(features["rows"], run.split(FINAL).train)
    rows = features["rows"][learned]
    prepared = open_prepared(run.folder / "prepared")
    observed = observed_rows(run, prepared, rows, features["features"][learned])
    is_new = np.array([run.cells[row].path in new for row in rows])
    return check_labels(observed, is_new, recipe=run.profile.head_recipe, seed=run.profile.seed)


def _figures(
    p_malignant: Doubles, malignant: npt.NDArray[np.bool_], groups: list[str], command: str, seed: int
) -> Figures:
    samples = group_resamples(malignant, groups, seed=seed)
    names = np.array(groups)
    return Figures(
        description="these weights on the frozen test part, weights as served",
        command=command,
        cells=len(malignant),
        malignant_groups=len(set(names[malignant])),
        healthy_groups=len(set(names[~malignant])),
        metrics={
            name: with_interval(metric, p_malignant, malignant, samples) for name, metric in METRICS.items()
        },
    )


def _kept(
    report: Retraining, champion: Bundle, challenger: Bundle, new: frozenset[Path], out: Path
) -> Retraining:
    """Write the challenger unless it was refused, then the report."""
    if report.judgement.verdict is not Verdict.REFUSED:
        bundle = write_challenger(report, champion, challenger, new, out / "store")
        report = report.model_copy(update={"challenger_sha256": bundle.sha256})
    (out / REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
    return report


def _command(champion: Bundle, sources: Sources, profile: AnyProfile) -> str:
    """What repeats it, with the folders' names in place of their paths."""
    new = " ".join(f"--new {folder.name}" for folder in sources.new)
    init = f"--init {Path(sources.init).name} " if sources.init else ""
    return (
        f"python -m training retrain --champion {champion.id} --data {sources.old.name} {new} {init}"
        f"--profile {profile.name} --out RUN"
    )
