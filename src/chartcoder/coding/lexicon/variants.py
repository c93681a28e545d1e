"""How charts say what the tabular list says: variants of an official term, made by rules.

The tabular list writes "Calculus of kidney", "Asthma, unspecified, uncomplicated", "Dissociative [conversion]
disorder", "Arthritis, rheumatoid". A chart writes "kidney stone", "asthma", "rheumatoid arthritis". Each rule here
undoes one habit of the list; what it makes is normalised afterwards (`normalise.read_phrase`), so case, plurals and
spelling do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

ENCOUNTER = re.compile(r",? (?:initial|subsequent) encounter\b.*$|,? sequela$", re.I)
"""What the seventh character adds to a description."""

NOT_A_NAME = re.compile(r"^(?:other|unspecified other)\b|classified elsewhere|^encounter for\b", re.I)
"""Residual classes ("Other specified disorders of ...") name what is not named: no chart says so."""

TAIL = re.compile(
    r"(?:,? (?:unspecified|not otherwise specified|nos|nec|not elsewhere classified|uncomplicated)"
    r"|, unspecified (?:whether|as to|organism|site|type|part|cause|severity|eye|ear|side|trimester|laterality)[^,]*"
    r"|, unspecified intractab[^,]*"
    r"|,? (?:organism|site|type|cause|stage|severity|eye|ear|side|laterality|degree|not) (?:un|not )specified"
    r"|,? without [^,]*|,? so (?:stated|described)|, not intractable[^,]*|, not specified as [^,]*"
    r"|,? in diseases classified elsewhere"
    r"|, including [^,]*)$",
    re.I,
)
"""Endings that say that nothing more is said."""

INVERTED_STOP = re.compile(r"^(?:with|without|due|in|not|unspecified|other|except|initial|subsequent|and|or)\b", re.I)
X_OF_Y = re.compile(r"^((?:[\w-]+ ){0,3}[\w-]+) (?:of|in) (?:the )?([\w-]+(?: [\w-]+){0,2})$", re.I)
X_OF_Y_OF_Z = re.compile(
    r"^((?:[\w-]+ ){0,2}[\w-]+) of (?:the )?((?:[\w-]+ )?[\w-]+) of (?:the )?((?:[\w-]+ )?[\w-]+)$", re.I
)
BRACKETED = re.compile(r"\s*\[([^\]]*)\]")
ABBREVIATION = re.compile(r"\s*\[([A-Z]{2,6})\]")
SKIN_OF = re.compile(r"\b(?:of|in) skin of\b", re.I)
PARENTHESISED = re.compile(r"\s*\(([^)]*)\)")


def official_variants(term: str) -> Iterator[tuple[str, int]]:
    """The forms of an official term that a chart may use, each with how far it is from the term (0 is the term itself).

    "Pain in left knee" gives ("Pain in left knee", 0), ("left knee Pain", 2); the laterality is taken out later, as
    an attribute.
    """
    named = ENCOUNTER.sub("", term).strip()
    if NOT_A_NAME.search(named):
        return
    seen: set[str] = set()
    for variant, distance in _variants(named):
        clean = " ".join(variant.split()).strip(" ,;")
        if len(clean) > 2 and clean.lower() not in seen:
            seen.add(clean.lower())
            yield clean, distance


def _variants(term: str) -> Iterator[tuple[str, int]]:
    abbreviated = put_abbreviation(term)
    if abbreviated:
        yield abbreviated, 1
    plain = BRACKETED.sub("", term)
    bare = PARENTHESISED.sub("", plain)  # nonessential modifiers: "Systolic (congestive) heart failure"
    inside = PARENTHESISED.sub(r" \1", plain)
    for form in {bare, inside}:
        yield form, 0
        stripped = strip_tails(form)
        yield stripped, 1
        if SKIN_OF.search(stripped):  # a carcinoma or nevus of an eyelid is one of its skin
            yield SKIN_OF.sub("of", stripped), 2
        for turned in (undo_inversion(stripped), *turn_of(stripped)):
            if turned:
                yield turned, 2


def put_abbreviation(term: str) -> str | None:
    """ "Elevated prostate specific antigen [PSA]" as "Elevated PSA": the abbreviation for the words that it is the
    initials of."""
    found = ABBREVIATION.search(term)
    if not found:
        return None
    words = term[: found.start()].split()
    count = len(found[1])
    initials = "".join(word[0] for word in words[-count:]).lower()
    if initials != found[1].lower():
        return None
    return " ".join([*words[:-count], found[1], term[found.end() :]]).strip()


def strip_tails(term: str) -> str:
    """The term without what only says that nothing more is known: "Unspecified asthma, uncomplicated" is "asthma"."""
    before = None
    term = re.sub(r"^unspecified ", "", term, flags=re.I)
    while before != term:
        before, term = term, TAIL.sub("", term).strip(" ,")
    return re.sub(r"\b(?:unspecified|nos|nec)\b", "", term, flags=re.I)


def undo_inversion(term: str) -> str | None:
    """ "Arthritis, rheumatoid" as "rheumatoid Arthritis"; None where the comma does not invert."""
    parts = [part.strip() for part in term.split(",")]
    if len(parts) == 2 and parts[1] and not INVERTED_STOP.match(parts[1]) and len(parts[1].split()) <= 3:
        return f"{parts[1]} {parts[0]}"
    return None


def turn_of(term: str) -> Iterator[str]:
    """ "Fracture of distal radius" as "distal radius Fracture", "Fracture of shaft of clavicle" as "clavicle shaft
    Fracture"."""
    found = X_OF_Y_OF_Z.match(term)
    if found:
        yield f"{found[3]} {found[2]} {found[1]}"
    found = X_OF_Y.match(term)
    if found:
        yield f"{found[2]} {found[1]}"


ORDERED = frozenset(
    {
        "&",
        "no",
        "not",
        "never",
        "non",
        "off",
        "up",
        "out",
        "over",
        "under",
        "down",
        "back",
        "than",
        "too",
        "can",
        "cannot",
        "unable",
        "lack",
        "loss",
        "gain",
        "son",
        "go",
        "going",
        "get",
        "as",
        "per",
        "be",
        "feel",
        "feeling",
        "show",
        "after",
        "before",
        "when",
        "during",
        "until",
        "free",
    }
)
"""Words that mean what they mean where they stand: phrases with them do not turn ("no show" is not "show no")."""


def permuted(core: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Orders in which a short phrase's core tokens may stand: "pain knee" and "knee pain".

    Two tokens turn; of three, the head may go from the front to the end and back ("fracture distal radius", "distal
    radius fracture"). Longer phrases keep their order: charts that repeat them repeat them as they are.
    """
    yield core
    if not ORDERED.isdisjoint(core):
        return
    if 2 <= len(core) <= 4:
        yield (*core[1:], core[0])
    if 3 <= len(core) <= 4:
        yield (core[-1], *core[:-1])
