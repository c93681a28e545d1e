"""The curated lexicon: phrases that clinicians use, with the code each implies and the context that it needs.

Tab-separated files, one a specialty, in `curated/`: code, phrases between " | ", and (optional) when. A row that
cannot be read is named by file and line and left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chartcoder.coding.lexicon.normalise import read_phrase

FOLDER = Path(__file__).parent / "curated"
MAIN_TERMS = Path(__file__).with_name("main_terms.tsv")

NO_CODE = "-"
CONDITIONS = ("near", "anywhere", "not near", "said", "section", "sex", "age", "pregnant")


@dataclass(frozen=True, slots=True)
class CuratedRow:
    """One row: the codes that any of the phrases implies (none: the phrase only keeps shorter ones from matching)."""

    codes: tuple[str, ...]
    phrases: tuple[str, ...]
    when: tuple[tuple[str, str], ...]
    source: str  # file:line


def read_curated(known: set[str], folder: Path = FOLDER) -> tuple[list[CuratedRow], list[str]]:
    """Every row of a folder's files that can be read, and a line for each that cannot.

    Args:
        known: the codes of the release; a row with any other is faulty.
    """
    rows, faults = _read_files(sorted(folder.glob("*.tsv")), known)
    return rows, faults + list(conflicts(rows))


def conflicts(rows: list[CuratedRow]) -> Iterator[str]:
    """A line for each phrase that two rows give different codes under one condition, after normalising.

    Which of them a chart would get hangs on the order of the files: curators have to say.
    """
    held: dict[tuple[tuple[str, ...], frozenset[str], frozenset[tuple[str, str]]], tuple[CuratedRow, str]] = {}
    for row in rows:
        for phrase in row.phrases:
            core, attributes = read_phrase(phrase)
            first, said = held.setdefault((core, attributes, frozenset(row.when)), (row, phrase))
            if core and first.codes != row.codes:
                codes, others = ("+".join(codes) or "no code" for codes in (first.codes, row.codes))
                yield f"{row.source}: {phrase!r} is {others}, and {said!r} in {first.source} is {codes}; expected one"


def read_main_terms(known: set[str]) -> tuple[list[CuratedRow], list[str]]:
    """The defaults of general words (`main_terms.tsv`), in the same form."""
    rows, faults = _read_files([MAIN_TERMS], known)
    return rows, faults + list(conflicts(rows))


def _read_files(paths: list[Path], known: set[str]) -> tuple[list[CuratedRow], list[str]]:
    rows: list[CuratedRow] = []
    faults: list[str] = []
    for path in paths:
        for where, fields in _lines(path):
            try:
                rows.append(_read_row(fields, where, known))
            except ValueError as fault:
                faults.append(f"{where}: {fault}")
    return rows, faults


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    with path.open(encoding="utf-8", newline="") as lines:
        for number, fields in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if fields and fields[0].strip() and not fields[0].startswith("#"):
                yield f"{path.name}:{number}", fields


def _read_row(fields: list[str], where: str, known: set[str]) -> CuratedRow:
    if len(fields) < 2:
        raise ValueError("expected code, a tab, and phrases")
    code_field = fields[0].strip()
    codes = () if code_field == NO_CODE else tuple(code.strip() for code in code_field.split("+"))
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise ValueError(f"not in the release: {', '.join(unknown)}")
    phrases = tuple(phrase.strip() for phrase in fields[1].split("|") if phrase.strip())
    if not phrases:
        raise ValueError("no phrase")
    return CuratedRow(codes, phrases, read_conditions(fields[2] if len(fields) > 2 else ""), where)


def read_conditions(when: str) -> tuple[tuple[str, str], ...]:
    """ "near: wheez*, copd; sex: female" as (("near", "wheez*, copd"), ("sex", "female")).

    Raises ValueError naming an unknown condition and the known ones.
    """
    conditions = []
    for part in filter(None, (piece.strip() for piece in when.split(";"))):
        name, _, value = part.partition(":")
        name = name.strip().lower()
        if name not in CONDITIONS:
            raise ValueError(f"unknown condition {name!r}: one of {', '.join(CONDITIONS)}")
        if name != "pregnant" and not value.strip():
            raise ValueError(f"condition {name!r} has no value")
        conditions.append((name, value.strip().lower()))
    return tuple(conditions)
