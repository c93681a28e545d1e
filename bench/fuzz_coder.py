"""Fuzzing the way from text to codes, by hand: `pip install atheris`, then `python -m bench.fuzz_coder
-max_total_time=600 -max_len=4000 CORPUS_FOLDER`.

atheris is libFuzzer for Python: it mutates texts towards branches that none has taken yet. A finding is an exception, a
span that is not the chart's own words, a result that JSON loses, or a text that takes longer than a minute (a hang).
Texts begin from CORPUS_FOLDER, one a file (the samples' charts do); options are libFuzzer's.
"""

from __future__ import annotations

import json
import sys

import atheris

with atheris.instrument_imports(include=["chartcoder.coding"]):
    from chartcoder.chart import Chart, CodedChart
    from chartcoder.coding.coder import Coder


def main() -> None:
    coder = Coder(engine="compiled")

    def code(data: bytes) -> None:
        text = data.decode("utf-8", errors="replace")
        coded = coder.code(Chart(id="fuzz/1", text=text))
        if any(text[finding.start : finding.end] != finding.text for finding in coded.findings):
            raise AssertionError("a finding's offsets are not those of its words")
        if CodedChart.from_dict(json.loads(coded.as_json())) != coded:
            raise AssertionError("a coded chart does not survive JSON")

    atheris.Setup([*sys.argv, "-timeout=60"], code)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
