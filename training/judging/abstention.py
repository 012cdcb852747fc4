"""What the limits of a bundle do: on people nothing was fitted to, and on pictures that are no cells of the kind."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict

from models.bundle import Bundle, Interval
from models.classifier import Classifier
from models.conformal import ConformalLimit, ConformalLimits, groups_needed
from models.decision import Judge, PredictionLabel
from models.decoding import decode_cell
from models.labels import Label
from models.measurements import MEASUREMENTS, ImageArray
from models.metrics import DECISION, group_resamples, interval, weighted_f1
from models.quality import INSPECTIONS, QualityLevel
from models.refusals import ImageRefused
from training.calibration.calibrate import probabilities
from training.calibration.limits import ALPHA, Observed
from training.calibration.observe import Seen
from training.pictures.strangers import KINDS

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


_NOTHING_RULED_OUT = tuple(
    ConformalLimit(alpha=alpha, least=0, least_new_person=0, cells=0, groups=0) for alpha in ALPHA.values()
)


class LimitsReport(BaseModel):
    """`report/limits.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str
    parts: list[Abstention]
    strangers: list[Strangers]


@dataclass(frozen=True)
class Answers:
    """What a bundle says of n cells.

    p_malignant: (n,) calibrated, of every cell. labels: (n,) `PredictionLabel`. new: (n,) unlike the training cells
    though the gate lets it through. kept, kept_new_person: (n, 2) whether malignant, healthy are not ruled out.
    """

    p_malignant: Doubles
    labels: npt.NDArray[np.object_]
    new: Bools
    kept: Bools
    kept_new_person: Bools

    @classmethod
    def together(cls, parts: Sequence["Answers"]) -> "Answers":
        """One after the other."""
        return cls(**{name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])})


def answers_of(bundle: Bundle, observed: Observed, p_malignant: Doubles) -> Answers:
    """Gate, distances, band and sets of a bundle on cells it has looked at; p_malignant: (n,)."""
    judge, conformal = Judge(bundle), bundle.manifest.conformal
    labels, new = zip(
        *(_answer(judge, observed, i, float(p)) for i, p in enumerate(p_malignant)), strict=True
    )
    p_true = np.stack([p_malignant, 1.0 - p_malignant], axis=1)
    limits = (conformal.malignant, conformal.healthy) if conformal else _NOTHING_RULED_OUT
    return Answers(
        p_malignant=p_malignant,
        labels=np.array(labels, object),
        new=np.array(new),
        kept=p_true >= [limit.least for limit in limits],
        kept_new_person=p_true >= [limit.least_new_person for limit in limits],
    )


def _answer(judge: Judge, observed: Observed, row: int, p_malignant: float) -> tuple[PredictionLabel, bool]:
    measured = dict(zip(MEASUREMENTS, map(float, observed.measurements[row]), strict=True))
    inspected = dict(zip(INSPECTIONS, map(float, observed.inspections[row]), strict=True))
    if judge.quality(measured | inspected).level is QualityLevel.NOT_ASSESSABLE:
        return PredictionLabel.NOT_ASSESSABLE, False
    decision = judge.decide(p_malignant, observed.embeddings[row], measured)
    return decision.label, "unlike_training_cells" in decision.reasons


def judge_part(bundle: Bundle, seen: Seen, part: str) -> Abstention:
    """Everything about one part. seen: the cells of all parts."""
    own = seen.where(seen.observed.parts == part)
    p_malignant = probabilities(own.margin, bundle.manifest.calibration)
    found = answers_of(bundle, own.observed, p_malignant)
    return judge_answers(f"{part} part", found, own.observed.malignant, own.observed.groups)


def judge_answers(part: str, answers: Answers, malignant: Bools, groups: npt.NDArray[np.str_]) -> Abstention:
    """Shares and figures with intervals over leak groups. part: whose, in words. malignant, groups: (n,)."""
    samples = group_resamples(malignant, groups.tolist(), seed=SEED)
    p_malignant, labels = answers.p_malignant, answers.labels

    def figure(values: Bools) -> Interval:
        return interval(float(values.mean()), [float(values[rows].mean()) for rows in samples])

    stopped = labels == PredictionLabel.NOT_ASSESSABLE
    answered = (labels == PredictionLabel.MALIGNANT) | (labels == PredictionLabel.HEALTHY)
    surest = _surest(p_malignant, stopped | answers.new)
    everything = np.ones(len(malignant), bool)

    def f1(kept: Bools, rows: npt.NDArray[np.intp]) -> float:
        own_rows = rows[kept[rows]]
        return weighted_f1(p_malignant[own_rows], malignant[own_rows]) if own_rows.size else 0.0

    def f1_figure(kept: Bools) -> Interval:
        return interval(f1(kept, np.arange(len(malignant))), [f1(kept, rows) for rows in samples])

    full, best = f1_figure(everything), f1_figure(surest)
    gains = [f1(surest, rows) - f1(everything, rows) for rows in samples]
    return Abstention(
        part=part,
        cells=len(malignant),
        groups=len(set(groups.tolist())),
        not_assessable=figure(stopped),
        refused=figure(stopped | answers.new),
        answered=figure(answered),
        f1_full=full,
        f1_surest=best,
        gain=interval(best.value - full.value, gains),
        f1_answered=f1_figure(answered),
        both=float(answers.kept.all(axis=1).mean()),
        both_new_person=float(answers.kept_new_person.all(axis=1).mean()),
        coverage={
            Label.MALIGNANT: _coverage(ALPHA[Label.MALIGNANT], answers.kept[malignant, 0], groups[malignant]),
            Label.HEALTHY: _coverage(ALPHA[Label.HEALTHY], answers.kept[~malignant, 1], groups[~malignant]),
        },
    )


def judge_strangers(classifier: Classifier, cells: Sequence[ImageArray]) -> list[Strangers]:
    """Draw every kind from every cell, and ask as an upload asks."""
    return [_judge_kind(classifier, kind, cells) for kind in KINDS]


def abstention_text(
    parts: Sequence[Abstention], strangers: Sequence[Strangers], limits: ConformalLimits | None
) -> str:
    """Markdown for the card and the console."""
    sets = _sets_text(parts, limits) if limits else "No prediction sets: the folds did not allow any."
    return "\n\n".join((_parts_table(parts), sets, _strangers_table(strangers)))


def _surest(p_malignant: Doubles, refused: Bools) -> Bools:
    """The `ANSWERED_SHARE` of all cells that lie farthest from 0.5; refused ones come last."""
    sureness = np.where(refused, -1.0, np.abs(p_malignant - DECISION))
    kept = np.argsort(-sureness, kind="stable")[: round(ANSWERED_SHARE * len(sureness))]
    return np.isin(np.arange(len(sureness)), kept)


def _coverage(alpha: float, kept: Bools, groups: npt.NDArray[np.str_]) -> Coverage:
    per_group = {name: float(kept[groups == name].mean()) for name in sorted(set(groups.tolist()))}
    names, random = list(per_group), np.random.default_rng(SEED)
    drawn = [random.choice(names, len(names)) for _ in range(2000)]
    resampled = [float(np.concatenate([kept[groups == name] for name in each]).mean()) for each in drawn]
    return Coverage(
        alpha=alpha,
        groups=len(names),
        covered=interval(float(kept.mean()), resampled),
        per_group=per_group,
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
    lines = ["|  | " + " | ".join(part.part for part in parts) + " |"]
    lines.append("| --- |" + " --- |" * len(parts))
    lines += [f"| {words} | " + " | ".join(map(text, parts)) + " |" for words, text in rows.items()]
    return "\n".join(lines)


def _sets_text(parts: Sequence[Abstention], limits: ConformalLimits) -> str:
    lines = [
        f"Prediction sets, fitted on {limits.fitted_on}. A label is ruled out where its probability lies below the limit.",
        "",
        "| class | alpha | limit | fitted on | covered: "
        + " | covered: ".join(f"{part.part} (groups; lowest, middle, highest group)" for part in parts)
        + " |",
        "| --- | --- | --- | --- |" + " --- |" * len(parts),
    ]
    for label, limit in ((Label.MALIGNANT, limits.malignant), (Label.HEALTHY, limits.healthy)):
        cells = [_covered(part.coverage[label]) for part in parts]
        fitted = f"{limit.cells} cells of {limit.groups} groups"
        lines.append(
            f"| {label} | {limit.alpha} | {limit.least:.3f} | {fitted} | " + " | ".join(cells) + " |"
        )
    both = ", ".join(f"{part.part} {part.both:.0%}" for part in parts)
    dear = ", ".join(f"{part.part} {part.both_new_person:.0%}" for part in parts)
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
