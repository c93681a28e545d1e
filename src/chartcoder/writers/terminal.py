"""One coded chart for reading: its text with the findings marked, and the reasons below it, or beside it where the
terminal is wide. Everything that a colour says, a sign says too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from chartcoder.writers.plain import printable

Result = dict[str, Any]  # `CodedChart.as_dict()`
Found = dict[str, Any]

SIGNS = {
    "present": ("+", "bold green"),
    "negated": ("-", "red"),
    "possible": ("?", "yellow"),
    "historical": ("<", "cyan"),
    "family": ("^", "magenta"),
    "hypothetical": ("~", "blue"),
    "other_person": ("@", "bright_black"),
}
"""The sign and the colour of each assertion."""

HEADING, QUIET = "bold underline", "dim"
WIDE = 150  # columns from which the reasons stand beside the chart
SVG_COLUMNS = 118
FONTS_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}", re.DOTALL)


@dataclass(frozen=True)
class Explanation:
    """What rich prints: a chart and the reasons for its codes.

    Args:
        text: the chart.
        headings: start, end and category of each heading in it.
        result: the coded chart as a JSON object; offsets are into `text`.
        setting: of the encounter, and who says so.
        hints: what the reader should know besides, a line each.
    """

    text: str = field(repr=False)
    headings: Sequence[tuple[int, int, str]]
    result: Result = field(repr=False)
    setting: str
    hints: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        about = f"{self.result['coder']}, engine {self.result['engine']}, release {self.result['release']}"
        yield Text(f"{printable(self.result['id'])}: {self.setting}. {about}", style=QUIET)
        yield _legend()
        chart = _marked(self.text.rstrip(), self.headings, self.result["findings"])
        reasons = Group(*self._reasons())
        if options.max_width >= WIDE:
            beside = Table.grid(padding=(0, 3), expand=True)
            beside.add_column(ratio=1)
            beside.add_column(ratio=1)
            beside.add_row(chart, reasons)
            yield beside
        else:
            yield chart
            yield reasons
        for hint in self.hints:
            yield Text(hint, style=QUIET)

    def _reasons(self) -> Iterator[RenderableType]:
        codes, rejected = self.result["codes"], self.result["rejected"]
        yield Padding(Rule(f"codes to bill: {len(codes)}", align="left", style=QUIET), (1, 0, 0, 0))
        yield _rows((str(rank), code["code"], self._why_billed(code)) for rank, code in enumerate(codes, start=1))
        yield Padding(Rule(f"not billed: {len(rejected)}", align="left", style=QUIET), (1, 0, 0, 0))
        yield _rows(("", code["code"], self._why_rejected(code)) for code in rejected)

    def _why_billed(self, code: dict[str, Any]) -> Text:
        lines = [Text(code["description"], style="bold")]
        if code["hcc"]:
            models = (f"{model} {', '.join(numbers)}" for model, numbers in sorted(code["hcc"].items()))
            lines.append(Text(f"HCC {'; '.join(models)}", style="bright_magenta"))
        lines.append(self._evidence(code["evidence"]))
        lines += [Text(f"rule {rule}", style="cyan") for rule in code["rules"]]
        return Text("\n").join(line for line in lines if line)

    def _why_rejected(self, code: dict[str, Any]) -> Text:
        found = (self.result["findings"][place] for place in code["evidence"])
        description = next((seen["description"] for seen in found if seen["code"] == code["code"]), "")
        evidence = self._evidence(code["evidence"])
        reason = Text.assemble((printable(code["reason"]), "yellow"), ": " if evidence else "", evidence)
        return Text("\n").join([Text(description, style=QUIET), reason] if description else [reason])

    def _evidence(self, places: Sequence[int]) -> Text:
        """The findings that support a code, each by sign, number, words and section."""
        return Text(", ").join(self._place(place) for place in places)

    def _place(self, place: int) -> Text:
        found = self.result["findings"][place]
        sign, style = SIGNS[found["assertion"]]
        words = printable(" ".join(found["text"].split()))
        where = f" ({found['section']})" if found["section"] else ""
        return Text.assemble((f"{sign}{place + 1} {words}", style), (where, QUIET))


def as_svg(explanation: Explanation, *, title: str) -> str:
    """The explanation as a picture that loads nothing from elsewhere."""
    console = Console(record=True, width=SVG_COLUMNS, file=StringIO(), force_terminal=True, highlight=False)
    console.print(explanation)
    return FONTS_FROM_ELSEWHERE.sub("", console.export_svg(title=title))


def _legend() -> Text:
    signs = (Text(f"{sign} {assertion.replace('_', ' ')}", style) for assertion, (sign, style) in SIGNS.items())
    return Text.assemble(Text("   ").join(signs), ("   § section", QUIET), "\n")


def _marked(text: str, headings: Sequence[tuple[int, int, str]], findings: Sequence[Found]) -> Text:
    """The chart with its findings in brackets and its headings named."""
    marked, place = Text(), 0
    for start, end, mark in _marks(text, headings, findings):
        marked.append(printable(text[place:start]))
        marked.append_text(mark)
        place = end
    marked.append(printable(text[place:]))
    return marked


def _marks(
    text: str, headings: Sequence[tuple[int, int, str]], findings: Sequence[Found]
) -> Iterator[tuple[int, int, Text]]:
    """What takes the place of [start, end) of the text, in order and without overlaps."""
    marks = []
    for start, end, category in headings:
        after = end + text.startswith(":", end)
        marks.append((start, after, _heading(text[start:after], category)))
    numbered = sorted(enumerate(findings, start=1), key=lambda item: (item[1]["start"], item[1]["end"]))
    for (start, end), of_span in groupby(numbered, key=lambda item: (item[1]["start"], item[1]["end"])):
        marks.append((start, end, _term(text[start:end], list(of_span))))
    place = 0
    for start, end, mark in sorted(marks, key=lambda item: item[:2]):
        if start >= place:
            yield start, end, mark
            place = end


def _heading(words: str, category: str) -> Text:
    return Text.assemble((printable(words), HEADING), (f" §{category}", QUIET))


def _term(words: str, findings: list[tuple[int, Found]]) -> Text:
    """A term with the sign and number of each finding it gave: "[+3 type 2 diabetes]"."""
    style = SIGNS[findings[0][1]["assertion"]][1]
    numbers = " ".join(f"{SIGNS[found['assertion']][0]}{number}" for number, found in findings)
    return Text.assemble((f"[{numbers} ", QUIET), (printable(words), style), ("]", QUIET))


def _rows(rows: Iterator[tuple[str, str, Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style=QUIET)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table
