"""Builds the artefact: `python -m chartcoder.coding.build [--out DIR] [--index DIR]`.

Reads the ICD-10-CM release and the lexicon's layers, writes what `Coder` maps in. Takes about half a minute; the
result is the same on every machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from chartcoder.coding.context import render_rules
from chartcoder.coding.hcc import HOW_TO_ADD, write_categories
from chartcoder.coding.lexicon.artefact import ARTEFACT, write_lexicon
from chartcoder.coding.lexicon.compile import (
    RANK_MAIN_TERM,
    Phrases,
    add_curated,
    add_discomfort,
    add_index,
    add_neoplasms,
    add_official,
    add_sides,
    drop_undone_conditions,
)
from chartcoder.coding.lexicon.curated import FOLDER, read_curated, read_main_terms
from chartcoder.coding.lexicon.index import index_phrases
from chartcoder.coding.lexicon.sides import sided_codes
from chartcoder.coding.terminology import read_release, write_terminology


def build_lexicon(out: Path = ARTEFACT, *, index: Path | None = None, curated: Path = FOLDER) -> list[str]:
    """Build the artefact into `out` and return the faults of the curated files, one line each.

    Args:
        out: folder for the artefact; made where missing.
        index: folder with the index files that CDC publishes with the release, as an additional source of phrases.
        curated: folder of the curated lexicon.
    """
    out.mkdir(parents=True, exist_ok=True)
    release, entries = read_release()
    by_code = {entry.code: entry for entry in entries}
    phrases = Phrases()
    add_official(phrases, entries)
    add_neoplasms(phrases, by_code)
    if index is not None:
        add_index(phrases, index_phrases(index), by_code)
    rows, faults = read_curated(set(by_code), curated)
    add_curated(phrases, rows, by_code)
    main_terms, main_faults = read_main_terms(set(by_code))
    add_curated(phrases, main_terms, by_code, rank=RANK_MAIN_TERM)
    drop_undone_conditions(phrases)
    add_discomfort(phrases)
    add_sides(phrases, sided_codes(entries))
    write_terminology(entries, out / "codes.marisa")
    write_lexicon(phrases, out, about={"release": release, "phrases": str(len(phrases.entries))})
    _write_triggers(out)
    if not write_categories(out):
        print(f"built without HCC categories; {HOW_TO_ADD}", file=sys.stderr)
    return faults + main_faults


def _write_triggers(out: Path) -> None:
    from chartcoder.coding.engine_medspacy import medspacy_tokenizer

    triggers = render_rules(medspacy_tokenizer(), extended=True)
    (out / "triggers.json").write_text(json.dumps(triggers), encoding="utf-8")


def main() -> int:
    """The command line. Exit status 1 where a curated row could not be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ARTEFACT, help="folder to write (default: %(default)s)")
    parser.add_argument("--index", type=Path, help="folder with CDC's index files (XML) of the release")
    options = parser.parse_args()
    faults = build_lexicon(options.out, index=options.index)
    for fault in faults:
        print(f"left out: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
