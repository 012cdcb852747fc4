"""Markdown of model cards and guides as HTML that a page may hold.

A card comes with a bundle from elsewhere, so nothing of its text is markup: raw HTML is shown as the letters it is
made of, pictures are not loaded, and markdown-it drops links to anything but web addresses and places. Comments, which our
own texts have, are left out.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup


def markdown(text: str, *, deeper: int = 0) -> Markup:
    """The HTML of a text.

    Args:
        deeper: how many levels its headings go down, because the page has headings above it.
    """
    tokens = _reader().parse(re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + deeper, 6)}"
    return Markup(_reader().renderer.render(tokens, _reader().options, {}))  # noqa: S704 - markdown-it escaped it


class _Renderer(RendererHTML):
    """With what our pages ask of tables and code: they scroll, also by keyboard."""

    def table_open(self, *_: Any) -> str:
        return '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n'

    def table_close(self, *_: Any) -> str:
        return "</table></div>\n"

    def td_open(self, *_: Any) -> str:
        return "<td>"

    def th_open(self, *_: Any) -> str:
        return '<th scope="col">'

    def fence(self, tokens: Sequence[Token], place: int, options: OptionsDict, env: Any) -> str:
        return super().fence(tokens, place, options, env).replace("<pre>", '<pre tabindex="0">', 1)


@cache
def _reader() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    return made.enable("table").disable("image")
