"""`chartcoder compare`: saved answers of Amazon Comprehend Medical beside ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TaskID

from chartcoder.cli.app import app, examples, one_of
from chartcoder.cli.streaming import Engine, Lexicon, progress_bar
from chartcoder.comparison import Comparison, read_answers
from chartcoder.errors import BadRequest, ChartError
from chartcoder.inputs import Document, documents, total_bytes
from chartcoder.prices import COMPREHEND_USD_PER_UNIT
from chartcoder.readers import read_chart
from chartcoder.writers.comparison import COMPARISON_FORMATS, comparison_writer

if TYPE_CHECKING:
    from chartcoder.coding.coder import Coder

AGAINST = ("findings", "codes")
NAMED_AT_MOST = 5  # charts in a note


@app.command(
    epilog=examples(
        "chartcoder compare charts/ --answers comprehend/",
        "chartcoder compare notes.jsonl --answers answers.jsonl --against codes --format json",
    )
)
def compare(
    paths: Annotated[list[Path], typer.Argument(help="The charts: files, folders, .jsonl files, or - for stdin.")],
    answers: Annotated[
        Path,
        typer.Option(
            help="Saved answers of InferICD10CM: a folder of <chart>.json, or JSON Lines that say their ChartId."
        ),
    ],
    against: Annotated[
        str,
        typer.Option(
            help="findings (all that is present, which is what the service gives) or codes (the list to bill).",
            autocompletion=lambda: list(AGAINST),
        ),
    ] = "findings",
    least_score: Annotated[
        float, typer.Option(min=0, max=1, help="Their entities and concepts below do not count.")
    ] = 0,
    usd_per_unit: Annotated[
        float, typer.Option(min=0, help="Their price of 100 characters, in US dollars.")
    ] = COMPREHEND_USD_PER_UNIT,
    instance_type: Annotated[str, typer.Option(help="What our coding is priced by, On-Demand.")] = "c7i.xlarge",
    most: Annotated[int, typer.Option(min=0, help="How many differences the table shows.")] = 30,
    format: Annotated[str, typer.Option(help=f"One of {', '.join(COMPARISON_FORMATS)}.")] = "table",
    out: Annotated[Path | None, typer.Option(help="Write here instead of to standard output.")] = None,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Show the charts' words: protected health information.")
    ] = False,
    engine: Engine = "compiled",
    lexicon: Lexicon = None,
) -> None:
    """Compare with Amazon Comprehend Medical, on charts and its answers that you saved: nothing is sent anywhere.

    Agreement at the full code and at the category, what only one of the two has and what the other says of the same
    words, and what each costs by list price.
    """
    from chartcoder.coding.coder import ENGINES, Coder

    saved = read_answers(answers)
    coder = Coder(engine=one_of(ENGINES, engine, "engine"), lexicon=lexicon)
    comparison = Comparison(
        against=one_of(AGAINST, against, "answer"),
        least_score=least_score,
        with_text=show_text,
        usd_per_unit=usd_per_unit,
        instance_type=instance_type,
    )
    with ExitStack() as stack:
        total = total_bytes(paths)
        target = stack.enter_context(out.open("w", encoding="utf-8", newline="")) if out else sys.stdout
        write = comparison_writer(format, target, most=most)
        progress = stack.enter_context(progress_bar(to_terminal=out is not None or not sys.stdout.isatty()))
        task = progress.add_task("coding", total=total)
        notes = _compare_all(_shown(documents(paths), progress, task), saved, coder, comparison)
        write(comparison.report() | {"notes": notes})


def _shown(source: Iterator[Document], progress: Progress, task: TaskID) -> Iterator[Document]:
    for document in source:
        yield document
        progress.advance(task, document.size)


def _compare_all(
    source: Iterator[Document], saved: dict[str, dict[str, Any]], coder: Coder, comparison: Comparison
) -> list[str]:
    """Adds every chart that has an answer; says what was left out."""
    without, failed, compared = [], [], []
    for document in source:
        if document.id not in saved:
            without.append(document.id)
            continue
        try:
            _add(document, saved[document.id], coder, comparison)
            compared.append(document.id)
        except ChartError as error:
            failed.append(f"{document.id} ({error.reason})")
    if not compared and not failed:
        raise BadRequest("no chart has a saved answer of its name; expected <chart>.json, or its name as ChartId")
    unused = sorted(saved.keys() - set(compared) - {name.rpartition(" (")[0] for name in failed})
    return [
        *_note(without, "charts without a saved answer, left out"),
        *_note(failed, "charts that cannot be read or coded, left out"),
        *_note(unused, "saved answers without a chart, left out"),
    ]


def _add(document: Document, answer: dict[str, Any], coder: Coder, comparison: Comparison) -> None:
    if document.error:
        raise document.error
    begun = time.process_time()
    chart = read_chart(document.data, chart_id=document.id)
    result = coder.code(chart).as_dict()
    comparison.add(result, answer, characters=len(chart.text), seconds=time.process_time() - begun)


def _note(names: list[str], what: str) -> list[str]:
    if not names:
        return []
    more = ", ..." if len(names) > NAMED_AT_MOST else ""
    return [f"{len(names)} {what}: {', '.join(names[:NAMED_AT_MOST])}{more}"]
