"""The contexts that disambiguate: "MS" is mitral stenosis near "murmur", multiple sclerosis near "neurology".

Conditions come from the third column of the curated lexicon (`lexicon/curated`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import NamedTuple

NEAR = 300  # characters to either side
LEAD = 12  # characters before a phrase that a word may stand in which the matcher took for a filler ("type")

FEMALE = re.compile(
    r"\b(?:female|woman|girl|she|her|lady|mrs|ms\.|gravida|g\dp\d|obstetric)\b|\d\s*(?:yo|y/o)?\s*f\b", re.I
)
MALE = re.compile(r"\b(?:male|man|boy|he|his|him|gentleman|mr)\b|\d\s*(?:yo|y/o)?\s*m\b", re.I)
AGE = re.compile(
    r"\b(\d{1,3})[\s-]*(years?|yrs?|y/?o|yo|months?|mos?|weeks?|days?)\b"
    r"(?:[\s-]*(?:old|of age))?|\bage[d:]?\s*(\d{1,3})\b",
    re.I,
)
PREGNANT = re.compile(
    r"\b(?:(?:is|currently|months?|weeks?|wks?|\bnow|\byo|old) pregnant|pregnant (?:woman|female|patient|lady)"
    r"|\d{1,2}(?:\+\d)?[\s-]*(?:weeks?|wks?)'?(?: of)? (?:gestation|pregnan\w+)"
    r"|intrauterine pregnancy|\biup\b|prenatal (?:visit|care)"
    r"|antepartum|obstetric(?:al)? (?:visit|patient)|(?:first|second|third) trimester|g\dp\d+ at)\b",
    re.I,
)
WORDS_OF_PREGNANCY = ("pregnan", "gestation", "iup", "prenatal", "antepartum", "obstetric", "trimester")
GRAVIDA = re.compile(r"g\dp\d")
"""What `PREGNANT` cannot do without, quicker to look for: few charts have any of it."""
NOT_PREGNANT = re.compile(
    r"\b(?:not pregnant|pregnancy test (?:was )?negative|denies pregnancy|negative pregnancy test"
    r"|was born|newborn|neonat\w+)\b",
    re.I,
)


class ChartView:
    """Answers conditions about one chart; reads the text only for what is asked."""

    def __init__(self, text: str, section_at: Callable[[int], str | None]) -> None:
        self.text = text
        self.lower = text.lower()
        self.section_at = section_at
        self._sex: str | None = None
        self._age: float | None = None
        self._age_read = False
        self._pregnant: bool | None = None

    @property
    def sex(self) -> str:
        """ "female", "male", or "" where the chart does not say: the more frequent of its words."""
        if self._sex is None:
            head = self.text[:20_000]
            female, male = len(FEMALE.findall(head)), len(MALE.findall(head))
            self._sex = "female" if female > male else "male" if male > female else ""
        return self._sex

    @property
    def age(self) -> float | None:
        """Age in years by the first statement of it, or None."""
        if not self._age_read:
            self._age, self._age_read = read_age(self.text[:20_000]), True
        return self._age

    @property
    def pregnant(self) -> bool:
        """Whether the chart speaks of a pregnancy of its patient."""
        if self._pregnant is None:
            self._pregnant = (
                (any(word in self.lower for word in WORDS_OF_PREGNANCY) or bool(GRAVIDA.search(self.lower)))
                and bool(PREGNANT.search(self.text))
                and not NOT_PREGNANT.search(self.text)
                and self.sex != "male"
            )
        return self._pregnant


def read_age(text: str) -> float | None:
    """The first age a text states, in years."""
    found = AGE.search(text)
    if not found:
        return None
    number, unit = int(found[1] or found[3]), (found[2] or "years").lower()
    for prefix, years in (("mo", 1 / 12), ("week", 7 / 365), ("day", 1 / 365)):
        if unit.startswith(prefix):
            return number * years
    return float(number)


def all_met(when: tuple[tuple[str, str], ...], view: ChartView, start: int, end: int) -> bool:
    """Whether every condition holds for a phrase at [start, end)."""
    return all(_met(name, value, view, start, end) for name, value in when)


def _met(name: str, value: str, view: ChartView, start: int, end: int) -> bool:
    if name == "anywhere":
        return holds_any(view.lower, value)
    if name in {"near", "not near"}:
        low, high = max(0, start - NEAR), end + NEAR
        return holds_any(view.lower[low:start] + " \n " + view.lower[end:high], value) == (name == "near")
    if name == "follows":  # made by the lexicon's build, for phrases that begin with a word that normalising drops
        return bool(_directly_before(value).search(view.lower, max(0, start - 40), start))
    if name == "said":
        return holds_any(view.lower[max(0, start - LEAD) : end], value)
    if name == "section":
        return view.section_at(start) in _names_in(value)
    if name == "sex":
        return view.sex == value
    if name == "age":
        return _age_fits(value, view.age)
    return view.pregnant  # the only condition left, by `read_conditions`


def _age_fits(bound: str, age: float | None) -> bool:
    found = re.fullmatch(r"(<=?|>=?)\s*(\d+)", bound)
    if found is None or age is None:
        return False
    limit = int(found[2])
    return {"<": age < limit, "<=": age <= limit, ">": age > limit, ">=": age >= limit}[found[1]]


@cache
def _directly_before(word: str) -> re.Pattern[str]:
    """A word at the end of a text, or with one other behind it."""
    return re.compile(rf"\b{re.escape(word)}\W+(?:\w+\W+)?$")


@cache
def _names_in(value: str) -> frozenset[str]:
    return frozenset(name.strip() for name in value.split(","))


class Words(NamedTuple):
    """The words of a condition."""

    stems: tuple[str, ...]  # of each word what it must begin with
    wholes: tuple[bool, ...]  # whether it must end there


@lru_cache(maxsize=20_000)
def _words_of(value: str) -> Words:
    """ "wheez*, copd" as the stems "wheez" and "copd", of which the second is whole."""
    words = [word for word in map(str.strip, value.split(",")) if word]
    return Words(tuple(word.rstrip("*") for word in words), tuple(not word.endswith("*") for word in words))


def holds_any(text: str, value: str) -> bool:
    """Whether a lower-case text holds one of a condition's words, as a word (or, for a stem, as the beginning of one).

    Plain searches: most words are in no chart, and a regular expression of many words costs twenty times as much.
    """
    stems, wholes = _words_of(value)
    if not any(map(text.__contains__, stems)):
        return False
    return any(map(partial(_holds, text), stems, wholes))


def _holds(text: str, stem: str, whole: bool) -> bool:
    place = text.find(stem)
    while place >= 0:
        end = place + len(stem)
        begins = place == 0 or not text[place - 1].isalnum()
        if begins and not (whole and text[end : end + 1].isalnum()):
            return True
        place = text.find(stem, place + 1)
    return False
