"""`chartcoder evaluate`: how well the coder does on charts that a site's own experts coded."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chartcoder.chart import CodedChart
from chartcoder.cli.app import app, examples, one_of
from chartcoder.cli.streaming import ALL_CORES, ChartSeconds, Engine, Jobs, Lexicon, coded, progress_bar
from chartcoder.errors import BadRequest
from chartcoder.inputs import Document, files_under
from chartcoder.pool import CodingPool
from chartcoder.writers.evaluation import EVALUATION_FORMATS, evaluation_writer

if TYPE_CHECKING:
    from chartcoder.coding.evaluation import Evaluation, GoldChart

BESIDE_GOLD = "charts"
NAMED_AT_MOST = 5  # charts in a message


@app.command(
    epilog=examples(
        "chartcoder evaluate gold.jsonl",
        "chartcoder evaluate gold.jsonl --charts charts/ --by specialty",
        "chartcoder evaluate gold.jsonl --answer findings --by code --format csv --out scores.csv",
        "chartcoder evaluate gold.jsonl --fail-under 0.6",
    )
)
def evaluate(
    gold: Annotated[
        Path, typer.Argument(help="One chart a line: {id, codes} and text, specialty, setting, findings where known.")
    ],
    charts: Annotated[
        Path | None,
        typer.Option(help=f"The folder of the charts whose lines have no text; by default {BESIDE_GOLD} beside GOLD."),
    ] = None,
    answer: Annotated[
        str,
        typer.Option(
            help="Whose mistakes and groups are shown: codes (the list to bill) or findings (all that is present).",
            autocompletion=lambda: ["codes", "findings"],
        ),
    ] = "codes",
    by: Annotated[
        str | None,
        typer.Option(
            help="Scores by specialty, code, category or chapter as well.",
            autocompletion=lambda: ["specialty", "code", "category", "chapter"],
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="How many rows of each list the table shows.")] = 15,
    format: Annotated[
        str,
        typer.Option(help=f"One of {', '.join(EVALUATION_FORMATS)}.", autocompletion=lambda: list(EVALUATION_FORMATS)),
    ] = "table",
    out: Annotated[Path | None, typer.Option(help="Write here instead of to standard output.")] = None,
    show_text: Annotated[
        bool, typer.Option("--show-text", help="Show the charts' words in the evidence: protected health information.")
    ] = False,
    fail_under: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit with 1 where the answer's F1 at full code is lower.")
    ] = None,
    engine: Engine = "compiled",
    jobs: Jobs = ALL_CORES,
    chart_seconds: ChartSeconds = 120,
    lexicon: Lexicon = None,
) -> None:
    """Measure the coder on charts that experts coded: what a site needs before it trusts it.

    Precision, recall and F1 with 95 % intervals, at the full code and at the category, for the list to bill and for
    all findings that are present; and the commonest missed and false codes, with where in which chart, and why.

    A chart that cannot be coded counts as one without codes, and is said.
    """
    from chartcoder.coding.evaluation import ANSWERS, BY, Evaluation, read_gold
    from chartcoder.coding.lexicon.artefact import ARTEFACT
    from chartcoder.coding.terminology import Terminology

    chosen, breakdown = one_of(ANSWERS, answer, "answer"), by and one_of(BY, by, "breakdown")
    rows = {row.id: row for row in read_gold(gold)}
    documents = _documents(rows, _texts_of(rows, charts or gold.parent / BESIDE_GOLD))
    with ExitStack() as stack:
        target = stack.enter_context(out.open("w", encoding="utf-8", newline="")) if out else sys.stdout
        write = evaluation_writer(format, target, most=most)
        pool = stack.enter_context(
            CodingPool(
                processes=jobs,
                engine=engine,
                chart_seconds=chart_seconds,
                render=CodedChart.as_dict,
                lexicon=lexicon,
            )
        )
        terminology = Terminology((lexicon or ARTEFACT) / "codes.marisa")
        evaluation = Evaluation(terminology, answer=chosen, with_text=show_text)
        _code_all(documents, rows, pool, evaluation, jobs=jobs)
        report = evaluation.report(by=breakdown or None)
        write(report)
    _judge(report, fail_under)


def _texts_of(rows: Mapping[str, GoldChart], folder: Path) -> dict[str, Path]:
    """The files of the charts whose lines have no text."""
    wanted = [row.id for row in rows.values() if row.text is None]
    if not wanted:
        return {}
    if not folder.is_dir():
        raise BadRequest(
            f"{len(wanted)} gold charts have no text, and {folder} is no folder; give a text with each line, or the "
            "folder of the charts with --charts"
        )
    files = dict(files_under(folder))
    missing = [chart for chart in wanted if chart not in files]
    if missing:
        named = ", ".join(missing[:NAMED_AT_MOST]) + (", ..." if len(missing) > NAMED_AT_MOST else "")
        raise BadRequest(f"{len(missing)} gold charts have no text, and no file of their name in {folder}: {named}")
    return {chart: files[chart] for chart in wanted}


def _documents(rows: Mapping[str, GoldChart], files: Mapping[str, Path]) -> Iterator[Document]:
    for row in rows.values():
        data = files[row.id].read_bytes() if row.text is None else row.text.encode()
        yield Document(row.id, data, len(data), setting=row.setting)


def _code_all(
    documents: Iterator[Document],
    rows: Mapping[str, GoldChart],
    pool: CodingPool[dict[str, Any]],
    evaluation: Evaluation,
    *,
    jobs: int,
) -> None:
    with progress_bar(to_terminal=True) as progress:
        task = progress.add_task("coding", total=len(rows))
        for document, result in coded(documents, pool, jobs=jobs):
            if "error" in result:
                evaluation.add_failure(rows[document.id], result["error"]["reason"])
            else:
                evaluation.add(rows[document.id], CodedChart.from_dict(result))
            progress.advance(task)


def _judge(report: dict[str, Any], fail_under: float | None) -> None:
    if report["failed"]:
        typer.echo(f"{len(report['failed'])} charts could not be coded and count as charts without codes", err=True)
    answer = report["answer"]
    f1 = report["scores"][answer]["full code"]["micro"]["f1"]["value"]
    if fail_under is not None and f1 < fail_under:
        typer.echo(f"F1 of {answer} at full code is {f1:.3f}; expected at least {fail_under:g}", err=True)
        raise typer.Exit(1)
