"""The contexts that disambiguate: "MS" is mitral stenosis near "murmur", multiple sclerosis near "neurology".

Conditions come from the third column of the curated lexicon (`lexicon/curated`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from chartcoder.coding.inner.any_word import AnyWord
from chartcoder.coding.inner.scanning import ANY_BEGINNING
from chartcoder.coding.lowering import lower_in_place

KELVIN = "\N{KELVIN SIGN}"
NEAR = 300  # characters to either side
FOLLOWS_WITHIN = 40  # characters before a phrase that a filler and one more word may take
LEAD = 12  # characters before a phrase that a word may stand in which the matcher took for a filler ("type")

OF_WOMEN = AnyWord(["female", "woman", "girl", "she", "her", "lady", "mrs", "gravida", "obstetric"])
OF_MEN = AnyWord(["male", "man", "boy", "he", "his", "him", "gentleman", "mr"])
IN_SHORT = re.compile(r"\d\s*(?:yo|y/o)?\s*([fm])\b")
"""The sex behind an age: "55 yo F"."""
SEX_IS_READ_IN = 20_000  # characters
AGE = re.compile(
    r"\b(\d{1,3})[\s-]*(years?|yrs?|y/?o|yo|months?|mos?|weeks?|days?)\b"
    r"(?:[\s-]*(?:old|of age))?|\bage[d:]?\s*(\d{1,3})\b",
    re.I,
)
PREGNANT = re.compile(
    r"\b(?:(?:is|currently|months?|weeks?|wks?|\bnow|\byo|old) pregnant|pregnant (?:woman|female|patient|lady)"
    r"|\d{1,2}(?:\+\d)?[\s-]*(?:weeks?|wks?)'?(?: of)? (?:gestation|pregnan\w+)"
    r"|intrauterine pregnancy|\biup\b|prenatal (?:visit|care)"
    r"|antepartum|obstetric(?:al)? (?:visit|patient)|(?:first|second|third) trimester|g\dp\d+ at)\b"
)
WORDS_OF_PREGNANCY = AnyWord(["pregnan*", "gestation*", "iup", "prenatal*", "antepartum", "obstetric*", "trimester*"])
GRAVIDA = re.compile(r"g\dp\d")
"""What `PREGNANT` cannot do without, quicker to look for: few charts have any of it."""
NOT_PREGNANT = re.compile(
    r"\b(?:not pregnant|pregnancy test (?:was )?negative|denies pregnancy|negative pregnancy test"
    r"|was born|newborn|neonat\w+)\b"
)


class ChartView:
    """Answers conditions about one chart; reads the text only for what is asked."""

    def __init__(self, text: str, section_at: Callable[[int], str | None]) -> None:
        self.text = text
        self.lower = lower_in_place(text)
        self.section_at = section_at
        self.beginnings = ANY_BEGINNING
        self._said: dict[AnyWord, bool] = {}
        self._sex: str | None = None
        self._age: float | None = None
        self._age_read = False
        self._pregnant: bool | None = None

    def learn_beginnings(self, beginnings: bytearray) -> None:
        """Be told how the text's words begin, which makes looking for one quicker.

        Does not help where a letter is none of ASCII but is one in lower case: the Kelvin sign.
        """
        if self.text.isascii() or KELVIN not in self.text:
            self.beginnings = beginnings

    def says(self, words: AnyWord) -> bool:
        """Whether one of some words stands anywhere in the chart; looked for once."""
        said = self._said.get(words)
        if said is None:
            said = self._said[words] = words.stands_in(self.lower, 0, len(self.lower), self.beginnings)
        return said

    @property
    def sex(self) -> str:
        """ "female", "male", or "" where the chart does not say: the more frequent of its words."""
        if self._sex is None:
            head = self.lower[:SEX_IS_READ_IN]
            in_short = IN_SHORT.findall(head)
            female = OF_WOMEN.count(head, self.beginnings) + len(GRAVIDA.findall(head)) + in_short.count("f")
            male = OF_MEN.count(head, self.beginnings) + in_short.count("m")
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
                (self.says(WORDS_OF_PREGNANCY) or bool(GRAVIDA.search(self.lower)))
                and bool(PREGNANT.search(self.lower))
                and not NOT_PREGNANT.search(self.lower)
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


Condition: TypeAlias = Callable[[ChartView, int, int], bool]
"""Whether a condition holds for a phrase at [start, end) of a chart."""


@cache
def condition(name: str, value: str) -> Condition:
    """A condition of the lexicon, read once and asked for every phrase that has it."""
    if name in {"near", "not near"}:
        words, wanted = _words_of(value), name == "near"
        return lambda view, start, end: words.stands_near(view.lower, start, end, NEAR, view.beginnings) == wanted
    if name == "section":
        sections = frozenset(section.strip() for section in value.split(","))
        return lambda view, start, end: view.section_at(start) in sections
    if name == "said":
        words = _words_of(value)
        return lambda view, start, end: words.stands_in(view.lower, start - LEAD, end)
    if name == "follows":  # made by the lexicon's build, for phrases that begin with a word that normalising drops
        before = _directly_before(value)
        return lambda view, start, end: (
            view.lower.find(value, max(0, start - FOLLOWS_WITHIN), start) >= 0  # mostly not: quicker to see
            and bool(before.search(view.lower, max(0, start - FOLLOWS_WITHIN), start))
        )
    if name == "anywhere":
        words = _words_of(value)
        return lambda view, start, end: view.says(words)
    if name == "sex":
        return lambda view, start, end: view.sex == value
    if name == "age":
        return lambda view, start, end: _age_fits(value, view.age)
    return lambda view, start, end: view.pregnant  # the only condition left, by `read_conditions`


def _age_fits(bound: str, age: float | None) -> bool:
    found = re.fullmatch(r"(<=?|>=?)\s*(\d+)", bound)
    if found is None or age is None:
        return False
    limit = int(found[2])
    return {"<": age < limit, "<=": age <= limit, ">": age > limit, ">=": age >= limit}[found[1]]


def _directly_before(word: str) -> re.Pattern[str]:
    """A word at the end of a text, or with one other behind it."""
    return re.compile(rf"\b{re.escape(word)}\W+(?:\w+\W+)?$")


def _words_of(value: str) -> AnyWord:
    """The words of a condition: "wheez*, copd"."""
    return AnyWord([word for word in map(str.strip, value.split(",")) if word])
