"""`chartcoder explain`: one chart on the terminal, with what was found in it and why each code is billed or not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from chartcoder.chart import Chart
from chartcoder.cli.app import app, examples, one_of
from chartcoder.cli.streaming import Engine, Lexicon
from chartcoder.errors import BadRequest
from chartcoder.protected import reveal
from chartcoder.readers import read_chart
from chartcoder.writers.terminal import Explanation, as_svg

LONGEST_NAME = 255  # bytes of a file's name (POSIX NAME_MAX): what is longer is a text


@app.command(
    epilog=examples(
        "chartcoder explain samples/charts/ov-001.txt",
        "chartcoder explain 'Assessment: type 2 diabetes with CKD stage 3b. Denies chest pain.'",
        "cat note.txt | chartcoder explain - | less",
        "chartcoder explain samples/charts/ed-004.txt --svg chart.svg",
    )
)
def explain(
    chart: Annotated[str, typer.Argument(metavar="TEXT_OR_FILE", help="A chart's text, its file, or - for stdin.")],
    engine: Engine = "compiled",
    lexicon: Lexicon = None,
    svg: Annotated[
        Path | None,
        typer.Option(help="Draw it into this file instead; a chart's words are protected health information."),
    ] = None,
) -> None:
    """Show one chart with its findings marked by assertion, the codes to bill with the reasons, and what was rejected.

    Each finding stands in brackets behind a sign for its assertion and a number, [+3 type 2 diabetes]; the reasons
    name findings by these numbers. Colours come with a terminal and go with NO_COLOR or a pipe.
    """
    from chartcoder.coding.billing import setting_of
    from chartcoder.coding.coder import ENGINES, Coder
    from chartcoder.coding.conditions import ChartView
    from chartcoder.coding.hcc import HOW_TO_ADD, has_categories
    from chartcoder.coding.lexicon.artefact import ARTEFACT
    from chartcoder.coding.sections import Sections

    read = _read(chart)
    text = reveal(read.text)
    sections = Sections(text, read.sections)
    setting = read.setting or setting_of(ChartView(text, sections.at))
    coded = Coder(engine=one_of(ENGINES, engine, "engine"), lexicon=lexicon).code(read)
    explanation = Explanation(
        text,
        sections.headings,
        coded.as_dict(),
        setting=f"{setting} ({'given' if read.setting else 'read from the chart'})",
        hints=() if has_categories(lexicon or ARTEFACT) else (f"no HCC categories here: {HOW_TO_ADD}",),
    )
    if svg:
        svg.write_text(as_svg(explanation, title=f"chartcoder explain {read.id}"), encoding="utf-8")
    else:
        Console(highlight=False).print(explanation)


def _read(chart: str) -> Chart:
    """The chart that the argument means.

    Raises:
        BadRequest: it looks like a file's name, and there is no such file.
        UnreadableChart: what was given is no document that can be read.
    """
    if chart == "-":
        return read_chart(sys.stdin.buffer.read(), chart_id="stdin")
    data, path = os.fsencode(chart), Path(chart)
    may_be_name = len(data) <= LONGEST_NAME and "\0" not in chart
    if may_be_name and path.is_file():
        return read_chart(path.read_bytes(), chart_id=path.stem)
    if may_be_name and (path.suffix or "/" in chart) and not any(character.isspace() for character in chart):
        raise BadRequest(f"{chart}: no such file; expected a chart's file, its text in quotes, or - for standard input")
    return read_chart(data, chart_id="text")
