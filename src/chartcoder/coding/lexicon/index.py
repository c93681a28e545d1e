"""The official index files as a source of phrases: an optional input of the build.

CDC publishes them with each release, as XML: the alphabetic index, the neoplasm table, the table of drugs and the
external cause index (`icd10cm-index-*.xml`, `-neoplasm-`, `-drug-`, `-eindex-`). The project ships without them. An
entry is a path of titles from a main term down ("Pain" > "joint" > "knee"); its code may be a stem ("M25.56-"); or it
refers to another entry ("see Pain, limb, lower").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from chartcoder.coding.lexicon.neoplasms import WORDS
from chartcoder.coding.lexicon.normalise import singular
from chartcoder.coding.official_files import INDEX_KINDS, WHERE, find_official_files
from chartcoder.coding.terminology import CODE
from chartcoder.errors import ReleaseInvalid

RELATION = re.compile(
    r"^(?:with|without|due to|in|by|complicating|following|specified|nec|see|as|during|affecting|associated with"
    r"|resulting|because|from|caused by|for|involving|other|after|code|condition|unspecified|type)\b",
    re.I,
)
"""Titles that relate an entry to something else: no part of a phrase as it is said."""
NO_TARGET = re.compile(
    r"^\s*(?:(?:condition|also|table of)\b|neoplasm,)|by site|by type|, by\b|injury, by|specified", re.I
)
"""References to no one entry, or to the tables, which are read by themselves."""
MOST_ALTERNATIVES = 4
MOST_REFERENCES = 4  # from one to the next; more than two are not known, and a circle must end
PARENTHESES = re.compile(r"\([^)]*\)")
ROOT = "ICD10CM.index"
POISONED = ("poisoning by {drug}", "{drug} poisoning", "{drug} overdose", "overdose of {drug}")
ADVERSE = ("adverse effect of {drug}", "adverse reaction to {drug}", "{drug} side effect")

Path_ = tuple[str, ...]


def index_phrases(folder: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    """(phrase, code or stem) of every entry of the files in a folder.

    `notes` gets a line for each file with references that lead to no entry.

    Raises:
        ReleaseInvalid: there are no index files, or one is no XML.
    """
    files = [file for kind, file in find_official_files(folder).items() if kind in INDEX_KINDS]
    if not files:
        raise ReleaseInvalid(f"no index file in {folder}; expected one such as icd10cm_index_2026.xml. {WHERE}")
    for file in files:
        root = _read(file.path)
        if file.kind == "neoplasm":
            yield from neoplasm_table(root)
        elif file.kind == "drug":
            yield from drug_table(root)
        else:
            index = AlphabeticIndex(root)
            yield from index.phrases()
            if index.lost:
                notes.append(
                    f"{file.path.name}: {len(index.lost):,} of {index.references:,} references lead to no code, "
                    f"such as 'see {index.lost[0]}'"
                )


def _read(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 (the operator's own file, read at the build)
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise ReleaseInvalid(f"{path.name}, line {line}: no XML; expected one of CDC's index files") from None
    if root.tag != ROOT:
        raise ReleaseInvalid(f"{path.name} is a <{root.tag}>; expected one of CDC's index files, a <{ROOT}>")
    return root


class AlphabeticIndex:
    """An alphabetic index, its references resolved ("Abdominalgia", "see Pain, abdominal").

    A reference names a main term and terms below it, as they would be looked up: not always in full ("Disturbance,
    visual" for "Disturbance(s)" > "visual"), with commas that may belong to a title, and to an entry that may itself
    refer on.
    """

    def __init__(self, root: ElementTree.Element) -> None:
        self._entries = list(_entries(root))
        self._codes = {path: code for path, code, _ in self._entries if code}
        self._sees = {path: see for path, code, see in self._entries if see and not code}
        self._places = _places(path for path, _, _ in self._entries)
        self.references = 0
        self.lost: list[str] = []

    def phrases(self) -> Iterator[tuple[str, str]]:
        """(phrase, code or stem); an entry whose reference names no one entry ("by site") is left out."""
        for path, code, see in self._entries:
            if code is None and see and not NO_TARGET.search(see):
                self.references += 1
                code = self._code_of(see)
                if code is None:
                    self.lost.append(see)
            if code:
                for phrase in _phrases(path):
                    yield phrase, code

    def _code_of(self, see: str) -> str | None:
        """The code that a reference leads to, over other references if need be."""
        for _ in range(MOST_REFERENCES):
            path = self._entry(see)
            if path is None or path in self._codes:
                return self._codes.get(path) if path else None
            if path not in self._sees:
                return None
            see = self._sees[path]
        return None

    def _entry(self, see: str) -> Path_ | None:
        """The entry that a reference names."""
        return next(self._entries_below((), _reference(see)), None)

    def _entries_below(self, place: Path_, parts: tuple[str, ...]) -> Iterator[Path_]:
        """Entries that the parts lead to from a place down, the likeliest first: each step takes as many parts as
        there are. References pass over the level "with" in silence."""
        if not parts:
            yield place
        for above in (place, (*place, "with")) if parts else ():
            below = self._places.get(above, {})
            for taken in range(len(parts), 0, -1):
                named = ", ".join(parts[:taken])
                for entry in below.get(named) or below.get(singular(named)) or ():
                    yield from self._entries_below(entry, parts[taken:])


def _places(paths: Iterable[Path_]) -> dict[Path_, dict[str, list[Path_]]]:
    """Entry -> what an entry below it may be called -> the entries that may be called so: first the one with the whole
    title, then those whose title begins so ("disease" is "disease, diseased"), then those with such a part."""
    places: dict[Path_, dict[str, list[Path_]]] = defaultdict(lambda: defaultdict(list))
    names = [(path, [path[-1], *path[-1].split(",")[:MOST_ALTERNATIVES]]) for path in paths]
    for order in range(MOST_ALTERNATIVES + 1):
        for path, called in names:
            if order < len(called):
                places[path[:-1]][_plain(called[order])].append(path)
    return places


def _plain(title: str) -> str:
    return " ".join(PARENTHESES.sub(" ", title).split()).strip(" ,")


def _entries(root: ElementTree.Element) -> Iterator[tuple[Path_, str | None, str | None]]:
    """Every entry as (path of lower-case titles, code, reference)."""
    for main in root.iter("mainTerm"):
        yield from _walk(main, ())


def _walk(node: ElementTree.Element, above: Path_) -> Iterator[tuple[Path_, str | None, str | None]]:
    path = (*above, _title(node))
    code = node.findtext("code")
    found = re.match(CODE, code) if code else None
    yield path, found[0] if found else None, node.findtext("see")
    for child in node.findall("term"):
        yield from _walk(child, path)


def _title(node: ElementTree.Element) -> str:
    """A title without its nonessential modifiers."""
    title = node.find("title")
    if title is None:
        return ""
    text = (title.text or "") + "".join(child.tail or "" for child in title)
    return " ".join(re.sub(r"\b(?:NEC|NOS)\b", "", text).lower().split()).strip(" ,")


def _reference(see: str) -> tuple[str, ...]:
    """The parts of a reference, as titles are written here."""
    said = re.sub(r"\b(?:NEC|NOS)\b", "", PARENTHESES.sub(" ", see)).lower().replace(", with ", ", with, ")
    return tuple(" ".join(part.split()) for part in said.split(",") if part.strip())


def _phrases(path: Path_) -> Iterator[str]:
    """How a path is said: "pain joint knee" and "knee joint pain"; titles with commas are alternatives of one
    another."""
    if any(RELATION.match(title) for title in path[1:]) or not all(path):
        return
    options = [[part.strip() for part in title.split(",")][:MOST_ALTERNATIVES] for title in path]
    for main in options[0]:
        below = [choices[0] for choices in options[1:]]
        yield " ".join([main, *below])
        if below:
            yield " ".join([*reversed(below), main])
        if len(options) == 2:
            for alternative in options[1][1:]:
                yield f"{alternative} {main}"
                yield f"{main} {alternative}"


def neoplasm_table(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Phrases of the neoplasm table: each site with the words of each behaviour."""
    for main in root.iter("mainTerm"):
        for site, codes in _table_rows(main, ()):
            for behaviour, patterns in WORDS.items():
                code = codes.get(behaviour + 2)
                if code:
                    for pattern in patterns:
                        yield pattern.format(site=site), code
                        yield f"{site} {pattern.replace('{site}', '').strip()}", code


def _table_rows(node: ElementTree.Element, above: Path_) -> Iterator[tuple[str, dict[int, str]]]:
    for child in node.findall("term"):
        titles = (*above, _title(child))
        if any(RELATION.match(title) for title in titles):
            continue
        codes = _cells(child)
        for head in titles[0].split(",")[:MOST_ALTERNATIVES]:
            yield " ".join([*reversed(titles[1:]), head.strip()]).replace(",", " "), codes
        yield from _table_rows(child, titles)


def _cells(node: ElementTree.Element) -> dict[int, str]:
    return {
        int(cell.get("col", "0")): found[0]
        for cell in node.findall("cell")
        if (found := re.match(CODE, cell.text or ""))
    }


def drug_table(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Phrases of the table of drugs: accidental poisoning and adverse effect of each. A drug by itself implies no
    code."""
    for main in root.iter("mainTerm"):
        drug, codes = _title(main), _cells(main)
        if len(drug) < 4 or "," in drug:
            continue
        for column, patterns in ((2, POISONED), (6, ADVERSE)):
            if column in codes:
                for pattern in patterns:
                    yield pattern.format(drug=drug), codes[column]
