"""What the limits of a bundle do: on people nothing was fitted to, and on pictures that are no cells of the kind."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict

from models.bundle import Bundle, Interval
from models.classifier import Classifier
from models.conformal import ConformalLimit, ConformalLimits, coverage, groups_needed
from models.decision import Judge, PredictionLabel
from models.decoding import decode_cell
from models.labels import Label
from models.measurements import MEASUREMENTS, ImageArray
from models.metrics import DECISION, group_resamples, interval, weighted_f1
from models.quality import INSPECTIONS, QualityLevel
from models.refusals import ImageRefused
from training.calibrate import probabilities
from training.observe import Seen
from training.strangers import KINDS

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ANSWERED_SHARE = 0.8
SEED = 0


class Coverage(BaseModel):
    """One class's sets on one part. per_group: leak group -> share covered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float
    groups: int
    covered: Interval
    per_group: dict[str, float]


class Abstention(BaseModel):
    """One part of the data, whose people nothing but the stated limits was fitted to.

    refused: not assessable or unlike the training cells. answered: labelled malignant or healthy. f1_full: weighted F1
    of all cells at 0.5; f1_surest: of the surest `ANSWERED_SHARE`; gain: their paired difference; f1_answered: of the
    cells that got a label. both: cells that keep both labels under the sets; both_new_person: under the limits that a
    promise for one new person needs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    cells: int
    groups: int
    not_assessable: Interval
    refused: Interval
    answered: Interval
    f1_full: Interval
    f1_surest: Interval
    gain: Interval
    f1_answered: Interval
    both: float
    both_new_person: float
    coverage: dict[Label, Coverage]


class Strangers(BaseModel):
    """How pictures of one kind were answered; caught: anything but malignant or healthy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    pictures: int
    refused: int
    not_assessable: int
    indeterminate: int

    @property
    def caught(self) -> float:
        return (self.refused + self.not_assessable + self.indeterminate) / self.pictures


def judge_part(bundle: Bundle, seen: Seen, part: str) -> Abstention:
    """Everything about one part. seen: the cells of all parts."""
    own = seen.where(seen.observed.parts == part)
    observed = own.observed
    p_malignant = probabilities(own.margin, bundle.manifest.calibration)
    labels, new = _answers(Judge(bundle), own, p_malignant)
    malignant, groups = observed.malignant, observed.groups.tolist()
    samples = group_resamples(malignant, groups, seed=SEED)

    def figure(values: Bools) -> Interval:
        return interval(float(values.mean()), [float(values[rows].mean()) for rows in samples])

    stopped = labels == PredictionLabel.NOT_ASSESSABLE
    answered = (labels == PredictionLabel.MALIGNANT) | (labels == PredictionLabel.HEALTHY)
    surest = _surest(p_malignant, stopped | new)
    everything = np.ones(len(malignant), bool)

    def f1(kept: Bools, rows: npt.NDArray[np.intp]) -> float:
        own_rows = rows[kept[rows]]
        return weighted_f1(p_malignant[own_rows], malignant[own_rows]) if own_rows.size else 0.0

    def f1_figure(kept: Bools) -> Interval:
        return interval(f1(kept, np.arange(len(malignant))), [f1(kept, rows) for rows in samples])

    full, best = f1_figure(everything), f1_figure(surest)
    gains = [f1(surest, rows) - f1(everything, rows) for rows in samples]
    conformal = bundle.manifest.conformal
    assert conformal is not None
    return Abstention(
        part=part,
        cells=len(malignant),
        groups=len(set(groups)),
        not_assessable=figure(stopped),
        refused=figure(stopped | new),
        answered=figure(answered),
        f1_full=full,
        f1_surest=best,
        gain=interval(best.value - full.value, gains),
        f1_answered=f1_figure(answered),
        both=_both(p_malignant, conformal.malignant.least, conformal.healthy.least),
        both_new_person=_both(
            p_malignant, conformal.malignant.least_new_person, conformal.healthy.least_new_person
        ),
        coverage=_coverages(conformal, p_malignant, malignant, observed.groups),
    )


def judge_strangers(classifier: Classifier, cells: Sequence[ImageArray]) -> list[Strangers]:
    """Draw every kind from every cell, and ask as an upload asks."""
    return [_judge_kind(classifier, kind, cells) for kind in KINDS]


def abstention_text(
    parts: Sequence[Abstention], strangers: Sequence[Strangers], limits: ConformalLimits
) -> str:
    """Markdown for the card and the console."""
    return "\n\n".join((_parts_table(parts), _sets_text(parts, limits), _strangers_table(strangers)))


def _answers(judge: Judge, seen: Seen, p_malignant: Doubles) -> tuple[npt.NDArray[np.object_], Bools]:
    """The label of each cell, and whether it is unlike the training cells though the gate lets it through."""
    labels, new = [], []
    observed = seen.observed
    for i, p in enumerate(p_malignant):
        measured = dict(zip(MEASUREMENTS, map(float, observed.measurements[i]), strict=True))
        inspected = dict(zip(INSPECTIONS, map(float, observed.inspections[i]), strict=True))
        if judge.quality(measured | inspected).level is QualityLevel.NOT_ASSESSABLE:
            labels.append(PredictionLabel.NOT_ASSESSABLE)
            new.append(False)
            continue
        decision = judge.decide(float(p), observed.embeddings[i], measured)
        labels.append(decision.label)
        new.append("unlike_training_cells" in decision.reasons)
    return np.array(labels, object), np.array(new)


def _surest(p_malignant: Doubles, refused: Bools) -> Bools:
    """The `ANSWERED_SHARE` of all cells that lie farthest from 0.5; refused ones come last."""
    sureness = np.where(refused, -1.0, np.abs(p_malignant - DECISION))
    kept = np.argsort(-sureness, kind="stable")[: round(ANSWERED_SHARE * len(sureness))]
    return np.isin(np.arange(len(sureness)), kept)


def _both(p_malignant: Doubles, least_malignant: float, least_healthy: float) -> float:
    return float(((p_malignant >= least_malignant) & (1.0 - p_malignant >= least_healthy)).mean())


def _coverages(
    limits: ConformalLimits, p_malignant: Doubles, malignant: Bools, groups: npt.NDArray[np.str_]
) -> dict[Label, Coverage]:
    sides = {
        Label.MALIGNANT: (limits.malignant, p_malignant, malignant),
        Label.HEALTHY: (limits.healthy, 1.0 - p_malignant, ~malignant),
    }
    return {label: _coverage(limit, p[own], groups[own]) for label, (limit, p, own) in sides.items()}


def _coverage(limit: ConformalLimit, p_true: Doubles, groups: npt.NDArray[np.str_]) -> Coverage:
    kept, names = p_true >= limit.least, sorted(set(groups.tolist()))
    random = np.random.default_rng(SEED)
    drawn = [random.choice(names, len(names)) for _ in range(2000)]
    resampled = [float(np.concatenate([kept[groups == name] for name in each]).mean()) for each in drawn]
    return Coverage(
        alpha=limit.alpha,
        groups=len(names),
        covered=interval(float(kept.mean()), resampled),
        per_group=coverage(p_true, groups.tolist(), limit.least),
    )


def _judge_kind(classifier: Classifier, kind: str, cells: Sequence[ImageArray]) -> Strangers:
    counts = {label: 0 for label in PredictionLabel}
    shown = []
    for seed, cell in enumerate(cells):
        picture = KINDS[kind](cell, np.random.default_rng((SEED, seed)))
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        try:
            shown.append(decode_cell(buffer.getvalue()).pixels)
        except ImageRefused:
            continue
    for output in classifier.classify_many(shown):
        counts[output.label] += 1
    return Strangers(
        kind=kind,
        pictures=len(cells),
        refused=len(cells) - len(shown),
        not_assessable=counts[PredictionLabel.NOT_ASSESSABLE],
        indeterminate=counts[PredictionLabel.INDETERMINATE],
    )


def _parts_table(parts: Sequence[Abstention]) -> str:
    rows = {
        "cells, leak groups": lambda part: f"{part.cells}, {part.groups}",
        "not assessable": lambda part: _share(part.not_assessable),
        "not assessable or unlike the training cells": lambda part: _share(part.refused),
        "labelled malignant or healthy": lambda part: _share(part.answered),
        "weighted F1, all cells at 0.5": lambda part: _figure(part.f1_full),
        "weighted F1, the surest 80 %": lambda part: _figure(part.f1_surest),
        "gain of the surest 80 % over all, paired": lambda part: _figure(part.gain),
        "weighted F1, labelled cells": lambda part: _figure(part.f1_answered),
    }
    lines = ["|  | " + " | ".join(f"{part.part} part" for part in parts) + " |"]
    lines.append("| --- |" + " --- |" * len(parts))
    lines += [f"| {words} | " + " | ".join(map(text, parts)) + " |" for words, text in rows.items()]
    return "\n".join(lines)


def _sets_text(parts: Sequence[Abstention], limits: ConformalLimits) -> str:
    lines = [
        f"Prediction sets, fitted on {limits.fitted_on}. A label is ruled out where its probability lies below the limit.",
        "",
        "| class | alpha | limit | fitted on | covered: "
        + " | covered: ".join(f"{part.part} part (groups; lowest, middle, highest group)" for part in parts)
        + " |",
        "| --- | --- | --- | --- |" + " --- |" * len(parts),
    ]
    for label, limit in ((Label.MALIGNANT, limits.malignant), (Label.HEALTHY, limits.healthy)):
        cells = [_covered(part.coverage[label]) for part in parts]
        fitted = f"{limit.cells} cells of {limit.groups} groups"
        lines.append(
            f"| {label} | {limit.alpha} | {limit.least:.3f} | {fitted} | " + " | ".join(cells) + " |"
        )
    both = ", ".join(f"{part.part} part {part.both:.0%}" for part in parts)
    dear = ", ".join(f"{part.part} part {part.both_new_person:.0%}" for part in parts)
    needed = ", ".join(
        f"{label} {groups_needed(limit.alpha)} ({limit.groups} here, limit {limit.least_new_person:.3f})"
        for label, limit in ((Label.MALIGNANT, limits.malignant), (Label.HEALTHY, limits.healthy))
    )
    return "\n".join(lines) + (
        f"\n\nCells that keep both labels: {both}. These limits hold on average over people, not for one new person. "
        f"A promise for the cells of one new person needs at least 1/alpha - 1 groups: {needed}; with those limits "
        f"these would keep both labels: {dear}. That answers almost nothing, so it is not what serves, and no such "
        "promise is made."
    )


def _covered(found: Coverage) -> str:
    shares = sorted(found.per_group.values())
    spread = f"{found.groups}; {shares[0]:.0%}, {float(np.median(shares)):.0%}, {shares[-1]:.0%}"
    return f"{_share(found.covered)} ({spread})"


def _strangers_table(strangers: Sequence[Strangers]) -> str:
    lines = ["| picture, drawn | pictures | refused | not assessable | indeterminate | caught |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for each in strangers:
        values = (
            each.kind.replace("_", " "),
            each.pictures,
            each.refused,
            each.not_assessable,
            each.indeterminate,
        )
        lines.append("| " + " | ".join(map(str, values)) + f" | {each.caught:.0%} |")
    caught = sum(each.caught * each.pictures for each in strangers) / sum(each.pictures for each in strangers)
    return "\n".join(lines) + f"\n\nCaught over all kinds: {caught:.1%}."


def _share(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def _figure(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
