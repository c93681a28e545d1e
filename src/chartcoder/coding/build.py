"""Builds the artefact: `python -m chartcoder.coding.build [--out DIR] [--release DIR] [--index DIR]`.

Reads the ICD-10-CM release and the lexicon's layers, writes what `Coder` maps in. Takes about half a minute; the
result is the same on every machine. The release is the one bundled with `simple-icd-10-cm`, unless a folder with
another one's official files is given: by --release, by CHARTCODER_RELEASE, or as the folder `official_release` beside
this file, which the images' builds find as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from chartcoder.coding.context import render_rules
from chartcoder.coding.engine_compiled import write_triggers
from chartcoder.coding.engine_medspacy import medspacy_tokenizer
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
    drop_overruled,
    drop_undone_conditions,
)
from chartcoder.coding.lexicon.curated import FOLDER, read_curated, read_main_terms
from chartcoder.coding.lexicon.index import index_phrases
from chartcoder.coding.lexicon.sides import sided_codes
from chartcoder.coding.official_files import INDEX_KINDS, find_official_files
from chartcoder.coding.release import read_release
from chartcoder.coding.terminology import write_terminology
from chartcoder.errors import ChartcoderError

RELEASE_VARIABLE = "CHARTCODER_RELEASE"
MOST_NOTES = 50
"""Lines that are shown; the first ones are of the official files, then come the curated rows."""
RELEASE_FOLDER = Path(__file__).parent / "official_release"


def build_lexicon(
    out: Path = ARTEFACT, *, release: Path | None = None, index: Path | None = None, curated: Path = FOLDER
) -> list[str]:
    """Build the artefact into `out` and return what was left out or is odd, one line each.

    Args:
        out: folder for the artefact; made where missing.
        release: folder with the official files of a release; the bundled one by default.
        index: folder with the index files that CDC publishes with the release, as an additional source of phrases; by
            default those in `release`, if there are any.
        curated: folder of the curated lexicon.

    Raises:
        ReleaseInvalid: the official files cannot be read.
    """
    name, entries, notes = read_release(release)
    if index is None and release is not None and find_official_files(release).keys() & set(INDEX_KINDS):
        index = release
    out.mkdir(parents=True, exist_ok=True)
    by_code = {entry.code: entry for entry in entries}
    phrases = Phrases()
    add_official(phrases, entries)
    add_neoplasms(phrases, by_code)
    if index is not None:
        add_index(phrases, index_phrases(index, notes), by_code)
    rows, faults = read_curated(set(by_code), curated)
    add_curated(phrases, rows, by_code)
    main_terms, main_faults = read_main_terms(set(by_code))
    add_curated(phrases, main_terms, by_code, rank=RANK_MAIN_TERM)
    drop_undone_conditions(phrases)
    drop_overruled(phrases)
    add_discomfort(phrases)
    add_sides(phrases, sided_codes(entries))
    write_terminology(entries, out / "codes.marisa")
    write_lexicon(phrases, out, about={"release": name, "phrases": str(len(phrases.entries))})
    write_triggers(render_rules(medspacy_tokenizer(), extended=True), out)
    if not write_categories(out):
        print(f"built without HCC categories; {HOW_TO_ADD}", file=sys.stderr)
    return notes + faults + main_faults


def given_release() -> Path | None:
    """The folder of official files that the environment or the checkout gives; None for the bundled release."""
    named = os.environ.get(RELEASE_VARIABLE)
    if named:
        return Path(named)
    return RELEASE_FOLDER if RELEASE_FOLDER.is_dir() else None


def main() -> int:
    """The command line. Exit status 1 where a curated row could not be read (a row whose code another release lacks is
    only named), 2 where the official files cannot be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ARTEFACT, help="folder to write (default: %(default)s)")
    parser.add_argument("--release", type=Path, default=given_release(), help="folder with a release's official files")
    parser.add_argument("--index", type=Path, help="folder with CDC's index files (XML) of the release")
    options = parser.parse_args()
    try:
        faults = build_lexicon(options.out, release=options.release, index=options.index)
    except ChartcoderError as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    for fault in faults[:MOST_NOTES]:
        print(f"note: {fault}", file=sys.stderr)
    if len(faults) > MOST_NOTES:
        print(f"note: and {len(faults) - MOST_NOTES:,} more", file=sys.stderr)
    return 1 if faults and options.release is None and options.index is None else 0


if __name__ == "__main__":
    sys.exit(main())
