"""Phrases to entries: the dictionary that the matcher looks phrases up in, before it is written to files.

A phrase is a sequence of core tokens; its entries say which codes it implies with which attributes. "Knee pain" has
one entry without attributes (M25.569) and one for each laterality. Which entry a chart means is decided when it is
read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from chartcoder.coding.lexicon.curated import CuratedRow
from chartcoder.coding.lexicon.neoplasms import neoplasm_phrases
from chartcoder.coding.lexicon.normalise import drops_fillers, leading_filler, read_phrase
from chartcoder.coding.lexicon.sides import Sides, is_of_an_encounter, stem_of
from chartcoder.coding.lexicon.variants import ENCOUNTER, official_variants, permuted, strip_tails
from chartcoder.coding.terminology import CodeEntry

Core = tuple[str, ...]
SIGNED = re.compile(r"\w[+-](?=$|[\s,)\]])")
MIN_STATUS_WORDS = 3
LONGEST = 9  # core tokens; longer phrases are never said as they are written

SEVENTH = "_"
"""Stands at the end of a code whose seventh character is chosen when the chart is read (A, D, S, ...)."""

RANK_MAIN_TERM, RANK_CURATED, RANK_NEOPLASM, RANK_TITLE, RANK_STEM_TITLE, RANK_INCLUSION, RANK_INDEX, RANK_INHERITED = (
    0,
    1,
    5,
    10,
    13,
    14,
    12,
    30,
)


RANK_SIDED = 8
"""Added for a code's sides: a side that curators gave a phrase wins, a title of another code does not."""

SIDES = frozenset({"left", "right", "bilateral"})


PAIN, DISCOMFORT = "pain", "discomfort"
RANK_SOFTENED = 1
"""Added for a pain that is called a discomfort."""


class Entry(NamedTuple):
    """What a phrase implies: `codes` where all `attributes` hold and `when` is met. The lowest rank wins."""

    attributes: tuple[str, ...]
    codes: tuple[str, ...]
    rank: int
    when: tuple[tuple[str, str], ...] = ()


MEASURED = ("Z68", "Z3A", "R40.2")
"""Codes that stand for a number in the chart (`coding.measurements`)."""

MEDICAL_ENDINGS = (
    "itis", "osis", "emia", "oma", "pathy", "algia", "uria", "rrhea", "plegia", "rrhage", "ectasis", "penia", "cele",
    "lithiasis", "phagia", "pnea", "trophy", "philia", "cytosis", "megaly", "iasis", "rexia", "phobia", "somnia",
    "esthesia", "edema", "thorax", "opia", "kinesia", "paresis", "ptysis", "emesis", "stenosis", "sclerosis", "malacia",
    "cardia", "tension", "thyroidism", "plasia", "glycemia", "lipidemia", "natremia", "kalemia",
)  # fmt: skip


class Phrases:
    """All phrases, collected from the layers of the lexicon."""

    def __init__(self) -> None:
        self.entries: dict[Core, dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Entry]] = {}

    def add(self, core: Core, entry: Entry) -> None:
        """Keep an entry where no better one has the same phrase, attributes and condition."""
        if not core or len(core) > LONGEST or core[0] == "&" or core[-1] == "&":
            return
        held = self.entries.setdefault(core, {})
        slot = (entry.attributes, entry.when)
        if slot not in held or _preference(entry) < _preference(held[slot]):
            held[slot] = entry

    def add_phrase(self, phrase: str, codes: tuple[str, ...], rank: int, *, turn: bool = True) -> None:
        """Keep a phrase of the classification. One whose meaning is a sign ("HER2-") is a measurement, not a phrase."""
        if SIGNED.search(phrase):
            return
        core, attributes = read_phrase(phrase)
        if not _worth_matching(core, rank):
            return
        for distance, order in enumerate(permuted(core) if turn else (core,)):
            self.add(order, Entry(tuple(sorted(attributes)), codes, rank + bool(distance)))


def _preference(entry: Entry) -> tuple[int, int, tuple[str, ...]]:
    return entry.rank, sum(map(len, entry.codes)), entry.codes


def _worth_matching(core: Core, rank: int) -> bool:
    """A single word of the tabular list is a term only where it is medical by its form or a title by itself."""
    if not core or all(len(token) < 2 for token in core):
        return False
    if len(core) > 1 or rank <= RANK_TITLE + 1:
        return True
    return core[0].isupper() or core[0].endswith(MEDICAL_ENDINGS)


def add_official(phrases: Phrases, entries: list[CodeEntry]) -> None:
    """Layer (a) and (b): the release's titles and inclusion terms, with their variants."""
    by_code = {entry.code: entry for entry in entries}
    done: set[str] = set()
    for entry in entries:
        if entry.code[0] in "VWXY" or entry.code.startswith(
            MEASURED
        ):  # named by circumstances or numbers, not by terms
            continue
        code = _code_of(entry, by_code)
        if code is None or (code.endswith(SEVENTH) and entry.billable and code in done):
            continue
        done.add(code)
        title_rank = RANK_TITLE if entry.billable else RANK_STEM_TITLE
        for variant, distance in official_variants(entry.description):
            phrases.add_phrase(variant, (code,), title_rank + distance)
        for term in entry.inclusion:
            for variant, distance in official_variants(term):
                phrases.add_phrase(variant, (code,), RANK_INCLUSION + distance)


def _code_of(entry: CodeEntry, by_code: dict[str, CodeEntry]) -> str | None:
    """The code a title stands for: itself, or the default below it; with the seventh character left open."""
    code = entry.code if entry.billable else default_leaf(entry, by_code)
    if code is None:
        return None
    return _open_seventh(code)


def default_leaf(entry: CodeEntry, by_code: dict[str, CodeEntry]) -> str | None:
    """The billable code that says least beyond its category: "Asthma" (J45) is J45.909, unspecified, uncomplicated."""
    title = _content(entry.description)
    best: tuple[float, str] | None = None
    for leaf in _leaves(entry, by_code):
        extra = len(_content(strip_tails(ENCOUNTER.sub("", leaf.description))) - title)
        unspecified = "unspecified" in leaf.description.lower()
        other = leaf.description.lower().startswith("other")
        cost = extra + 0.6 * other - 0.9 * unspecified
        if best is None or cost < best[0]:
            best = (cost, leaf.code)
    return best[1] if best else None


def _content(term: str) -> set[str]:
    core, attributes = read_phrase(term)
    return {*core, *attributes} - {"&"}


def _leaves(entry: CodeEntry, by_code: dict[str, CodeEntry]) -> Iterable[CodeEntry]:
    for child in entry.children:
        below = by_code[child]
        if below.billable:
            yield below
        else:
            yield from _leaves(below, by_code)


def add_curated(
    phrases: Phrases, rows: list[CuratedRow], by_code: dict[str, CodeEntry], *, rank: int = RANK_CURATED
) -> None:
    """Layer (c). A curated phrase also takes over the entries of its code's own title, in the same category.

    So "CHF" (I50.9), with "acute" and "systolic" beside it, finds I50.21 as "heart failure" does.
    """
    for row in rows:
        codes = tuple(_open_seventh(_leaf_of(code, by_code)) for code in row.codes)
        for phrase in row.phrases:
            for form in _hyphen_forms(phrase):
                core, attributes = read_phrase(form)
                when = row.when
                if len(core) == 1 and drops_fillers(form):  # "on edge", "triple A": the word alone does not say it
                    filler = leading_filler(form)
                    if filler is None:
                        continue
                    when = (*when, ("follows", filler))
                for order in permuted(core):
                    phrases.add(order, Entry(tuple(sorted(attributes)), codes, rank, when))
    for row in rows:
        for place in range(len(row.codes) if not row.when else 0):
            _inherit(phrases, row, place, by_code)


def add_neoplasms(phrases: Phrases, by_code: dict[str, CodeEntry]) -> None:
    """Layer (b): neoplasms by site and behaviour, each site with its sides."""
    for phrase, code in neoplasm_phrases():
        entry = by_code.get(code)
        if entry is None:  # another release may not have it
            continue
        phrases.add_phrase(phrase, (_leaf_of(code, by_code),), RANK_NEOPLASM, turn=False)
        for leaf in () if entry.billable else _leaves(entry, by_code):
            _, attributes = read_phrase(leaf.description)
            side = attributes & {"left", "right", "bilateral"}
            if side and "overlapping" not in leaf.description.lower():
                phrases.add_phrase(f"{phrase} {next(iter(side))}", (leaf.code,), RANK_NEOPLASM, turn=False)


def add_index(phrases: Phrases, index: Iterable[tuple[str, str]], by_code: dict[str, CodeEntry]) -> None:
    """Layer (d): the phrases of the official index. A code that this release does not have is left out."""
    for phrase, stem in index:
        entry = by_code.get(stem)
        code = _code_of(entry, by_code) if entry else None
        if code is None:
            continue
        if (
            code[0] == "Z" and len(phrase.split()) < MIN_STATUS_WORDS
        ):  # "follow up", "examination": circumstances, not terms
            continue
        phrases.add_phrase(phrase, (_open_seventh(code),), RANK_INDEX, turn=False)


def _inherit(phrases: Phrases, row: CuratedRow, place: int, by_code: dict[str, CodeEntry]) -> None:
    """Give a row's phrases the attributes that the title of its code at `place` stands with."""
    codes = tuple(_open_seventh(_leaf_of(code, by_code)) for code in row.codes)
    title = by_code[row.codes[place]].description
    family, meant = read_phrase(strip_tails(ENCOUNTER.sub("", title)))  # "POAG" need not say "primary" and "open" again
    category = row.codes[place][:3]
    inherited = [
        entry
        for entry in phrases.entries.get(family, {}).values()
        if len(entry.codes) == 1 and entry.codes[0].startswith(category) and entry.attributes and not entry.when
    ]
    for phrase in row.phrases:
        core, own = read_phrase(phrase)
        for entry in inherited:
            asked = set(entry.attributes)
            attributes = tuple(sorted(asked - (meant - own) if meant < asked else asked))
            if own <= set(attributes):
                all_codes = (*codes[:place], *entry.codes, *codes[place + 1 :])
                phrases.add(core, Entry(attributes, all_codes, entry.rank + RANK_INHERITED))


def drop_undone_conditions(phrases: Phrases) -> None:
    """The release's own unconditional entry goes where curators narrowed the same phrase and code by "not near".

    It would give the code just where they wanted none.
    """
    for held in phrases.entries.values():
        narrowed = {
            (entry.attributes, entry.codes)
            for entry in held.values()
            if any(name == "not near" for name, _ in entry.when)
        }
        for slot, entry in list(held.items()):
            if not entry.when and entry.rank >= RANK_TITLE and (entry.attributes, entry.codes) in narrowed:
                del held[slot]


def drop_overruled(phrases: Phrases) -> None:
    """A curated row with another code that the words around it merely do not rule out ("not near") goes where the
    defaults of general words (`main_terms.tsv`) name the phrase: they win."""
    for held in phrases.entries.values():
        defaults = {
            entry.attributes: entry for entry in held.values() if not entry.when and entry.rank == RANK_MAIN_TERM
        }
        for slot, entry in list(held.items()):
            default = defaults.get(entry.attributes)
            if (
                default
                and entry.when
                and entry.codes != default.codes
                and {name for name, _ in entry.when} == {"not near"}
            ):
                del held[slot]


def add_discomfort(phrases: Phrases) -> None:
    """A pain with its site is also called a discomfort ("knee discomfort"), unless the lexicon says what that is.

    Discomfort alone is none, and the index has codes of its own for some ("chest discomfort", R07.89).
    """
    for core, held in list(phrases.entries.items()):
        softened = tuple(DISCOMFORT if token == PAIN else token for token in core)
        if len(core) > 1 and softened != core and softened not in phrases.entries:
            for entry in held.values():
                phrases.add(softened, entry._replace(rank=entry.rank + RANK_SOFTENED))


def add_sides(phrases: Phrases, sides: Sides) -> None:
    """Every phrase whose code leaves the side open also stands, with a side beside it, for the code of that side."""
    for core, held in phrases.entries.items():
        for entry in list(held.values()):
            if entry.codes and SIDES.isdisjoint(entry.attributes):
                sided = [sides.get(stem_of(code), {}) for code in entry.codes]
                for side in sorted(set.intersection(*map(set, sided))):
                    codes = tuple(
                        of_code[side] + code[len(of_code[side]) :]
                        for of_code, code in zip(sided, entry.codes, strict=True)
                    )
                    attributes = tuple(sorted({*entry.attributes, side}))
                    phrases.add(core, Entry(attributes, codes, entry.rank + RANK_SIDED, entry.when))


def _leaf_of(code: str, by_code: dict[str, CodeEntry]) -> str:
    entry = by_code[code]
    return code if entry.billable else default_leaf(entry, by_code) or code


def _open_seventh(code: str) -> str:
    return code[:-1] + SEVENTH if is_of_an_encounter(code) else code


def _hyphen_forms(phrase: str) -> Iterable[str]:
    """ "post-op pain" as it is (the hyphen is a space to the matcher) and as "postop pain"."""
    yield phrase
    if "-" in phrase:
        yield phrase.replace("-", "")
