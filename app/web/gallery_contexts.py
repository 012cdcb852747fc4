"""Fills the gallery: which tiles, in which order, and what changed; pure, so that it is tested without a server."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from app.cases.tables import Case, Cell, CellState, Prediction
from app.reviews.tables import Review
from app.web import page_contexts as pages
from app.web.page_contexts.gallery import Choice, Filter, Order
from app.web.words import LABEL_WORDS, VERDICT_WORDS, PredictionLabel, VerdictKind, refusal_title

TILES_A_PAGE: Final = 36
"""With style and scripts just below 150 KB; the pictures come on their own."""

TILES_A_PART: Final = 100
"""What the page's script fetches at a time, behind the first ones."""

OVERLAP: Final = timedelta(seconds=10)
"""News goes back this far behind the last question: an act is timed before its commit is seen."""

_OPPOSITE: Final = {
    (PredictionLabel.MALIGNANT, VerdictKind.NORMAL_PRECURSOR),
    (PredictionLabel.HEALTHY, VerdictKind.MALIGNANT_LYMPHOBLAST),
}


@dataclass(frozen=True)
class CaseView:
    """One case with everything its gallery shows."""

    case: Case
    cells: list[Cell]
    predictions: Mapping[UUID, Prediction]
    verdicts: Mapping[UUID, Review]
    created_by: str | None

    @property
    def shown(self) -> list[Cell]:
        """The cells that have a picture."""
        return [cell for cell in self.cells if cell.state is not CellState.REFUSED]


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


def summary(view: CaseView, address: str, now: datetime) -> pages.Summary:
    labels = Counter(
        str(view.predictions[cell.id].label) for cell in view.shown if cell.id in view.predictions
    )
    verdicts = Counter(
        str(view.verdicts[cell.id].verdict) if cell.id in view.verdicts else "none" for cell in view.shown
    )
    return pages.Summary(
        address=address,
        state=view.case.state,
        cells=len(view.shown),
        waiting=sum(cell.state is CellState.STORED for cell in view.shown),
        failed=sum(cell.state is CellState.FAILED for cell in view.shown),
        labels=pages.LabelCounts(**labels),
        verdicts=pages.VerdictCounts(**verdicts),
        asked=now,
        version=view.case.version,
    )


def gallery(
    view: CaseView,
    address: str,
    wanted: Wanted,
    start: int,
    *,
    blocked: str | None,
    length: int = TILES_A_PAGE,
) -> pages.Gallery:
    """`length` of the tiles that match, from `start` on."""
    order = _order(view, wanted)
    tiles = _sorted((tile(cell, view) for cell in view.shown), order)
    matching = [each for each in tiles if _matches(each, wanted)]
    behind = start + length
    return pages.Gallery(
        address=address,
        tiles=tuple(matching[start:behind]),
        filters=_filters(wanted, order),
        order_note=_order_note(view, order),
        cells=len(tiles),
        matching=len(matching),
        blocked=blocked,
        first=f"{address}{wanted.query()}" if start else None,
        more=wanted.query(start=behind) if behind < len(matching) else None,
    )


def changed_tiles(view: CaseView, asked: datetime) -> tuple[pages.Tile, ...]:
    """Tiles of cells that were scored or judged since somebody asked."""
    since = asked - OVERLAP

    def is_news(row: Prediction | Review | None) -> bool:
        return row is not None and row.created_at >= since

    return tuple(
        tile(cell, view)
        for cell in view.shown
        if is_news(view.predictions.get(cell.id)) or is_news(view.verdicts.get(cell.id))
    )


def tile(cell: Cell, view: CaseView, conflict: str | None = None) -> pages.Tile:
    prediction, review = view.predictions.get(cell.id), view.verdicts.get(cell.id)
    return pages.Tile(
        cell_id=str(cell.id),
        position=cell.position,
        state=cell.state,
        label=prediction.label if prediction else None,
        malignant=prediction.p_malignant if prediction else None,
        saved=pages.Saved(review.verdict, review.author_name, review.number) if review else None,
        remarks=len(cell.quality or []),
        disagrees=bool(prediction and review and (prediction.label, review.verdict) in _OPPOSITE),
        drawn=view.case.drawn,
        conflict=conflict,
    )


def refused(view: CaseView) -> tuple[pages.RefusedCell, ...]:
    return tuple(
        pages.RefusedCell(cell.position, refusal_of(cell))
        for cell in view.cells
        if cell.state is CellState.REFUSED
    )


def refusal_of(cell: Cell) -> pages.Refusal:
    code = cell.problem_code or ""
    return pages.Refusal(code, refusal_title(code), cell.problem_detail or "")


def _order(view: CaseView, wanted: Wanted) -> Order:
    """Nothing moves under a reader's hands: until all cells are scored they lie as they came."""
    if wanted.order == Order.UPLOAD or any(cell.state is CellState.STORED for cell in view.shown):
        return Order.UPLOAD
    return Order.UNCERTAIN


def _order_note(view: CaseView, order: Order) -> str:
    if order is Order.UNCERTAIN:
        return "Most uncertain first."
    if any(cell.state is CellState.STORED for cell in view.shown):
        return "In upload order until all cells are scored."
    return "In upload order."


def _sorted(tiles: Iterable[pages.Tile], order: Order) -> list[pages.Tile]:
    key: Callable[[pages.Tile], tuple[float, ...]] = doubt if order is Order.UNCERTAIN else _position
    return sorted(tiles, key=key)


def doubt(shown: pages.Tile) -> tuple[float, ...]:
    """Cells without a class come first, then those nearest to the middle, then those without probabilities."""
    if shown.malignant is None:
        return (2, shown.position)
    return (shown.label is not PredictionLabel.INDETERMINATE, abs(shown.malignant - 0.5), shown.position)


def _position(shown: pages.Tile) -> tuple[float, ...]:
    return (shown.position,)


def _matches(shown: pages.Tile, wanted: Wanted) -> bool:
    verdict = shown.saved.verdict if shown.saved else "none"
    return (
        (not wanted.label or shown.label == wanted.label)
        and (not wanted.verdict or verdict == wanted.verdict)
        and (not wanted.quality or (wanted.quality == "remarks") == (shown.remarks > 0))
        and (not wanted.disagreement or shown.disagrees)
    )


def _filters(wanted: Wanted, order: Order) -> tuple[Filter, ...]:
    return (
        _filter("label", "Label", wanted.label, {"": "Any label"} | LABEL_WORDS),
        _filter(
            "verdict",
            "Verdict",
            wanted.verdict,
            {"": "Any verdict", "none": "No verdict yet"}
            | {kind: said.full for kind, said in VERDICT_WORDS.items()},
        ),
        _filter(
            "quality",
            "Quality",
            wanted.quality,
            {"": "Any quality", "remarks": "With remarks", "good": "Without remarks"},
        ),
        _filter(
            "disagreement",
            "Disagreement",
            wanted.disagreement,
            {"": "All", "model": "Model and person differ"},
        ),
        _filter(
            "order",
            "Order",
            order,
            {Order.UNCERTAIN: "Most uncertain first", Order.UPLOAD: "As uploaded"},
        ),
    )


def _filter(name: str, words: str, chosen: str, choices: Mapping[str, str]) -> Filter:
    return Filter(name, words, tuple(Choice(value, said, value == chosen) for value, said in choices.items()))
