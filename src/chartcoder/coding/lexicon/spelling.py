"""Misspelled long words: one letter too many, too few, wrong, or two swapped.

Every long word of the lexicon is filed under what is left of it when a letter is taken out; a word and a misspelling
of it meet there (symmetric deletion, after Garbe's SymSpell). Short words are left alone: one edit makes other words
of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import marisa_trie

SHORTEST = 8  # letters
ENDINGS = (
    "itis",
    "osis",
    "emia",
    "oma",
    "pathy",
    "algia",
    "uria",
    "rrhea",
    "plegia",
    "rrhage",
    "ectasis",
    "penia",
    "cele",
    "lithiasis",
    "phagia",
    "pnea",
    "trophy",
    "philia",
    "cytosis",
    "megaly",
    "iasis",
    "rexia",
    "phobia",
    "somnia",
    "esthesia",
    "edema",
    "thorax",
    "opia",
    "kinesia",
    "paresis",
    "ptysis",
    "emesis",
    "stenosis",
    "sclerosis",
    "malacia",
    "cardia",
    "tension",
    "thyroidism",
    "plasia",
    "glycemia",
    "lipidemia",
    "natremia",
    "kalemia",
    "monia",
    "thmia",
    "betes",
    "ectomy",
    "cholia",
    "phylaxis",
    "sepsis",
    "mentia",
    "lepsy",
    "rhosis",
    "static",
    "stasis",
    "neumonia",
)
"""Only words that end so are taken for misspelled: everyday words at one edit from each other ("addition") are many."""
FILE = "deletions.marisa"


def without_one(word: str) -> Iterator[str]:
    """The word with each of its letters taken out in turn; the first letter stays: it is seldom wrong."""
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))


def is_correctable(word: str) -> bool:
    """Whether a lower-case word is long enough, and only letters."""
    return len(word) >= SHORTEST and word.isascii() and word.isalpha() and word.islower()


def write_deletions(words: Iterable[tuple[str, int]], folder: Path) -> None:
    """File every long word, given with its number, under its deletions."""
    long_words = [(word, number) for word, number in words if is_correctable(word) and word.endswith(ENDINGS)]
    keys = ((deleted, (number,)) for word, number in long_words for deleted in {word, *without_one(word)})
    marisa_trie.RecordTrie("<I", keys).save(str(folder / FILE))


class Speller:
    """Finds the word of the lexicon that a misspelled one stands for."""

    def __init__(self, folder: Path, words: marisa_trie.Trie) -> None:
        self._deletions = marisa_trie.RecordTrie("<I")
        self._deletions.mmap(str(folder / FILE))
        self._words = words

    def correct(self, word: str) -> int | None:
        """The number of the one word at one edit from a lower-case word; None where there is none, or more than one."""
        if not is_correctable(word):
            return None
        found: set[int] = set()
        for deleted in (word, *without_one(word)):
            found.update(number for (number,) in self._deletions.get(deleted, ()))
        near = [number for number in found if one_edit_apart(word, self._words.restore_key(number))]
        return near[0] if len(near) == 1 else None


def one_edit_apart(word: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns one word into the other."""
    start = 0
    shortest = min(len(word), len(other))
    while start < shortest and word[start] == other[start]:
        start += 1
    rest, other_rest = word[start:], other[start:]
    return (
        rest[1:] == other_rest
        or rest == other_rest[1:]
        or rest[1:] == other_rest[1:]
        or (rest[:2] == other_rest[1::-1] and len(rest) > 1 and rest[2:] == other_rest[2:])
    )
