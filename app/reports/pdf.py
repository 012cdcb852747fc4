"""A case record as PDF: what was decided, what the machine said, cell by cell, on pages that name the record they belong to."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from reportlab.lib.colors import white
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
)

from app.notice import INTENDED_USE, KNOWN_LIMITS
from app.reports.case_record import CaseRecord, ReportStatus
from app.reports.pdf_cells import cell_table
from app.reports.pdf_style import (
    ACCENT,
    BOLD,
    FIGURE,
    FIGURE_HEAD,
    HEAD,
    HEADING,
    LINE,
    LONG_HEADING,
    MARGIN,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    PLAIN,
    QUIET,
    SMALL,
    STATUS_COLOURS,
    STRONG,
    TITLE,
    WIDTH,
    load_fonts,
    table,
    text,
)
from app.reports.sentences import in_utc, in_words, status_sentence
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

Picture = Callable[[str], bytes]
"""From `CellRecord.pixels_sha256` to the PNG file of those pixels."""

HEADER_HEIGHT: Final = 16 * mm
FOOTER_HEIGHT: Final = 17 * mm
_ACTS: Final = {"sign": "Signed", "amend": "Opened for amendment", "retract": "Retracted"}


def pdf_report(record: CaseRecord, picture: Picture) -> bytes:
    """The report; the same record gives the same bytes."""
    load_fonts()
    file = io.BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        title=f"{record.name}, version {record.version}, {record.status}",
        author=record.site,
        subject=INTENDED_USE,
        creator=record.software,
        invariant=1,
    )
    height = PAGE_HEIGHT - HEADER_HEIGHT - FOOTER_HEIGHT - 6 * mm
    frame = Frame(
        MARGIN, FOOTER_HEIGHT, WIDTH, height, leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0
    )
    document.addPageTemplates(PageTemplate(frames=[frame]))
    document.build(_story(record, picture), canvasmaker=partial(_PageCanvas, record=record))
    return file.getvalue()


class _PageCanvas(Canvas):
    """Draws what stands on every page once the number of pages is known."""

    def __init__(self, *args: Any, record: CaseRecord, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._record = record
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined] # the stubs leave it out

    def save(self) -> None:
        for page in self._pages:
            self.__dict__.update(page)
            self._draw_frame(len(self._pages))
            super().showPage()
        super().save()

    def _draw_frame(self, pages: int) -> None:
        record = self._record
        _draw_header(self, record)
        _draw_footer(self, record, pages)
        if record.status in (ReportStatus.PRELIMINARY, ReportStatus.RETRACTED):
            _draw_watermark(self, record)


def _draw_header(canvas: Canvas, record: CaseRecord) -> None:
    top = PAGE_HEIGHT - 10 * mm
    canvas.setFillColor(ACCENT)
    canvas.setFont(BOLD, 10)
    canvas.drawString(MARGIN, top, "Leukolens")
    canvas.setFillColor(QUIET)
    canvas.setFont(PLAIN, 8)
    canvas.drawString(MARGIN + 20 * mm, top, f"{record.name} · version {record.version}")
    word = record.status.upper()
    width = canvas.stringWidth(word, BOLD, 8.5) + 5 * mm
    canvas.setFillColor(STATUS_COLOURS[record.status])
    canvas.roundRect(PAGE_WIDTH - MARGIN - width, top - 1.8 * mm, width, 5.6 * mm, 1 * mm, stroke=0, fill=1)
    canvas.setFillColor(white)
    canvas.setFont(BOLD, 8.5)
    canvas.drawCentredString(PAGE_WIDTH - MARGIN - width / 2, top, word)
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, PAGE_HEIGHT - HEADER_HEIGHT, PAGE_WIDTH - MARGIN, PAGE_HEIGHT - HEADER_HEIGHT)


def _draw_footer(canvas: Canvas, record: CaseRecord, pages: int) -> None:
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, FOOTER_HEIGHT - 3 * mm, PAGE_WIDTH - MARGIN, FOOTER_HEIGHT - 3 * mm)
    canvas.setFillColor(QUIET)
    canvas.setFont(BOLD, 7.5)
    canvas.drawString(MARGIN, 10 * mm, record.notice)
    canvas.setFont(PLAIN, 7)
    canvas.drawString(MARGIN, 6 * mm, f"Record SHA-256 {record.digest}")
    canvas.drawRightString(PAGE_WIDTH - MARGIN, 6 * mm, f"Page {canvas.getPageNumber()} of {pages}")


def _draw_watermark(canvas: Canvas, record: CaseRecord) -> None:
    canvas.saveState()
    canvas.translate(PAGE_WIDTH / 2, PAGE_HEIGHT / 2)
    canvas.rotate(52)
    canvas.setFillColor(STATUS_COLOURS[record.status], alpha=0.09)
    canvas.setFont(BOLD, 84)
    canvas.drawCentredString(0, -28, record.status.upper())
    canvas.restoreState()


def _story(record: CaseRecord, picture: Picture) -> list[Flowable]:
    return [
        text("Report on the cells of one case", SMALL),
        text(record.name, TITLE),
        Spacer(0, 3 * mm),
        _status_box(record),
        *_facts(record),
        *_counts(record),
        *_signatures(record),
        *_models(record),
        CondPageBreak(60 * mm),
        text(f"Cells ({len(record.cells)})", LONG_HEADING),
        *cell_table(record, picture),
        KeepTogether(_limits()),
    ]


def _status_box(record: CaseRecord) -> Flowable:
    box = table([[text(status_sentence(record), STRONG)], [text(record.notice)]], [WIDTH], headed=False)
    box.setStyle(
        [
            ("LINEBEFORE", (0, 0), (0, -1), 3, STATUS_COLOURS[record.status]),
            ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ]
    )
    return box


def _facts(record: CaseRecord) -> list[Flowable]:
    known = [
        ("Accession", record.accession),
        ("Case", str(record.case_id)),
        ("Site", record.site),
        ("Subject", record.subject_ref),
        ("Specimen id", record.specimen_id),
        ("Order (placer)", record.placer_order),
        ("Order (filler)", record.filler_order),
        ("Opened", in_utc(record.opened_at)),
        ("As of", in_utc(record.as_of)),
        *((fact.name, fact.value) for fact in record.acquisition),
    ]
    if record.drawn:
        known.append(("Pictures", "drawn by a program; no real cells"))
    pairs = [(name, value) for name, value in known if value]
    half = (len(pairs) + 1) // 2
    columns = [*pairs[half:], ("", "")]
    rows = [
        [text(name, HEAD), text(value), text(other, HEAD), text(other_value)]
        for (name, value), (other, other_value) in zip(pairs[:half], columns, strict=False)
    ]
    name, value = 21 * mm, WIDTH / 2 - 21 * mm
    return [text("Case", HEADING), table(rows, [name, value, name, value], headed=False)]


def _counts(record: CaseRecord) -> list[Flowable]:
    """Labels of the machine against verdicts of persons; no share is made of them."""
    columns: list[Verdict | None] = [*Verdict, None]
    lines: list[PredictionLabel | None] = [] if record.blinded else [*PredictionLabel, None]
    head = [text("Label by the model", HEAD)]
    head += [text(in_words(verdict) if verdict else "No verdict", FIGURE_HEAD) for verdict in columns]
    rows: list[list[Flowable]] = [[*head, text("All", FIGURE_HEAD)]]
    for label in lines:
        counts = [record.count(label, verdict) for verdict in columns]
        rows.append(_figures(in_words(label) if label else "No label", [*counts, sum(counts)]))
    totals = [*record.verdict_counts.values(), record.without_verdict, len(record.cells)]
    rows.append(_figures("All cells", totals))
    widths = [38 * mm, *[(WIDTH - 38 * mm) / 6] * 6]
    return [
        text("Cells by label and verdict", HEADING),
        table(rows, widths),
        Spacer(0, 1.5 * mm),
        text(_around_the_counts(record), SMALL),
    ]


def _figures(name: str, counts: list[int]) -> list[Flowable]:
    return [text(name), *(text(str(count), FIGURE) for count in counts)]


def _around_the_counts(record: CaseRecord) -> str:
    said = [f"Left out: {record.refused} refused files, {record.voided} voided cells."]
    if record.agreement is not None:
        both, agreeing = record.agreement.both, record.agreement.agreeing
        said.append(
            f"Two readings: {agreeing} of {both} cells judged twice got the same verdict, before adjudication."
        )
    if record.blinded:
        said.append("Blinded reading: labels of the model and the first reading are not shown.")
    return " ".join([*said, "The counts describe these pictures. They say nothing about the person."])


def _signatures(record: CaseRecord) -> list[Flowable]:
    if not record.sign_offs:
        return [text("Signatures", HEADING), text("None.")]
    head = [text(word, HEAD) for word in ("", "Act", "By", "When", "Meaning and reason")]
    rows = [head] + [
        [
            text(str(act.number)),
            text(_ACTS[act.kind], STRONG),
            text(act.author),
            text(in_utc(act.signed_at)),
            text(f"{act.meaning} Reason: {act.reason}" if act.reason else act.meaning),
        ]
        for act in record.sign_offs
    ]
    return [
        text("Signatures", HEADING),
        table(rows, [8 * mm, 27 * mm, 36 * mm, 37 * mm, WIDTH - 108 * mm]),
    ]


def _models(record: CaseRecord) -> list[Flowable]:
    if not record.models:
        return []
    rows = [[text(word, HEAD) for word in ("Model", "Version", "SHA-256")]]
    rows += [[text(model.name), text(model.version), text(model.sha256, SMALL)] for model in record.models]
    return [text("Models", HEADING), table(rows, [40 * mm, 20 * mm, WIDTH - 60 * mm])]


def _limits() -> list[Flowable]:
    return [
        text("Known limits", HEADING),
        *(Paragraph(f"•&nbsp;&nbsp;{limit}", SMALL) for limit in KNOWN_LIMITS),
    ]
