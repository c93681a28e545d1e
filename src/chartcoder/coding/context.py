"""ConText: who and what a finding is asserted of, by trigger words, their direction and where their scope ends.

The algorithm is that of Harkema, Dowling, Thornblade and Chapman ("ConText: an algorithm for determining negation,
experiencer, and temporal status from clinical reports", 2009) as medspaCy 1.3 implements it; the rules are medspaCy's
and the project's own (`context.tsv`), rendered to literal strings when the artefact is built. What happens when a chart
is read is in `scoping.py`.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from chartcoder.coding.inner.scoping import Trigger

OWN_RULES = Path(__file__).with_name("context.tsv")
SLOT = re.compile(r"\{([^}]+)\}")
SUFFIXES = frozenset({"n't", "'s", "'"})
"""Tokens that spaCy splits off the end of a word."""
DROP = "DROP"  # in `context.tsv`: a rule of medspaCy's that is wrong, left out


def own_rules() -> Iterator[tuple[str, str, str]]:
    """The project's rules as (category, direction, literal), each literal once; direction may be DROP."""
    lists: dict[str, list[str]] = {}
    seen: set[str] = set()
    for line in OWN_RULES.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        category, direction, cell = line.split("\t")
        literals = [literal.strip() for literal in cell.split(" | ")]
        if category == "WORDS":
            lists[direction] = [word for literal in literals for word in _years(literal)]
            continue
        for filled in itertools.chain.from_iterable(_filled(literal, lists) for literal in literals):
            if direction == DROP or filled not in seen:
                yield category, direction, filled
                seen.add(filled)


def _years(word: str) -> Iterator[str]:
    """ "1950..1952" as its years; any other word as it is."""
    first, dots, last = word.partition("..")
    yield from map(str, range(int(first), int(last) + 1)) if dots else (word,)


def _filled(literal: str, lists: dict[str, list[str]]) -> Iterator[str]:
    """A literal with each {list} in it replaced by each of that list's words."""
    parts = SLOT.split(literal)
    choices = [lists[part] if place % 2 else [part] for place, part in enumerate(parts)]
    yield from map("".join, itertools.product(*choices))


def stock_rules(*, extended: bool) -> list[dict[str, Any]]:
    """medspaCy's rules as its JSON has them; `extended` leaves out those that `context.tsv` drops or gives anew."""
    package = find_spec("medspacy")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("medspacy is not installed; its rules are read when the lexicon is built")
    path = Path(package.origin).parents[1] / "resources" / "en" / "context_rules.json"
    rules: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["context_rules"]
    if not extended:
        return rules
    dropped = {(category, literal) for category, direction, literal in own_rules() if direction == DROP}
    anew = {literal for _, direction, literal in own_rules() if direction != DROP}
    return [
        rule
        for rule in rules
        if (rule["category"].upper(), rule["literal"]) not in dropped
        and (rule.get("pattern") or rule["literal"].lower() not in anew)
    ]


def render_rules(tokenize: Callable[[str], list[str]], *, extended: bool) -> dict[str, Trigger]:
    """Every literal string that is a trigger, lower case. Of two rules with one string the first wins, as in medspaCy.

    Args:
        tokenize: medspaCy's tokenizer: decides how many tokens a string is, and where spaces may stand in it.
        extended: with the project's rules.
    """
    triggers: dict[str, Trigger] = {}
    stock = stock_rules(extended=extended)
    patterned = [rule for rule in stock if rule.get("pattern")]
    literal = [rule for rule in stock if not rule.get("pattern")]
    rules = [
        (rule["category"].upper(), rule["direction"].upper(), sequence)
        for rule in (*patterned, *literal)
        for sequence in _sequences(rule, tokenize)
    ]
    if extended:
        rules += [
            (category, direction, tuple(tokenize(text)))
            for category, direction, text in own_rules()
            if direction != DROP
        ]
    for category, direction, sequence in rules:
        for string in _strings(sequence):
            triggers.setdefault(string, Trigger(category, direction, len(sequence)))
    return triggers


def _sequences(rule: dict[str, Any], tokenize: Callable[[str], list[str]]) -> Iterator[tuple[str, ...]]:
    """The token sequences that a rule of medspaCy's matches: its literal, or every choice its pattern leaves."""
    if not rule.get("pattern"):
        yield tuple(tokenize(rule["literal"].lower()))
        return
    choices: list[list[str | None]] = []
    for token in rule["pattern"]:
        words = token["LOWER"]
        options: list[str | None] = [words] if isinstance(words, str) else list(words["IN"])
        choices.append([*options, None] if token.get("OP") == "?" else options)
    for choice in itertools.product(*choices):
        sequence = tuple(word for word in choice if word is not None)
        if sequence and not any(" " in word for word in sequence):
            yield sequence


def _strings(sequence: tuple[str, ...]) -> set[str]:
    """How a token sequence may be written so that spaCy's tokenizer splits it so."""
    strings = {sequence[0]} if sequence else set()
    for before, after in itertools.pairwise(sequence):
        joints: tuple[str, ...] = (" ",)
        if after in SUFFIXES:
            joints = ("",)
        elif (before, after) == ("can", "not"):
            joints = (" ", "")
        elif not after[0].isalnum() or not before[-1].isalnum():
            joints = ("", " ")
        strings = {string + joint + after for string in strings for joint in joints}
    return strings
