"""Throughput of the coder on one core: `python bench/coder_throughput.py NOTES.jsonl [--stock N]`.

NOTES has one chart a line: {"id", "text"}. Measured in one run on the same notes with the same terms: stock medspaCy
(PyRuSH, ConText, sectionizer over given terms) on the first N notes, the compiled engine's findings with assertions,
and the whole product (attributes, guidelines, evidence, JSON out). Also: time to the first result in a fresh process
and its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.coding.conditions import ChartView
from chartcoder.coding.engine import Engine
from chartcoder.coding.engine_compiled import CompiledEngine
from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
from chartcoder.coding.matching import Matcher
from chartcoder.coding.sections import Sections

FIRST_RESULT = """
import time; begin = time.perf_counter()
from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
coder = Coder(engine="compiled")
coder.code(Chart(id="1", text="ASSESSMENT: type 2 diabetes, CKD stage 3b. Denies chest pain."))
status = open("/proc/self/status").read()
print(time.perf_counter() - begin, int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def measure(name: str, run: Callable[[str], object], texts: list[str], *, rounds: int = 3) -> float:
    """Print and return MB/s by processor time, the best of some rounds after one that warms up."""
    for text in texts[: max(1, len(texts) // 10)]:
        run(text)
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        for text in texts:
            run(text)
        best = min(best, time.process_time() - begin)
    characters = sum(map(len, texts))
    print(f"{name:44} {characters / best / 1e6:9.3f} MB/s {len(texts) / best:10.1f} notes/s", flush=True)
    return characters / best / 1e6


def findings_with(engine: Engine, matcher: Matcher) -> Callable[[str], object]:
    """Terms of a text and their context, and nothing after that."""

    def run(text: str) -> object:
        sections = Sections(text)
        terms = matcher.find(text, ChartView(text, sections.at))
        return engine.read(text, [(term.start, term.end) for term in terms], sections)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notes", type=Path)
    parser.add_argument("--stock", type=int, default=40, help="notes for the stock engine; 0 leaves it out")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    texts = [json.loads(line)["text"] for line in options.notes.read_text(encoding="utf-8").splitlines()]
    print(f"{len(texts)} notes, {sum(map(len, texts)) / 1e6:.2f} MB")

    matcher = Matcher(Lexicon(ARTEFACT))
    coder = Coder(engine="compiled")
    findings = measure("compiled: findings with assertions", findings_with(CompiledEngine(ARTEFACT), matcher), texts)
    whole = measure(
        "compiled: whole product, JSON out",
        lambda text: json.dumps(coder.code(Chart(id="1", text=text)).as_dict()),
        texts,
    )
    if options.stock:
        from chartcoder.coding.engine_medspacy import MedspacyEngine

        stock = measure(
            "stock medspaCy: findings with assertions",
            findings_with(MedspacyEngine(), matcher),
            texts[: options.stock],
            rounds=1,
        )
        print(f"against stock: findings {findings / stock:.0f} times, whole product {whole / stock:.0f} times")
    seconds, memory = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FIRST_RESULT], capture_output=True, text=True, check=True
    ).stdout.split()
    print(f"start to first result {float(seconds):.3f} s, {memory} MiB at most")


if __name__ == "__main__":
    main()
