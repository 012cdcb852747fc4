"""A model card's Markdown as plain blocks, so that its text reaches the page through autoescape alone.

Knows headings, paragraphs, lists, tables and fenced code. Emphasis marks go; links keep text and address.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from app.web.page_contexts import CardBlock

_HEADING: Final = re.compile(r"(#{1,6})\s+(.*)")
_ITEM: Final = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.*)")
_RULE: Final = re.compile(r"[\s|:-]+")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_EMPHASIS: Final = re.compile(r"(\*\*|__|`)(.+?)\1|(?<!\w)([*_])(?!\s)([^*_]+)\3(?!\w)")


def card_blocks(markdown: str) -> tuple[CardBlock, ...]:
    """The blocks of a card, in order."""
    return tuple(block for text, fenced in _split_fences(markdown) for block in _read(text, fenced))


def _split_fences(markdown: str) -> Iterator[tuple[list[str], bool]]:
    lines: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            yield lines, fenced
            lines, fenced = [], not fenced
        else:
            lines.append(line)
    yield lines, fenced


def _read(lines: list[str], fenced: bool) -> Iterator[CardBlock]:
    if fenced:
        yield CardBlock("code", lines=tuple(lines))
        return
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        if not blank:
            yield from _read_paragraphs(list(group))


def _read_paragraphs(lines: list[str]) -> Iterator[CardBlock]:
    kind = ""
    gathered: list[str] = []
    for line in lines:
        here = _kind(line)
        continues = here == "paragraph" and kind == "list"
        if here != kind and not continues:
            yield from _block(kind, gathered)
            kind, gathered = here, []
        if continues:
            gathered[-1] += " " + line.strip()
        else:
            gathered.append(line)
    yield from _block(kind, gathered)


def _kind(line: str) -> str:
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "table"
    return "list" if _ITEM.match(line) else "paragraph"


def _block(kind: str, lines: list[str]) -> Iterator[CardBlock]:
    if not lines:
        return
    if kind == "heading":
        for line in lines:
            marks, text = _HEADING.fullmatch(line.strip()).groups()  # type: ignore[union-attr]  # `_kind` saw it
            yield CardBlock("heading", lines=(_plain(text),), level=len(marks))
    elif kind == "table":
        yield CardBlock("table", rows=tuple(_cells(line) for line in lines if not _RULE.fullmatch(line)))
    elif kind == "list":
        yield CardBlock("list", lines=tuple(_plain(_ITEM.sub(r"\1", line, count=1)) for line in lines))
    else:
        yield CardBlock("paragraph", lines=(_plain(" ".join(line.strip() for line in lines)),))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(_plain(cell.strip()) for cell in line.strip().strip("|").split("|"))


def _plain(text: str) -> str:
    linked = _LINK.sub(lambda link: link[1] if link[1] == link[2] else f"{link[1]} ({link[2]})", text)
    return _EMPHASIS.sub(lambda mark: mark[2] or mark[4], linked)
