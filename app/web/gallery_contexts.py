"""Fills the gallery: which tiles, in which order, and what changed; pure, so that it is tested without a server."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from app.cases.acquisition import AcquisitionProfile
from app.cases.tables import Cell, CellState
from app.reviews.service import is_judgeable
from app.reviews.standing import CellVerdicts
from app.reviews.view import CaseReading
from app.web import page_contexts as pages
from app.web.page_contexts.gallery import Choice, Filter, Order
from app.web.words import LABEL_WORDS, VERDICT_WORDS, PredictionLabel, VerdictKind, refusal_title

TILES_A_PAGE: Final = 36
"""With style and scripts just below 150 KB; the pictures come on their own."""

TILES_A_PART: Final = 100
"""What the page's script fetches at a time, behind the first ones."""

OVERLAP: Final = timedelta(seconds=10)
"""News goes back this far behind the last question: an act is timed before its commit is seen."""

CSS_PX_A_PIXEL: Final = 0.5
"""The one scale at which `gallery.css` draws every thumbnail."""

BAR_MICROMETRES: Final = 10.0
LONGEST_BAR_PX: Final = 160.0

_OPPOSITE: Final = {
    (PredictionLabel.MALIGNANT, VerdictKind.NORMAL_PRECURSOR),
    (PredictionLabel.HEALTHY, VerdictKind.MALIGNANT_LYMPHOBLAST),
}


@dataclass(frozen=True)
class Wanted:
    """What the address asks for; an empty text does not narrow."""

    label: str = ""
    verdict: str = ""
    quality: str = ""
    disagreement: str = ""
    order: str = ""

    def query(self, **more: int) -> str:
        """As the query of an address, with its question mark; empty when nothing is asked."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        said = {name: value for name, value in (chosen | more).items() if value}
        return f"?{urlencode(said)}" if said else ""


def summary(seen: CaseReading, address: str, now: datetime) -> pages.Summary:
    cells = [cell for cell in seen.cells if is_judgeable(cell)]
    labels = Counter(str(seen.predictions[cell.id].label) for cell in cells if cell.id in seen.predictions)
    verdicts = Counter(
        str(seen.verdicts[cell.id].verdict) if cell.id in seen.verdicts else "none" for cell in cells
    )
    return pages.Summary(
        address=address,
        state=seen.case.state,
        cells=len(cells),
        waiting=sum(cell.state is CellState.STORED for cell in cells),
        failed=sum(cell.state is CellState.FAILED for cell in cells),
        labels=None if seen.blind else pages.LabelCounts(**labels),
        verdicts=pages.VerdictCounts(**verdicts),
        asked=now,
        version=seen.case.version,
    )


def gallery(
    seen: CaseReading,
    address: str,
    wanted: Wanted,
    start: int,
    *,
    blocked: str | None,
    length: int = TILES_A_PAGE,
) -> pages.Gallery:
    """`length` of the tiles that match, from `start` on."""
    order = _order(seen, wanted)
    tiles = _sorted((tile(cell, seen) for cell in _with_picture(seen)), order)
    matching = [each for each in tiles if _matches(each, wanted)]
    behind = start + length
    return pages.Gallery(
        address=address,
        tiles=tuple(matching[start:behind]),
        filters=_filters(seen, wanted, order),
        order_note=_order_note(seen, order),
        cells=len(tiles),
        matching=len(matching),
        blocked=blocked,
        first=f"{address}{wanted.query()}" if start else None,
        more=wanted.query(start=behind) if behind < len(matching) else None,
        scale=_scale(AcquisitionProfile.of(seen.case.acquisition).micrometres_per_pixel),
    )


def changed_tiles(seen: CaseReading, asked: datetime) -> tuple[pages.Tile, ...]:
    """Tiles of cells that were scored, judged or voided since somebody asked."""
    since = asked - OVERLAP

    def is_news(cell: Cell) -> bool:
        scored = seen.predictions.get(cell.id)
        moments = (scored.created_at if scored else None, seen.judged_at.get(cell.id), cell.voided_at)
        return any(moment is not None and moment >= since for moment in moments)

    return tuple(tile(cell, seen) for cell in _with_picture(seen) if is_news(cell))


def tile(cell: Cell, seen: CaseReading, conflict: str | None = None) -> pages.Tile:
    prediction, review = seen.predictions.get(cell.id), seen.verdicts.get(cell.id)
    both = seen.settled.get(cell.id)
    split = both if both is not None and both.disagree else None
    return pages.Tile(
        cell_id=str(cell.id),
        position=cell.position,
        state=cell.state,
        label=prediction.label if prediction else None,
        malignant=prediction.p_malignant if prediction else None,
        seen=seen.seen.get(cell.id, 0),
        saved=pages.Saved(review.verdict, review.author_name, review.bulk) if review else None,
        readers=_readers(split),
        remarks=0 if seen.blind else len(cell.quality or []),
        disagrees=bool(prediction and review and (prediction.label, review.verdict) in _OPPOSITE),
        drawn=seen.case.drawn,
        blinded=seen.blind,
        voided=cell.voided_at is not None,
        conflict=conflict,
    )


def refused(seen: CaseReading) -> tuple[pages.RefusedCell, ...]:
    return tuple(
        pages.RefusedCell(cell.position, refusal_of(cell))
        for cell in sorted(seen.cells, key=lambda cell: cell.position)
        if cell.state is CellState.REFUSED
    )


def refusal_of(cell: Cell) -> pages.Refusal:
    code = cell.problem_code or ""
    return pages.Refusal(code, refusal_title(code), cell.problem_detail or "")


def _with_picture(seen: CaseReading) -> list[Cell]:
    return [cell for cell in seen.cells if cell.state is not CellState.REFUSED]


def _readers(split: CellVerdicts | None) -> tuple[VerdictKind, VerdictKind] | None:
    """What the two readers said, where they differ."""
    if split is None or split.first is None or split.second is None:
        return None
    return split.first.verdict, split.second.verdict


def _scale(micrometres_per_pixel: float | None) -> pages.Scale | None:
    if micrometres_per_pixel is None:
        return None
    css_px = CSS_PX_A_PIXEL * BAR_MICROMETRES / micrometres_per_pixel
    return pages.Scale(BAR_MICROMETRES, css_px) if css_px <= LONGEST_BAR_PX else None


def _is_being_scored(seen: CaseReading) -> bool:
    return any(cell.state is CellState.STORED and cell.voided_at is None for cell in seen.cells)


def _order(seen: CaseReading, wanted: Wanted) -> Order:
    """Nothing moves under a reader's hands: until all cells are scored they lie as they came."""
    if seen.blind:
        return Order.RANDOM
    if wanted.order == Order.UPLOAD or _is_being_scored(seen):
        return Order.UPLOAD
    return Order.UNCERTAIN


def _order_note(seen: CaseReading, order: Order) -> str:
    if order is Order.RANDOM:
        return "In a random order of your own."
    if order is Order.UNCERTAIN:
        return "Most uncertain first."
    return "In upload order until all cells are scored." if _is_being_scored(seen) else "In upload order."


def _sorted(tiles: Iterable[pages.Tile], order: Order) -> list[pages.Tile]:
    """A blinded reader's cells come in their random order already; voided ones lie behind the others."""
    if order is Order.RANDOM:
        return sorted(tiles, key=lambda shown: shown.voided)
    key: Callable[[pages.Tile], tuple[float, ...]] = doubt if order is Order.UNCERTAIN else _position
    return sorted(tiles, key=lambda shown: (shown.voided, *key(shown)))


def doubt(shown: pages.Tile) -> tuple[float, ...]:
    """Cells without a class come first, then those nearest to the middle, then those without probabilities."""
    if shown.malignant is None:
        return (2, shown.position)
    return (shown.label is not PredictionLabel.INDETERMINATE, abs(shown.malignant - 0.5), shown.position)


def _position(shown: pages.Tile) -> tuple[float, ...]:
    return (shown.position,)


def _matches(shown: pages.Tile, wanted: Wanted) -> bool:
    verdict = shown.saved.verdict if shown.saved else "none"
    differs = {"model": shown.disagrees, "readers": shown.readers is not None}
    return (
        (not wanted.label or shown.label == wanted.label)
        and (not wanted.verdict or verdict == wanted.verdict)
        and (not wanted.quality or (wanted.quality == "remarks") == (shown.remarks > 0))
        and (not wanted.disagreement or differs.get(wanted.disagreement, True))
    )


def _filters(seen: CaseReading, wanted: Wanted, order: Order) -> tuple[Filter, ...]:
    """A blinded reader narrows by own verdicts only."""
    verdicts = {"": "Any verdict", "none": "No verdict yet"}
    verdicts |= {kind.value: said.full for kind, said in VERDICT_WORDS.items()}
    by_verdict = _filter("verdict", "Verdict", wanted.verdict, verdicts)
    if seen.blind:
        return (by_verdict,)
    differing = {"": "All", "model": "Model and person differ"}
    if seen.settled:
        differing["readers"] = "The two readers differ"
    return (
        _filter("label", "Label", wanted.label, {"": "Any label"} | LABEL_WORDS),
        by_verdict,
        _filter(
            "quality",
            "Quality",
            wanted.quality,
            {"": "Any quality", "remarks": "With remarks", "good": "Without remarks"},
        ),
        _filter("disagreement", "Disagreement", wanted.disagreement, differing),
        _filter(
            "order", "Order", order, {Order.UNCERTAIN: "Most uncertain first", Order.UPLOAD: "As uploaded"}
        ),
    )


def _filter(name: str, words: str, chosen: str, choices: Mapping[str, str]) -> Filter:
    return Filter(name, words, tuple(Choice(value, said, value == chosen) for value, said in choices.items()))
