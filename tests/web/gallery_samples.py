"""Sample contexts of the gallery: a case in review, one being scored, tiles in every state."""

from collections import Counter
from datetime import UTC, datetime

from app.web import gallery_contexts
from app.web.page_contexts import (
    CasePage,
    CaseRef,
    Choice,
    Filter,
    Gallery,
    LabelCounts,
    Refusal,
    RefusedCell,
    Saved,
    Scale,
    Summary,
    Tile,
    VerdictCounts,
)
from app.web.words import CaseState, CellState, PredictionLabel, VerdictKind

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
CASE_ID = "0199c1f4a7b07d1e8c22"
ADDRESS = f"/cases/{CASE_ID}"


def cell_id(position: int) -> str:
    return f"0199c1f4b{position:011d}"


def _label(position: int) -> PredictionLabel:
    if position % 17 == 4:
        return PredictionLabel.NOT_ASSESSABLE
    return (
        PredictionLabel.MALIGNANT,
        PredictionLabel.HEALTHY,
        PredictionLabel.MALIGNANT,
        PredictionLabel.INDETERMINATE,
        PredictionLabel.MALIGNANT,
    )[position % 5]


_MALIGNANT_P = {
    PredictionLabel.MALIGNANT: 0.97,
    PredictionLabel.HEALTHY: 0.083,
    PredictionLabel.INDETERMINATE: 0.512,
}


def tile(position: int, scored: bool = True) -> Tile:
    """Every third tile has no verdict."""
    if not scored:
        return Tile(cell_id(position), position, CellState.STORED, None, None, None)
    label = _label(position)
    malignant = None
    if label is not PredictionLabel.NOT_ASSESSABLE:
        malignant = _MALIGNANT_P[label] - 0.0007 * position
    saved = None
    if position % 3:
        author = ("Dr. Marta Lindqvist", "Dr. Ola Berg")[position % 2]
        saved = Saved(tuple(VerdictKind)[position % 4], author, bulk=position % 5 == 0)
    differs = label is PredictionLabel.MALIGNANT and saved and saved.verdict is VerdictKind.NORMAL_PRECURSOR
    return Tile(
        cell_id(position),
        position,
        CellState.SCORED,
        label,
        malignant,
        saved,
        seen=1 if saved else 0,
        remarks=int(position % 11 == 0),
        disagrees=bool(differs),
    )


def _filters() -> tuple[Filter, ...]:
    return (
        Filter(
            "label",
            "Label",
            (
                Choice("", "Any label", True),
                *(Choice(each, each.capitalize(), False) for each in PredictionLabel),
            ),
        ),
        Filter(
            "verdict", "Verdict", (Choice("", "Any verdict", True), Choice("none", "No verdict yet", False))
        ),
        Filter(
            "quality", "Quality", (Choice("", "Any quality", True), Choice("remarks", "With remarks", False))
        ),
        Filter("disagreement", "Disagreement", (Choice("", "All", True), Choice("model", "Differ", False))),
        Filter("order", "Order", (Choice("uncertain", "Most uncertain first", True),)),
    )


def tiles(cells: int, scored: int) -> tuple[Tile, ...]:
    return tuple(tile(position, position <= scored) for position in range(1, cells + 1))


def summary(cells: int, scored: int) -> Summary:
    shown = tiles(cells, scored)
    labels = Counter(str(each.label) for each in shown if each.label)
    verdicts = Counter(str(each.saved.verdict) if each.saved else "none" for each in shown)
    return Summary(
        address=ADDRESS,
        state=CaseState.IN_REVIEW,
        cells=cells,
        waiting=cells - scored,
        failed=0,
        labels=LabelCounts(**labels),
        verdicts=VerdictCounts(**verdicts),
        asked=NOW,
        version=4,
    )


def gallery(cells: int, scored: int) -> Gallery:
    shown = tiles(cells, scored)
    if scored == cells:
        shown = tuple(sorted(shown, key=gallery_contexts.doubt))
    first = gallery_contexts.TILES_A_PAGE
    return Gallery(
        address=ADDRESS,
        tiles=shown[:first],
        filters=_filters(),
        order_note="Most uncertain first."
        if scored == cells
        else "In upload order until all cells are scored.",
        cells=cells,
        matching=cells,
        more=f"?start={first}" if cells > first else None,
        scale=Scale(10, 62.5) if cells == scored else None,
    )


REFUSED = (
    RefusedCell(
        12, Refusal("image_wrong_size", "Wrong size", "Expected 450x450 pixels, the picture has 449x449.")
    ),
    RefusedCell(31, Refusal("image_unreadable", "Unreadable image", "The PNG ends in the middle.")),
)


def case_page(cells: int, scored: int) -> CasePage:
    return CasePage(
        case=CaseRef(CASE_ID, "L-2026-0412", CaseState.IN_REVIEW),
        created_at=NOW,
        created_by="Dr. Marta Lindqvist",
        can_upload=True,
        drawn=False,
        profile_warnings=(
            "Not recorded: stain, segmentation tool. Nobody can tell whether these pictures are like the ones the "
            "model learned from, so it places no cell in a class.",
        ),
        blinded=False,
        may_read_first=False,
        reader="0199c1f4c00000000001",
        summary=summary(cells, scored),
        gallery=gallery(cells, scored),
        refused=REFUSED,
    )
