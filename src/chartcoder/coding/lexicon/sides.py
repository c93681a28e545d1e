"""The sides of a code: its left, right and bilateral siblings, found by their titles.

A phrase such as "ear pain" stands for a code that leaves the side open (H92.09 "Otalgia, unspecified ear"). The
release has the same code for each side (H92.01, H92.02, H92.03); which ones they are, its titles say: equal but for
the side.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import takewhile

from chartcoder.coding.lexicon.normalise import singular
from chartcoder.coding.lexicon.variants import ENCOUNTER
from chartcoder.coding.terminology import CodeEntry

SIDE = re.compile(r"\b(right|left|bilateral)\b")
SAYS_NOTHING = re.compile(r"[,()\[\]]|\b(?:unspecified|side|not|specified|as)\b")
ORGAN = re.compile(r", unspecified (?:eye|ear)\b")

Sides = dict[str, dict[str, str]]
"""Code that leaves the side open -> side -> the code for that side. Codes without their seventh character."""


def is_of_an_encounter(code: str) -> bool:
    """Whether a code's seventh character tells the encounter: a letter does (A, D, S, ...). A digit tells a stage, an
    eye, a fetus."""
    return len(code) == 8 and not code[7].isdigit()


def stem_of(code: str) -> str:
    """A code without the character of its encounter: the siblings of S82.899A are those of all its encounters."""
    return code[:-1] if is_of_an_encounter(code) else code


def sided_codes(entries: Iterable[CodeEntry]) -> Sides:
    """The sides of every billable code that leaves the side open and has siblings with one."""
    titles = {stem_of(entry.code): ENCOUNTER.sub("", entry.description).lower() for entry in entries if entry.billable}
    sided: dict[tuple[str, int, str], list[tuple[str, str]]] = defaultdict(list)
    for code, title in titles.items():
        named = set(SIDE.findall(title))
        if len(named) == 1:
            sided[_family(code, title)].append((named.pop(), code))
    return {
        code: _nearest(code, siblings)
        for code, title in titles.items()
        if not SIDE.search(title) and (siblings := _siblings(code, title, sided))
    }


def _siblings(code: str, title: str, sided: dict[tuple[str, int, str], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    siblings = sided.get(_family(code, title), [])
    without_organ = ORGAN.sub("", title)  # "Otalgia, unspecified ear" is for both "Otalgia, bilateral"
    if without_organ != title:
        siblings = siblings + [pair for pair in sided.get(_family(code, without_organ), []) if pair[0] == "bilateral"]
    return siblings


def _family(code: str, title: str) -> tuple[str, int, str]:
    """What a code has in common with its sides: category, length, and the title but for the side."""
    words = SAYS_NOTHING.sub(" ", SIDE.sub(" ", title)).split()
    return code[:3], len(code), " ".join(map(singular, words))


def _nearest(code: str, siblings: list[tuple[str, str]]) -> dict[str, str]:
    """Side -> code; of several, the one that shares most of its beginning with `code`."""
    nearest: dict[str, str] = {}
    for side, sibling in siblings:
        held = nearest.get(side)
        if held is None or _shared(sibling, code) > _shared(held, code):
            nearest[side] = sibling
    return nearest


def _shared(one: str, other: str) -> int:
    """How many characters two codes begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
