"""Writes the dictionary that results are deflated with, from the results of the project's own sample charts.

    python -m tools.result_dictionary src/chartcoder/cloud/results.dictionary

What results have in common is put together as it stands in them: a code with its description, a section with an
assertion, a reason. What stands in most of them comes last, where deflate points to it with the fewest bits. The file
is part of every stored result: write one under a new name, and leave the old one where it is.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chartcoder import Chart, Coder

SAMPLES = Path(__file__).parents[1] / "samples" / "charts"
LONGEST = 32_768  # deflate looks no further back


def dictionary(results: list[dict[str, Any]]) -> bytes:
    """The dictionary for such results; the same ones give the same."""
    counted = Counter(part for result in results for part in set(_parts(result)))
    ordered = sorted(counted, key=lambda part: (counted[part], len(part), part))
    return "".join(ordered).encode()[-LONGEST:]


def _parts(result: dict[str, Any]) -> Iterator[str]:
    for found in result["findings"]:
        placed = {name: found[name] for name in ("section", "assertion", "cue")}
        yield _json(placed)[1:-1] + ',"code":"'
        yield f'"code":"{found["code"]}","description":{_json(found["description"])}}},{{"text":"'
    for code in result["codes"]:
        yield f'{{"code":"{code["code"]}","description":{_json(code["description"])},"evidence":['
        yield f'"rules":{_json(code["rules"])},"hcc":{_json(code["hcc"])}}},{{"code":"'
    for rejected in result["rejected"]:
        yield f'],"reason":{_json(rejected["reason"])}}},{{"code":"'
    rest = {name: value for name, value in result.items() if name not in ("id", "findings", "codes", "rejected")}
    yield f'],{_json(rest)[1:]}{{"id":"","codes":[{{"code":"'


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    coder = Coder()
    charts = [Chart(id=path.stem, text=path.read_text()) for path in sorted(SAMPLES.glob("*.txt"))]
    Path(sys.argv[1]).write_bytes(dictionary([coder.code(chart).as_dict() for chart in charts]))


if __name__ == "__main__":
    main()
