"""Accuracy on charts with gold codes: `python bench/accuracy.py GOLD.jsonl [--answer codes|findings] [--engine ...]`.

GOLD has one chart a line: {"id", "text", "codes"}. With --out the predictions are written as {"id", "codes"} lines.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.coding.evaluation import evaluate, predicted_codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--answer", choices=("codes", "findings"), default="codes")
    parser.add_argument("--engine", default="compiled")
    parser.add_argument("--lexicon", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--most", type=int, default=20, help="how many of the commonest misses and false codes to list")
    options = parser.parse_args()

    rows = [json.loads(line) for line in options.gold.read_text(encoding="utf-8").splitlines()]
    coder = Coder(engine=options.engine, lexicon=options.lexicon)
    coded = [coder.code(Chart(id=row["id"], text=row["text"])) for row in rows]
    result = evaluate({row["id"]: set(row["codes"]) for row in rows}, coded, answer=options.answer)
    for level, scores in result.levels.items():
        print(
            f"{level:10} precision {scores.precision:.3f}  recall {scores.recall:.3f}  F1 {scores.f1:.3f}"
            f"  (95 % {scores.f1_low:.3f} to {scores.f1_high:.3f})"
        )
    print("missed:", ", ".join(f"{code} {count}" for code, count in result.missed[: options.most]))
    print("false: ", ", ".join(f"{code} {count}" for code, count in result.false[: options.most]))
    if options.out:
        lines = (
            json.dumps({"id": chart.id, "codes": sorted(predicted_codes(chart, options.answer))}) for chart in coded
        )
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
