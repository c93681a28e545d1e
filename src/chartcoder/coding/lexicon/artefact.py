"""The lexicon as files that a process maps in: words, phrases and what each phrase implies.

Every core token has a number, and stands in a chart's *encoding* as one character; so a phrase is a short string, and
looking for phrases is looking up prefixes in a trie. The characters:

    " "              a filler, skipped        "."  a break: end of sentence, bullet, colon
    ","              a comma or parenthesis   "&"  and, or, slash
    "\\n"             end of line              "?"  a word that is in no phrase
    from U+0100      attributes (order of `normalise.ATTRIBUTES`)
    from U+1000      core tokens
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from pathlib import Path

import marisa_trie

from chartcoder.coding.inner.scanning import PhraseTable
from chartcoder.coding.lexicon.compile import Core, Entry, Phrases
from chartcoder.coding.lexicon.normalise import (
    ATTRIBUTES,
    CONJUNCTIONS,
    FILLERS,
    LETTER_A,
    attribute_of,
    canonical_word,
    is_abbreviation,
)
from chartcoder.coding.lexicon.spelling import Speller, write_deletions
from chartcoder.coding.lexicon.step_files import mapped, read_steps, write_steps
from chartcoder.errors import LexiconMissing

ARTEFACT = Path(__file__).parents[1] / "artefact"
"""The folder of the artefact that is built with the package."""

SKIP, BREAK, COMMA, AND, LINE, UNKNOWN = " ", ".", ",", "&", "\n", "?"
FIRST_ATTRIBUTE, FIRST_CORE, LAST_CORE = 0x100, 0x1000, 0xFFFF
SURROGATES, AFTER_SURROGATES = 0xD800, 0x800
FORMAT = 5
STEPS = "phrases.steps"
LONGEST_WORD = 60  # letters
CACHED_WORDS = 200_000

ATTRIBUTE_CHARACTERS = {attribute: chr(FIRST_ATTRIBUTE + place) for place, attribute in enumerate(ATTRIBUTES)}
ATTRIBUTE_OF_CHARACTER = {character: attribute for attribute, character in ATTRIBUTE_CHARACTERS.items()}


def core_character(number: int) -> str:
    """The character of the core token with this number; jumps over the surrogates, which no string may hold."""
    point = FIRST_CORE + number
    point += AFTER_SURROGATES if point >= SURROGATES else 0
    if point > LAST_CORE:
        raise ValueError(f"the lexicon has more than {LAST_CORE - FIRST_CORE - AFTER_SURROGATES} different words")
    return chr(point)


def write_lexicon(phrases: Phrases, folder: Path, *, about: dict[str, str]) -> None:
    """Write the files that `Lexicon` maps in. `about` holds at least the release's name."""
    words = marisa_trie.Trie({token for core in phrases.entries for token in core} - {AND})
    words.save(str(folder / "words.marisa"))
    write_deletions(((word, words[word]) for word in words), folder)
    encoded = {_encode(core, words): _payload(held.values()) for core, held in phrases.entries.items()}
    trie = marisa_trie.Trie(encoded)
    trie.save(str(folder / "phrases.marisa"))
    _write_payloads(encoded, trie, folder)
    write_steps(((map(ord, phrase), number) for phrase, number in trie.items()), folder / STEPS)
    (folder / "about.json").write_text(json.dumps({"format": FORMAT, **about}), encoding="utf-8")


def _encode(core: Core, words: marisa_trie.Trie) -> str:
    return "".join(AND if token == AND else core_character(words[token]) for token in core)


def _payload(entries: Iterable[Entry]) -> str:
    return json.dumps(sorted(entries, key=lambda entry: entry.rank), separators=(",", ":"))


def _write_payloads(encoded: dict[str, str], trie: marisa_trie.Trie, folder: Path) -> None:
    blob = bytearray()
    places: dict[str, int] = {}
    offsets = array("I", bytes(4 * len(encoded)))
    for key, payload in encoded.items():
        if payload not in places:
            places[payload] = len(blob)
            blob += payload.encode() + b"\n"
        offsets[trie[key]] = places[payload]
    (folder / "entries.bin").write_bytes(blob)
    (folder / "offsets.bin").write_bytes(offsets.tobytes())


class Vocabulary(dict[str, str]):
    """Word of a chart -> its character, remembered once seen; words are normalised and looked up on first sight."""

    def __init__(self, words: marisa_trie.Trie, speller: Speller) -> None:
        super().__init__()
        self._words = words
        self._speller = speller

    def __missing__(self, word: str) -> str:
        if len(word) > LONGEST_WORD:  # no word: what a scanner made of a line, or worse; not worth remembering
            return UNKNOWN
        if len(self) > CACHED_WORDS:  # a bound on memory, however many charts a process reads
            self.clear()
        character = self[word] = self._character(word)
        return character

    def _character(self, word: str) -> str:
        if is_abbreviation(word):
            for form in (word, word[:-1] if word.endswith("s") else word):
                number = self._words.get(form)
                if number is not None:
                    return core_character(number)
        if word == LETTER_A and word in self._words:
            return core_character(self._words[word])
        lower = word.lower()
        attribute = attribute_of(lower)
        if attribute:
            return ATTRIBUTE_CHARACTERS[attribute]
        if lower in FILLERS:
            return SKIP
        if lower in CONJUNCTIONS:
            return AND
        canonical = canonical_word(lower)
        number = self._words.get(canonical)
        if number is None:
            number = self._speller.correct(canonical)
        if number is None and canonical != lower:  # a misspelled "-itis" that looks like a plural
            number = self._speller.correct(lower)
        return UNKNOWN if number is None else core_character(number)


class Lexicon:
    """The lexicon, mapped in. Cheap to make in each process of a machine: the files are shared."""

    def __init__(self, folder: Path) -> None:
        """Raises LexiconMissing where `folder` holds no lexicon of this version."""
        about = folder / "about.json"
        if not about.exists():
            raise LexiconMissing(f"no lexicon in {folder}; `python -m chartcoder.coding.build` builds it")
        self.about: dict[str, str] = json.loads(about.read_text(encoding="utf-8"))
        if self.about["format"] != FORMAT:
            raise LexiconMissing(f"the lexicon in {folder} is of another version; rebuild it")
        words = marisa_trie.Trie()
        words.mmap(str(folder / "words.marisa"))
        self.vocabulary = Vocabulary(words, Speller(folder, words))
        self.phrases = marisa_trie.Trie()
        self.phrases.mmap(str(folder / "phrases.marisa"))
        self.table = PhraseTable(read_steps(folder / STEPS))  # finds what `phrases` has, with the same numbers
        self._entries = mapped(folder / "entries.bin")
        self._offsets = memoryview(mapped(folder / "offsets.bin")).cast("I")
        self._read: dict[int, tuple[Entry, ...]] = {}

    def entries(self, phrase: int) -> tuple[Entry, ...]:
        """The entries of the phrase with this number in `phrases`, best rank first."""
        held = self._read.get(phrase)
        if held is None:
            offset = self._offsets[phrase]
            line = self._entries[offset : self._entries.find(b"\n", offset)]
            held = tuple(
                Entry(tuple(attributes), tuple(codes), rank, tuple((name, value) for name, value in when))
                for attributes, codes, rank, when in json.loads(line)
            )
            self._read[phrase] = held  # bounded by the lexicon's size
        return held
