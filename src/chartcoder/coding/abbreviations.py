"""Abbreviations that a chart defines itself: "subcutaneous cellular tissue (SCT)", "pulmonary embolism (PE)".

What the chart says an abbreviation stands for wins over what the lexicon takes it for, wherever the chart uses it: it
gets the codes of its long form, or none where the long form is no finding. Long forms are found by the algorithm of
Schwartz and Hearst ("A simple algorithm for identifying abbreviation definitions in biomedical text", 2003).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from chartcoder.coding.lexicon.compile import Entry
from chartcoder.coding.lexicon.normalise import FILLERS, WORD, attribute_of
from chartcoder.coding.lowering import lower_in_place
from chartcoder.coding.matching import START, Term

DEFINED = re.compile(r"\((?<=\w \()([A-Z][A-Za-z]{0,6}[A-Z]s?)\)")
"""What is in brackets behind a word. The word is looked back at, so that a search goes from bracket to bracket."""
QUANTITY = re.compile(
    r"[ \t]*(?:[:=(]|of\b|number of\b)?[ \t]*\d+(?:[.,]\d+)?[ \t]*"
    r"(?:f[lL]|pg|n[gm]|mc?g|[\u00b5\u03bc]g|m[lL]|g/|gr/|mm ?Hg|m?I?U/|mEq|mmol|bpm|[lL]/min)",
)
"""A value of the laboratory or the ventilator behind letters: "CMV: 89.7 fL", "VT 420 ml". Lengths are none: an
aneurysm or a carcinoma has one."""
WORD_CHARACTER = re.compile(r"\w")
LONGEST_QUANTITY = 4  # letters
LONGEST_WORD = 25  # letters, for the stretch that a long form may take

Codes = tuple[str, ...]


def apply_definitions(text: str, terms: list[Term]) -> list[Term]:
    """The terms (in order, not overlapping) with each abbreviation read as the chart defines it, and without those that
    name a quantity."""
    terms = [term for term in terms if term.end - term.start > LONGEST_QUANTITY or not _names_a_quantity(text, term)]
    meanings = dict(_definitions(text, terms)) if "(" in text else {}
    if not meanings:
        return terms
    read = [term for term in (_as_defined(text, term, meanings) for term in terms) if term]
    return sorted([*read, *_further_uses(text, read, meanings)], key=START)


def _names_a_quantity(text: str, term: Term) -> bool:
    return text[term.start : term.end].isupper() and QUANTITY.match(text, term.end) is not None


def _definitions(text: str, terms: Sequence[Term]) -> Iterator[tuple[str, Codes]]:
    """(abbreviation, codes of its long form), none where that is no finding; the first definition counts."""
    seen: set[str] = set()
    starts = [term.start for term in terms]
    for found in DEFINED.finditer(text):
        abbreviation = found[1]
        start = long_form_start(text, found.start(), abbreviation)
        if start is not None and abbreviation not in seen:
            seen.add(abbreviation)
            before = bisect_left(starts, found.start()) - 1
            codes = _meaning(text, terms[before], start, found.start()) if before >= 0 else ()
            if codes or _is_of_initials(abbreviation, text[start : found.start()]):
                yield abbreviation, codes


def long_form_start(text: str, end: int, abbreviation: str) -> int | None:
    """Where the long form begins that ends at `end`: each letter is found in it from the right, the first one at the
    beginning of a word. None where there is none among as many words as the letters allow, and no word is the
    abbreviation itself."""
    letters = abbreviation.removesuffix("s").lower()
    words = min(len(letters) + 5, 2 * len(letters))
    floor = max(0, end - words * LONGEST_WORD)
    floor = max(floor, text.rfind("\n", floor, end), text.rfind(". ", floor, end))
    stretch = lower_in_place(text[floor:end])
    place = end
    for turn, letter in enumerate(reversed(letters), start=1):
        place = floor + stretch.rfind(letter, 0, place - floor)
        while turn == len(letters) and place >= max(1, floor) and text[place - 1].isalnum():
            place = floor + stretch.rfind(letter, 0, place - floor)
        if place < floor:
            return None
    long_form = text[place:end].split()
    return place if len(long_form) <= words and abbreviation not in long_form else None


def _meaning(text: str, last: Term, start: int, end: int) -> Codes:
    """The codes of the finding that the long form at [start, end) ends with; `last` is the last that begins before
    its end."""
    if last.end <= start:
        return ()
    behind = WORD.findall(text[last.end : end].lower())
    return last.entry.codes if all(word in FILLERS or attribute_of(word) for word in behind) else ()


def _is_of_initials(abbreviation: str, long_form: str) -> bool:
    """Whether an abbreviation has a letter for each word that is no filler: only then a long form that is no finding
    shows that the abbreviation is none."""
    initials = "".join(word[0] for word in WORD.findall(long_form.lower()) if word not in FILLERS)
    return initials == abbreviation.removesuffix("s").lower()


def _as_defined(text: str, term: Term, meanings: Mapping[str, Codes]) -> Term | None:
    codes = meanings.get(text[term.start : term.end])
    if codes is None:
        return term
    return Term(term.start, term.end, Entry((), codes, 0)) if codes else None


def _further_uses(text: str, terms: Sequence[Term], meanings: Mapping[str, Codes]) -> Iterator[Term]:
    """Uses of an abbreviation that the lexicon does not know or took for nothing."""
    starts = [term.start for term in terms]
    for abbreviation, codes in meanings.items():
        for start, end in _uses(text, abbreviation) if codes else ():
            before = bisect_left(starts, end) - 1
            if before < 0 or terms[before].end <= start:
                yield Term(start, end, Entry((), codes, 0))


def _uses(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Where a word stands by itself. Found without a pattern, which would have to be made anew for each chart."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if WORD_CHARACTER.match(text, end) is None and (not start or WORD_CHARACTER.match(text, start - 1) is None):
            yield start, end
        start = text.find(word, end)
