"""Marked-up narrative as lines of text, and a chart's text put together from its sections."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from chartcoder.chart import Section

BLOCKS = frozenset(
    {"address", "article", "blockquote", "body", "br", "caption", "dd", "div", "dl", "dt", "fieldset", "figure"}
    | {"footer", "footnote", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "item", "li", "list", "main"}
    | {"ol", "p", "paragraph", "pre", "section", "table", "tbody", "tfoot", "thead", "title", "tr", "ul"}
)
"""Elements of HTML and of C-CDA's narrative that begin and end a line."""
CELLS = frozenset({"td", "th"})
ITEMS = frozenset({"item", "li"})
HIDDEN = frozenset({"head", "script", "style", "template", "noscript"})
SPACE = re.compile(r"\s+")


class Narrative:
    """Text of a marked-up narrative: a line a block, a dash before an item, a bar between cells.

    White space counts as one space, as in a browser, but where it is kept on purpose (`pre`).
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._line_has_text = False
        self._before = ""  # what stands before the next text, if any comes
        self._kept = 0  # how many open elements keep their white space

    def start(self, tag: str, *, keep_space: bool = False) -> None:
        if tag in BLOCKS:
            self._end_line()
        if tag in ITEMS:
            self._before = "- "
        elif tag in CELLS and self._line_has_text:
            self._before = " | "
        self._kept += keep_space

    def end(self, tag: str, *, keep_space: bool = False) -> None:
        if tag in BLOCKS:
            self._end_line()
        self._kept = max(0, self._kept - keep_space)

    def text(self, data: str) -> None:
        if self._kept:
            self._put(data)
            return
        words = SPACE.sub(" ", data)
        if words.startswith(" ") and self._line_has_text and not self._before:
            self._before = " "
        if words.strip():
            self._put(words.strip())
            self._before = " " if words.endswith(" ") else ""

    def finish(self) -> str:
        return "".join(self._parts).strip("\n")

    def _put(self, text: str) -> None:
        if text:
            self._parts += (self._before, text)
            self._before = ""
            self._line_has_text = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._line_has_text:
            self._parts.append("\n")
        self._line_has_text = False
        self._before = ""


class _HtmlNarrative(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.narrative = Narrative()
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self._hidden = 0  # a head that was never closed
        if tag in HIDDEN:
            self._hidden += 1
        elif not self._hidden:
            self.narrative.start(tag, keep_space=tag == "pre")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HIDDEN and not self._hidden:
            self.narrative.start(tag)
            self.narrative.end(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif not self._hidden:
            self.narrative.end(tag, keep_space=tag == "pre")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.narrative.text(data)


def html_as_text(html: str) -> str:
    """The text that a browser would show of `html`; no script is run, no entity but HTML's own is known."""
    parser = _HtmlNarrative()
    parser.feed(html)
    parser.close()
    return parser.narrative.finish()


class ChartText:
    """A chart's text in the making, which knows where the format's own sections begin and end."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self._parts: list[str] = []
        self._length = 0

    def add(self, title: str | None, body: str, category: str | None = None) -> None:
        """Adds a part under its title, on a line of its own; parts stand a blank line apart."""
        if not body.strip() and not title:
            return
        if self._parts:
            self._put("\n\n")
        if title:
            self._put(title + "\n")
        start = self._length
        self._put(body)
        if category and body:
            self.sections.append(Section(category, start, self._length))

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
