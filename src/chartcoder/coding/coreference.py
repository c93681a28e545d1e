"""General words for what the chart names elsewhere: "the tumor" after "renal cell carcinoma", "the pain" after "knee
pain".

A general word names nothing of its own where the chart has something specific that it may mean: it takes that one's
code (`general_words.tsv`). A general neoplasm word that is left alone is a finding without a code: of unspecified
behaviour and of unspecified site, it tells nobody anything.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from chartcoder.chart import Finding
from chartcoder.coding.terminology import Terminology

WORDS = Path(__file__).with_name("general_words.tsv")
UNCODED = frozenset({"D49.9", "D48.9", "D36.9", "C80.1"})
"""C80.1 only where the chart says that the primary is unknown: Official Guidelines I.C.2.k."""
SAID_TO_BE_UNKNOWN = re.compile(r"unknown|unidentified|undetermined|occult", re.I)

ADJECTIVE = re.compile(r"\w+(?:ic|ous)|pale|thrombosed", re.I)
NOUN_BEHIND = re.compile(
    r"[ \t]+(?!(?:and|or|with|without|in|of|to|for|who|is|was|are|were|which|that|on|at|by|as|from|after|before|since"
    r"|during|due|until|the|an?|patients?|man|men|wom[ae]n|male|female|boy|girl|child|he|she|it|this)\b)[a-z]",
    re.I,
)


@cache
def general_codes(kind: str) -> dict[str, tuple[str, ...]]:
    """General code -> the prefixes of the specific codes it gives way to, as a "finding" or in "billing"."""
    general: dict[str, tuple[str, ...]] = {}
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            row_kind, codes, prefixes = line.split("\t")
            if row_kind == kind:
                general.update(dict.fromkeys(codes.split(), tuple(prefixes.split())))
    return general


def describes_a_noun(text: str, start: int, end: int) -> bool:
    """Whether a term whose code an adjective may name (`general_words.tsv`) is one, before its noun: "necrotic lesions"
    names no gangrene, while "the toe is necrotic" does."""
    return ADJECTIVE.fullmatch(text, start, end) is not None and NOUN_BEHIND.match(text, end) is not None


def resolve_general_words(findings: list[Finding], terminology: Terminology) -> list[Finding]:
    """The findings, with each general word given the code of what it means in this chart."""
    general = general_codes("finding")
    if general.keys().isdisjoint([finding.code for finding in findings]):
        return findings
    asked = {finding.code for finding in findings if finding.code in general and _is_general(finding)}
    if not asked:
        return findings
    named = [
        Counter(f.code for f in findings if f.code and f.assertion == assertion and (f.code in general) == vague)
        for assertion in ("present", "historical")
        for vague in (False, True)
    ]
    meant = {code: _meant(code, named) for code in asked if code}
    return [
        _with_code(finding, meant[finding.code], terminology)
        if finding.code in meant and _is_general(finding)
        else finding
        for finding in findings
    ]


def _is_general(finding: Finding) -> bool:
    return SAID_TO_BE_UNKNOWN.search(finding.text) is None


def _meant(code: str, named: list[Counter[str]]) -> str | None:
    """The commonest code that a general one may mean: a specific one of what is present before a vague one, what is
    present before what is over; itself where there is none, or nothing.

    A neoplasm that is over is none of those that the chart goes on to speak of: nobody bills it as active (I.C.2.m).
    """
    prefixes = general_codes("finding")[code]
    for codes in named[:2] if code in UNCODED else named:
        for other, _ in codes.most_common():
            if other.startswith(prefixes) and other != code and other not in UNCODED:
                return other
    return None if code in UNCODED else code


def _with_code(finding: Finding, code: str | None, terminology: Terminology) -> Finding:
    return replace(finding, code=code, description=terminology.description(code) if code else None)
