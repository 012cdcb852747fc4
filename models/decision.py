"""From numbers to what may be said of a cell: label, prediction set and reasons, all limits from the bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.bundle import Bundle
from models.labels import Label
from models.novelty import Floats, NoveltyDetector
from models.quality import Quality, judge_quality
from models.reference import ReferenceSet


class PredictionLabel(StrEnum):
    """What a prediction may say of one cell; the last two are answers, not errors."""

    MALIGNANT = "malignant"
    HEALTHY = "healthy"
    INDETERMINATE = "indeterminate"
    NOT_ASSESSABLE = "not_assessable"


@dataclass(frozen=True)
class Decision:
    """The answer for one cell. prediction_set: the labels not ruled out; None where there are no limits for one."""

    label: PredictionLabel
    reasons: tuple[str, ...] = ()
    prediction_set: tuple[Label, ...] | None = None


class Judge:
    """A bundle's limits, ready to be asked."""

    def __init__(self, bundle: Bundle) -> None:
        self._manifest = bundle.manifest
        self._novelty: NoveltyDetector | None = None
        if bundle.manifest.novelty is not None:
            search = ReferenceSet.of(bundle).search
            self._novelty = NoveltyDetector(bundle.statistics, search, bundle.manifest.novelty)

    def quality(self, values: Mapping[str, float]) -> Quality:
        """The gate. values: `measure_cell` and `inspect_cell` together."""
        return judge_quality(values, self._manifest.quality)

    def decide(self, p_malignant: float, embedding: Floats, measurements: Mapping[str, float]) -> Decision:
        """What is said of an assessed cell."""
        band, conformal = self._manifest.band, self._manifest.conformal
        kept = conformal.prediction_set(p_malignant) if conformal else None
        reasons = []
        if self._novelty is not None and self._novelty.is_new(embedding, measurements):
            reasons.append("unlike_training_cells")
        if band.low < p_malignant < band.high:
            reasons.append("inside_indeterminate_band")
        if kept is not None and len(kept) != 1:
            reasons.append("both_labels_possible" if kept else "no_label_possible")
        if reasons:
            return Decision(PredictionLabel.INDETERMINATE, tuple(reasons), kept)
        return Decision(
            PredictionLabel(_likelier(p_malignant, band.high) if kept is None else kept[0]), (), kept
        )


def not_assessable(quality: Quality) -> Decision:
    """What is said of a picture that the gate stopped."""
    return Decision(PredictionLabel.NOT_ASSESSABLE, quality.reasons)


def _likelier(p_malignant: float, high: float) -> Label:
    return Label.MALIGNANT if p_malignant >= high else Label.HEALTHY
