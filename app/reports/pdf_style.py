"""How a report looks: fonts, colours, paragraph styles, tables. A4, made to be printed in black and white, too."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, Table, TableStyle

from app.reports.case_record import ReportStatus
from models.classifier import PredictionLabel

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN: Final = 18 * mm
WIDTH: Final = PAGE_WIDTH - 2 * MARGIN

PLAIN: Final = "DejaVuSansCondensed"
BOLD: Final = "DejaVuSansCondensed-Bold"
FONTS_DIR: Final = Path(__file__).parent / "fonts"

INK: Final = HexColor("#1b2330")
QUIET: Final = HexColor("#535e6f")
LINE: Final = HexColor("#d8dde6")
RAISED: Final = HexColor("#f4f5f8")
ACCENT: Final = HexColor("#4b3f8f")
STATUS_COLOURS: Final = {
    ReportStatus.PRELIMINARY: HexColor("#754d02"),
    ReportStatus.FINAL: HexColor("#17603a"),
    ReportStatus.AMENDED: HexColor("#1d4f91"),
    ReportStatus.RETRACTED: HexColor("#a11d2b"),
}
LABEL_COLOURS: Final = {
    PredictionLabel.MALIGNANT: HexColor("#981b54"),
    PredictionLabel.HEALTHY: HexColor("#0c625a"),
    PredictionLabel.INDETERMINATE: HexColor("#754d02"),
    PredictionLabel.NOT_ASSESSABLE: HexColor("#4a5565"),
}


def _style(
    name: str,
    size: float,
    *,
    bold: bool = False,
    colour: Color = INK,
    right: bool = False,
    before: float = 0,
    after: float = 0,
    kept: bool = False,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=BOLD if bold else PLAIN,
        fontSize=size,
        leading=size * 1.35,
        textColor=colour,
        alignment=TA_RIGHT if right else TA_LEFT,
        spaceBefore=before,
        spaceAfter=after,
        keepWithNext=kept,
    )


BODY: Final = _style("body", 9)
STRONG: Final = _style("strong", 9, bold=True)
SMALL: Final = _style("small", 7.5, colour=QUIET)
TITLE: Final = _style("title", 19, bold=True)
HEADING: Final = _style("heading", 11.5, bold=True, before=11, after=4, kept=True)
LONG_HEADING: Final = _style("long-heading", 11.5, bold=True, before=11, after=4)
"""Above what is longer than a page, which to keep together with its heading would begin on a new one."""

FIGURE: Final = _style("figure", 9, right=True)
HEAD: Final = _style("head", 7.5, colour=QUIET)
FIGURE_HEAD: Final = _style("figure-head", 7.5, colour=QUIET, right=True)

Content = Flowable | list[Flowable]
"""What one field of a table holds."""


@cache
def load_fonts() -> None:
    """DejaVu Sans Condensed knows Latin, Greek, Cyrillic and more; only the characters used go into a file."""
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS_DIR / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)


def text(words: str, style: ParagraphStyle = BODY) -> Paragraph:
    """Words as they are: nothing in them is markup."""
    return Paragraph(escape(words).replace("\n", "<br/>"), style)


def coloured(words: str, colour: Color, style: ParagraphStyle = STRONG) -> Paragraph:
    return Paragraph(f'<font color="#{colour.hexval()[2:]}">{escape(words)}</font>', style)


def table(rows: Sequence[Sequence[Content]], widths: Sequence[float], *, headed: bool = True) -> Table:
    """Lines between rows and nothing else; the head is repeated on each page."""
    made = Table([list(row) for row in rows], colWidths=widths, repeatRows=1 if headed else 0, hAlign="LEFT")
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE" if headed else "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
                *([("BACKGROUND", (0, 0), (-1, 0), RAISED)] if headed else []),
            ]
        )
    )
    return made
