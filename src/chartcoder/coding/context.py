"""ConText: who and what a finding is asserted of, by trigger words, their direction and where their scope ends.

The algorithm is that of Harkema, Dowling, Thornblade and Chapman ("ConText: an algorithm for determining negation,
experiencer, and temporal status from clinical reports", 2009) as medspaCy 1.3 implements it; the rules are medspaCy's
and the project's own (`context.tsv`), rendered to literal strings when the artefact is built.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import ahocorasick_rs

OWN_RULES = Path(__file__).with_name("context.tsv")
SLOT = re.compile(r"\{([^}]+)\}")
SUFFIXES = frozenset({"n't", "'s", "'"})
"""Tokens that spaCy splits off the end of a word."""
FORWARD, BACKWARD, BIDIRECTIONAL, TERMINATE, PSEUDO = "FORWARD", "BACKWARD", "BIDIRECTIONAL", "TERMINATE", "PSEUDO"
DROP = "DROP"  # in `context.tsv`: a rule of medspaCy's that is wrong, left out


class Trigger(NamedTuple):
    """A string that begins or ends a scope. `tokens` is its length as medspaCy counts it: the longer trigger wins."""

    category: str
    direction: str
    tokens: int


class Found(NamedTuple):
    """A trigger in a text. Offsets in characters."""

    start: int
    end: int
    trigger: Trigger


@dataclass(slots=True)
class Modifier:
    """A trigger in a sentence, and the stretch of it that it acts on. Offsets in characters."""

    start: int
    end: int
    category: str
    direction: str
    scope_start: int
    scope_end: int


# --- rules, when the artefact is built


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


# --- when a chart is read


class TriggerFinder:
    """Finds triggers: one pass over the text, the longer of two overlapping ones."""

    def __init__(self, triggers: dict[str, Trigger]) -> None:
        self._automaton = ahocorasick_rs.AhoCorasick(list(triggers), matchkind=ahocorasick_rs.MatchKind.Standard)
        self._triggers = [
            (
                trigger,
                string[0].isalnum() and not string.startswith("n't"),  # must not begin inside a word
                string[-1].isalnum(),  # must not end inside one
            )
            for string, trigger in triggers.items()
        ]

    def find(self, low: str) -> list[Found]:
        """The triggers of a lower-case text, in order."""
        found: list[Found] = []
        triggers, within = self._triggers, f" {low} "  # one character more on either side
        for number, start, end in self._automaton.find_matches_as_indexes(low, overlapping=True):
            trigger, opens, closes = triggers[number]
            if not (closes and within[end + 1].isalnum()) and not (opens and within[start].isalnum()):
                found.append(Found(start, end, trigger))
        return prune_overlapping(found)


def prune_overlapping(found: list[Found]) -> list[Found]:
    """Of overlapping triggers keep the one with more tokens; of equals the first. medspaCy's
    `prune_overlapping_matches`: it looks at two neighbours, keeps one, goes on behind both, and begins again until
    none overlap. So of "was not demonstrated" remains "was not", and not the "demonstrated" that ends its scope.
    """
    found.sort()
    while True:
        kept: list[Found] = []
        rest = iter(found)
        current = next(rest, None)
        while current is not None:
            following = next(rest, None)
            if following is None or current.end <= following.start:
                kept.append(current)
                current = following
            else:
                kept.append(following if following.trigger.tokens > current.trigger.tokens else current)
                current = next(rest, None)
        if len(kept) == len(found):
            return kept
        found = kept


def overlap(start: int, end: int, other_start: int, other_end: int) -> bool:
    """Whether two stretches overlap, by medspaCy's test: an end of the first lies in the second."""
    return start <= other_start < end or start < other_end <= end


def in_scope(found: Sequence[Found], start: int, end: int) -> list[Modifier]:
    """The triggers found in the sentence [start, end), each with its scope, ended by terminators and by its like; those
    that only end others' scopes are left out."""
    modifiers = []
    for trigger_start, trigger_end, (category, direction, _) in found:
        scope_start = trigger_end if direction == FORWARD else start
        scope_end = trigger_start if direction == BACKWARD else end
        modifiers.append(Modifier(trigger_start, trigger_end, category, direction, scope_start, scope_end))
    if len(modifiers) > 1:
        for one, other in itertools.combinations(modifiers, 2):
            _limit(one, other)
            _limit(other, one)
    return [modifier for modifier in modifiers if modifier.direction not in {TERMINATE, PSEUDO}]


def _limit(modifier: Modifier, by: Modifier) -> None:
    """Cut a modifier's scope at a terminator, or at another modifier of its category, that lies in it."""
    if by.direction != TERMINATE and by.category != modifier.category:
        return
    direction = modifier.direction
    if direction == TERMINATE or not overlap(modifier.scope_start, modifier.scope_end, by.scope_start, by.scope_end):
        return
    if direction in {FORWARD, BIDIRECTIONAL} and modifier.start < by.start < modifier.scope_end:
        modifier.scope_end = by.start
    if direction in {BACKWARD, BIDIRECTIONAL} and modifier.scope_start < by.end < modifier.start:
        modifier.scope_start = by.end


def cues_of(
    modifiers: Sequence[Modifier], start: int, end: int, low: str, *, own_words_act: bool = False
) -> dict[str, str]:
    """The cues that reach the term at [start, end): category -> the trigger's words.

    A trigger inside a term ("nausea without vomiting") is none; one that begins before a term and ends in it ("no
    history of" at "history of trauma") is one. medspaCy has it otherwise in both, which `own_words_act` restores.
    """
    cues: dict[str, str] = {}
    for modifier in modifiers:
        if not overlap(modifier.scope_start, modifier.scope_end, start, end):
            continue
        if overlap(modifier.start, modifier.end, start, end):
            runs_into = modifier.direction == FORWARD and modifier.start < start and modifier.end < end
            if own_words_act or not runs_into:
                continue
        if not own_words_act and modifier.start >= start and modifier.end <= end:
            continue
        cues.setdefault(modifier.category, low[modifier.start : modifier.end])
    return cues
