"""Whether a challenger may take the champion's place: figures in, a verdict with reasons out. Pure.

A metric passes when the bound of the 95 % interval of its paired difference over leak groups worsens by no more than it
may, is refused when the difference itself worsens by more, and leaves the matter open in between: nobody can let pass
what is already seen to be worse. One refusal refuses, one open question leaves the whole inconclusive, and inconclusive
is not passed.
"""

import tomllib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.bundle import Interval
from models.metrics import METRICS, difference, group_resamples
from training.retraining.label_check import LabelCheck

LIMITS = Path(__file__).with_name("limits.toml")
LOWER_IS_BETTER = frozenset({"ece", "brier"})

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GateLimits(_Strict):
    """`limits.toml`; may_worsen: metric -> how much worse it may become."""

    sensitivity_floor: float = Field(ge=0, le=1)
    labels_floor: float = Field(ge=0.5, le=1)
    people_with_both_labels: int = Field(ge=1)
    may_worsen: dict[str, float] = Field(min_length=1)

    @field_validator("may_worsen")
    @classmethod
    def _known(cls, may_worsen: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(may_worsen) - set(METRICS))
        if unknown or min(may_worsen.values()) < 0:
            raise ValueError(f"expected shares of {sorted(METRICS)}, got {unknown or may_worsen}")
        return may_worsen


class Verdict(StrEnum):
    """Of the gate; only the first makes a candidate."""

    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"


class Change(_Strict):
    """One metric of both, and challenger minus champion with its interval."""

    metric: str
    champion: float
    challenger: float
    difference: Interval
    may_worsen: float

    @property
    def worsening(self) -> Interval:
        """The difference, turned so that more is worse."""
        gap = self.difference
        if self.metric in LOWER_IS_BETTER:
            return gap
        return Interval(value=-gap.value, low=-gap.high, high=-gap.low)

    @property
    def verdict(self) -> Verdict:
        worse = self.worsening
        if worse.high <= self.may_worsen:
            return Verdict.PASSED
        return Verdict.REFUSED if worse.value > self.may_worsen else Verdict.INCONCLUSIVE


class Judgement(_Strict):
    """The gate's answer. reasons: a sentence for everything that did not pass; none where all did."""

    verdict: Verdict
    reasons: tuple[str, ...]
    sensitivity: float
    changes: tuple[Change, ...]


def read_limits(path: Path = LIMITS) -> GateLimits:
    """Read a limits file.

    Raises:
        ValidationError: it names a metric that does not exist, or lacks a limit.
    """
    return GateLimits.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def compared(
    champion: Doubles,
    challenger: Doubles,
    malignant: Bools,
    groups: Sequence[str],
    limits: GateLimits,
    *,
    seed: int,
) -> tuple[Change, ...]:
    """Both models on the same cells and the same resamples.

    Args:
        champion, challenger: (n,) p_malignant. malignant: (n,) bool. groups: n leak groups.
    """
    samples = group_resamples(malignant, groups, seed=seed)
    return tuple(
        Change(
            metric=name,
            champion=METRICS[name](champion, malignant),
            challenger=METRICS[name](challenger, malignant),
            difference=difference(METRICS[name], challenger, champion, malignant, samples),
            may_worsen=allowed,
        )
        for name, allowed in limits.may_worsen.items()
    )


def judge(changes: Sequence[Change], sensitivity: float, labels: LabelCheck, limits: GateLimits) -> Judgement:
    """Hold everything against the limits; sensitivity: the challenger's, on the frozen evaluation."""
    found = [
        *_floor(sensitivity, limits),
        *_labels(labels, limits),
        *((change.verdict, _sentence(change)) for change in changes),
    ]
    verdicts = {verdict for verdict, _ in found}
    worst = next(
        (each for each in (Verdict.REFUSED, Verdict.INCONCLUSIVE) if each in verdicts), Verdict.PASSED
    )
    return Judgement(
        verdict=worst,
        reasons=tuple(text for verdict, text in found if verdict is not Verdict.PASSED),
        sensitivity=sensitivity,
        changes=tuple(changes),
    )


def _floor(sensitivity: float, limits: GateLimits) -> Iterator[tuple[Verdict, str]]:
    if sensitivity < limits.sensitivity_floor:
        yield (
            Verdict.REFUSED,
            f"Sensitivity is {sensitivity:.3f}, below the floor of {limits.sensitivity_floor:g}.",
        )


def _labels(labels: LabelCheck, limits: GateLimits) -> Iterator[tuple[Verdict, str]]:
    if labels.auroc is None or labels.people < limits.people_with_both_labels:
        return
    if labels.auroc.low >= limits.labels_floor:
        return
    seen = labels.auroc.value < limits.labels_floor
    yield (
        Verdict.REFUSED if seen else Verdict.INCONCLUSIVE,
        f"In {labels.people} people whose new cells carry both labels, cells labelled malignant and healthy "
        f"{'hardly look' if seen else 'may hardly look'} different to a model that never saw the person: AUROC "
        f"{_text(labels.auroc)}, expected {limits.labels_floor:g} at least; 0.5 is what mixed-up labels give. "
        "Look at the labels of these people.",
    )


def _sentence(change: Change) -> str:
    seen = change.verdict is Verdict.REFUSED
    return (
        f"{change.metric.replace('_', ' ')} {'worsens' if seen else 'may worsen'} by more than "
        f"{change.may_worsen:g}: from {change.champion:.3f} to {change.challenger:.3f}, difference "
        f"{_text(change.difference)}."
    )


def _text(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
