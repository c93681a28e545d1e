"""The ICD-10-CM release: read once when the lexicon is built, then mapped in by every process.

Building reads the release (`release.py`; seconds and some 200 MB: never at run time). At run time a `Terminology` maps
one file that all processes of a machine share, and answers by code.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import marisa_trie
import msgspec

from chartcoder.errors import LexiconMissing

CATEGORY = r"[A-Z](?:\d[0-9A-Z]|[A-Z]\d)"
"""A code's first three characters; since fiscal year 2026 the second may be a letter (QA0)."""
CODE = rf"{CATEGORY}(?:\.[0-9A-Z]{{1,4}})?"

REFERENCE = re.compile(rf"\b({CODE})(?:\.?-(?!\s*[A-Z]))?(?:\s*-\s*({CODE}))?")
"""A code, a stem (`O24.4-`) or a range (`O00-O07`) in an instruction of the tabular list."""

CACHED_PAIRS = 100_000
BEYOND = "~"  # sorts behind every character of a code
Ranges = tuple[tuple[str, str], ...]
"""Of codes below prefixes: the first and one that is beyond the last. (O00, O07~) is from O00 to all below O07."""
SEVENTH_CHARACTERS = "AB01XDS"
"""Tried in this order where the wanted one is not defined for a code: initial encounters first."""


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """One category, subcategory or code of the tabular list, with its instructions as ranges of code prefixes."""

    code: str
    description: str
    billable: bool
    inclusion: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    excludes1: tuple[tuple[str, str], ...] = ()
    code_first: tuple[tuple[str, str], ...] = ()
    use_additional: tuple[tuple[str, str], ...] = ()


def read_references(instructions: list[str] | str) -> tuple[tuple[str, str], ...]:
    """The codes an instruction names, as (first, last) prefixes: "O00-O07, O08.8" gives (O00, O07) and (O08.8,
    O08.8)."""
    text = instructions if isinstance(instructions, str) else "\n".join(instructions)
    return tuple((first, last or first) for first, last in REFERENCE.findall(text))


def dotted(code: str) -> str:
    """ "E1122" as "E11.22"."""
    return code if len(code) <= 3 else f"{code[:3]}.{code[3:]}"


def lies_in(code: str, ranges: Ranges) -> bool:
    """Whether a code lies in one of the ranges."""
    for first, beyond in ranges:  # noqa: SIM110  a third of the time that `any` takes
        if first <= code < beyond:
            return True
    return False


def write_terminology(entries: list[CodeEntry], path: Path) -> None:
    """Write the file that `Terminology` maps in."""
    marisa_trie.BytesTrie((entry.code, _packed(entry)) for entry in entries).save(str(path))


def _packed(entry: CodeEntry) -> bytes:
    value = [int(entry.billable), entry.description, entry.excludes1, entry.code_first, entry.use_additional]
    return json.dumps(value, separators=(",", ":")).encode()


class Known(NamedTuple):
    """What the file holds of a code: its own, and of its instructions those of all it stands under as well."""

    billable: bool
    description: str  # empty for a code that the release does not have
    excludes1: Ranges
    code_first: Ranges
    use_additional: Ranges


def _ranges(lineage: list[list[Any]], field: int) -> Ranges:
    return tuple((first, last + BEYOND) for entry in lineage for first, last in entry[field])


class Terminology:
    """The release as a mapped file. Answers in a microsecond or two; holds nothing in the process's own memory."""

    def __init__(self, path: Path) -> None:
        """Raises LexiconMissing where the file was not built."""
        if not path.exists():
            raise LexiconMissing(f"{path} does not exist; `python -m chartcoder.coding.build` builds it")
        self._codes = marisa_trie.BytesTrie()
        self._codes.mmap(str(path))
        self._read: dict[str, Known] = {}  # bounded by the release's size
        self.exclude_each_other = lru_cache(CACHED_PAIRS)(self._exclude_each_other)

    def _known(self, code: str) -> Known:
        known = self._read.get(code)
        if known is None:
            stems = (code[:length] for length in range(3, len(code) + 1) if length != 4)
            lineage = [self._entry(stem) for stem in stems]
            billable, description = lineage[-1][:2] if lineage else (False, "")
            known = self._read[code] = Known(
                bool(billable), description, *(_ranges(lineage, field) for field in (2, 3, 4))
            )
        return known

    def _entry(self, code: str) -> list[Any]:
        """What `_packed` packed; of a code that the release does not have, nothing."""
        found = self._codes.get(code)
        entry: list[Any] = msgspec.json.decode(found[0]) if found else [0, "", (), (), ()]
        return entry

    def __contains__(self, code: str) -> bool:
        return bool(self._known(code).description)

    def description(self, code: str) -> str:
        """The code's official description; empty for a code the release does not have."""
        return self._known(code).description

    def is_billable(self, code: str) -> bool:
        """Whether the code is complete: nothing in the release is more specific."""
        return self._known(code).billable

    def leaves_below(self, stem: str) -> list[str]:
        """Every billable code that starts with `stem`, in order."""
        return sorted(code for code in self._codes.keys(stem) if self.is_billable(code))

    def with_seventh(self, code: str, seventh: str) -> str:
        """A code whose seventh character is open ("S52.501_") with the one asked for, or the nearest the release
        has."""
        if not code.endswith("_"):
            return code
        stem = code[:-1]
        for character in seventh + SEVENTH_CHARACTERS:
            if self.is_billable(stem + character):
                return stem + character
        return stem + seventh

    def excludes1(self, code: str) -> Ranges:
        """The codes that may not be billed beside this code: its own Excludes1 and those of what it stands under."""
        return self._known(code).excludes1

    def _exclude_each_other(self, code: str, other: str) -> bool:
        """Whether an Excludes1 note of either code names the other."""
        return lies_in(other, self.excludes1(code)) or lies_in(code, self.excludes1(other))

    def code_first(self, code: str) -> Ranges:
        """The codes that must be sequenced before this code where they are coded."""
        return self._known(code).code_first

    def use_additional(self, code: str) -> Ranges:
        """The codes that this code asks to be added where documented."""
        return self._known(code).use_additional
