"""How fast the coder is, on one core, beside stock medspaCy: `make bench-coder`, or `python -m bench.coder_throughput
[--charts FOLDER_OR_JSONL] [--notes N] [--rounds N] [--without-stock]`.

In one run, on the same notes: stock medspaCy (PyRuSH, target matcher, ConText, sectionizer, with the terms that the
lexicon finds in these notes), the compiled engine's findings with their assertions, and the whole product (attributes,
guidelines, evidence, JSON out). They take turns, round by round, and of each note the quickest counts, so that what
else the machine does spoils little. Then: what the process had never seen before, where the time goes, start to first
result in a fresh process, and memory.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.engine_compiled import CompiledEngine
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.matching import Matcher
from chartcoder.coding.sections import Sections

SAMPLES = Path(__file__).parents[1] / "samples" / "charts"
CHART = "ASSESSMENT: type 2 diabetes, CKD stage 3b. Denies chest pain."
FIRST_RESULT = f"""
import time; begin = time.perf_counter()
from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
Coder(engine="compiled").code(Chart(id="1", text={CHART!r}))
print(time.perf_counter() - begin)
"""
STOCK = "stock medspaCy: findings with assertions"
Run = Callable[[str], object]


def read_charts(path: Path, count: int) -> list[str]:
    """`count` texts: of a file with one {"text"} a line, or the text files of a folder; repeated with variations where
    there are fewer."""
    if path.is_dir():
        texts = [file.read_text(encoding="utf-8") for file in sorted(path.glob("**/*.txt"))]
    else:
        texts = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [vary(text, number) for number, text in zip(range(count), itertools.cycle(texts), strict=False)]


def vary(text: str, number: int) -> str:
    """A text with other numbers in it, and its paragraphs in another order, each `number` its own way; 0 as it is."""
    if not number:
        return text
    dice = random.Random(number)
    paragraphs = text.split("\n\n")
    dice.shuffle(paragraphs)
    return re.sub(r"\d", lambda _: str(dice.randrange(1, 10)), "\n\n".join(paragraphs))


def findings_of(matcher: Matcher, engine: CompiledEngine) -> Run:
    """Terms of a text and their assertions' cues, and nothing after that."""

    def run(text: str) -> object:
        sections = Sections(text)
        terms = matcher.find(text, ChartView(text, sections.at))
        return engine.read(text, [(term.start, term.end) for term in terms], sections)

    return run


def stock_pipeline(terms: set[str]) -> Run:
    """medspaCy as it comes, with its target matcher for `terms`, and the same ConText rules and headings."""
    from chartcoder.coding.engine_medspacy import MedspacyEngine

    nlp: Any = MedspacyEngine()._nlp
    with warnings.catch_warnings():
        from medspacy.ner import TargetRule
    matcher = nlp.add_pipe("medspacy_target_matcher", before="medspacy_context")
    matcher.add([TargetRule(term, "TERM") for term in sorted(terms)])

    def run(text: str) -> object:
        with warnings.catch_warnings():  # matchers without patterns say so each time
            warnings.filterwarnings("ignore", message=r"\[W036\]")
            return nlp(text)

    return run


def measure(runs: dict[str, Run], texts: list[str], rounds: int) -> dict[str, float]:
    """Seconds of processor time a megabyte for each run, by the quickest round of each note.

    What is loaded by now is kept from the garbage collector, as the pool does in its processes: stock's parts, too.
    """
    gc.freeze()
    best: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        for name, run in runs.items():
            for number, text in enumerate(texts):
                begin = time.thread_time()
                run(text)
                spent = time.thread_time() - begin
                best[name, number] = min(spent, best.get((name, number), spent))
    megabytes = sum(map(len, texts)) / 1e6
    return {name: sum(best[name, number] for number in range(len(texts))) / megabytes for name in runs}


def stages_of(coder: Coder, texts: list[str], rounds: int) -> dict[str, float]:
    """Seconds a megabyte of each stage, by what the whole takes up to it."""
    matcher, engine = coder._matcher, coder._engine

    def code(text: str) -> Any:
        return coder.code(Chart(id="1", text=text))

    def find(text: str) -> object:
        return matcher.find(text, ChartView(text, lambda _: None))

    upto: dict[str, Run] = {
        "sections": Sections,
        "words to characters": matcher._encoder.encode,
        "matching, with those": find,
        "findings": findings_of(matcher, engine),  # type: ignore[arg-type]
        "coded": code,
        "JSON": lambda text: code(text).as_json(),
    }
    spent = measure(upto, texts, rounds)
    return {
        "sections": spent["sections"],
        "words to characters": spent["words to characters"],
        "phrases and their choice": spent["matching, with those"] - spent["words to characters"],
        "ConText": spent["findings"] - spent["matching, with those"] - spent["sections"],
        "assertions, guidelines, evidence": spent["coded"] - spent["findings"],
        "JSON": spent["JSON"] - spent["coded"],
    }


def first_sight(texts: list[str]) -> float:
    """Seconds a megabyte of a new coder that has seen the first half of some notes, on the second half."""
    coder = Coder(engine="compiled")
    half = len(texts) // 2
    for text in texts[:half]:
        coder.code(Chart(id="1", text=text))
    begin = time.thread_time()
    for text in texts[half:]:
        coder.code(Chart(id="1", text=text)).as_json()
    return (time.thread_time() - begin) / (sum(map(len, texts[half:])) / 1e6)


def memory(texts: list[str]) -> tuple[float, float]:
    """MiB resident of a process that has coded these notes, and what a process forked after loading adds of its own."""
    program = (
        "import json, os, sys\nfrom chartcoder.chart import Chart\nfrom chartcoder.coding.coder import Coder\n"
        "texts = json.load(sys.stdin)\ncoder = Coder(engine='compiled')\nreading, writing = os.pipe()\n"
        "def rollup(key):\n    lines = open('/proc/self/smaps_rollup').read().splitlines()\n"
        "    return sum(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024\n"
        "def run():\n    for text in texts:\n        coder.code(Chart(id='1', text=text))\n"
        "if not os.fork():\n    run()\n    os.write(writing, str(rollup('Private_Dirty')).encode())\n    os._exit(0)\n"
        "own = os.read(reading, 100).decode()\nos.wait()\nrun()\nprint(rollup('Rss'), own)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    resident, own = map(float, done.stdout.split())
    return resident, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--charts", type=Path, default=SAMPLES, help="folder of texts, or JSONL (default: the samples)")
    parser.add_argument("--notes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-stock", action="store_true", help="which takes most of the time")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    texts = read_charts(options.charts, options.notes)
    size = sum(map(len, texts)) / 1e6
    print(f"{len(texts)} notes, {size:.2f} MB, one core", flush=True)

    coder = Coder(engine="compiled")
    new = first_sight(texts)
    runs: dict[str, Run] = {
        "compiled: findings with assertions": findings_of(Matcher(Lexicon(ARTEFACT)), CompiledEngine(ARTEFACT)),
        "compiled: whole product, JSON out": lambda text: coder.code(Chart(id="1", text=text)).as_json(),
    }
    if not options.without_stock:
        terms = {finding.text for text in texts for finding in coder.code(Chart(id="1", text=text)).findings}
        runs[STOCK] = stock_pipeline(terms)
    seconds = measure(runs, texts, options.rounds)
    for name, each in seconds.items():
        against = f"{seconds[STOCK] / each:8.0f} times stock" if STOCK in seconds else ""
        print(f"{name:42} {1 / each:8.3f} MB/s {len(texts) / size / each:9.1f} notes/s{against}")
    print(f"{'whole product, notes never seen before':42} {1 / new:8.3f} MB/s")
    stages = stages_of(coder, texts, options.rounds)
    for stage, spent in stages.items():
        print(f"  {stage:40} {100 * spent / sum(stages.values()):5.0f} %")
    starts = [float(subprocess.check_output([sys.executable, "-c", FIRST_RESULT])) for _ in range(5)]  # noqa: S603
    resident, own = memory(texts)
    print(
        f"start to first result {min(starts):.2f} s; {resident:.0f} MiB resident, each further process adds {own:.0f}"
    )


if __name__ == "__main__":
    main()
