"""The official index files as a source of phrases: an optional input of the build.

CDC publishes them with each release, as XML: the alphabetic index, the neoplasm table, the table of drugs and the
external cause index (`icd10cm-index-*.xml`, `-neoplasm-`, `-drug-`, `-eindex-`). The project ships without them. An
entry is a path of titles from a main term down ("Pain" > "joint" > "knee"); its code may be a stem ("M25.56-"); or it
refers to another entry ("see Pain, limb, lower").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from chartcoder.coding.lexicon.neoplasms import WORDS

CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?")
RELATION = re.compile(
    r"^(?:with|without|due to|in|by|complicating|following|specified|nec|see|as|during|affecting|associated with"
    r"|resulting|because|from|caused by|for|involving|other|after|code|condition|unspecified|type)\b",
    re.I,
)
"""Titles that relate an entry to something else: no part of a phrase as it is said."""
NO_TARGET = re.compile(r"^(?:condition|also)\b|by site|by type|, by\b|injury, by|specified", re.I)
MOST_ALTERNATIVES = 4
POISONED = ("poisoning by {drug}", "{drug} poisoning", "{drug} overdose", "overdose of {drug}")
ADVERSE = ("adverse effect of {drug}", "adverse reaction to {drug}", "{drug} side effect")

Path_ = tuple[str, ...]


def index_phrases(folder: Path) -> Iterator[tuple[str, str]]:
    """(phrase, code or stem) of every entry of the files in a folder. Raises FileNotFoundError where there are none."""
    files = sorted(folder.glob("icd10cm-*.xml"))
    if not files:
        raise FileNotFoundError(f"no icd10cm-*.xml in {folder}; CDC publishes them with each release of ICD-10-CM")
    for file in files:
        root = ElementTree.parse(file).getroot()  # noqa: S314
        if "-neoplasm-" in file.name:
            yield from neoplasm_table(root)
        elif "-drug-" in file.name:
            yield from drug_table(root)
        else:
            yield from alphabetic_index(root)


def alphabetic_index(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Phrases of an alphabetic index. A reference is followed once; one that leads nowhere is left out."""
    entries = list(_entries(root))
    codes = {path: code for path, code, _ in entries if code}
    for path, code, see in entries:
        if code is None and see and not NO_TARGET.search(see):
            code = codes.get(_reference(see))
        if code:
            for phrase in _phrases(path):
                yield phrase, code


def _entries(root: ElementTree.Element) -> Iterator[tuple[Path_, str | None, str | None]]:
    """Every entry as (path of lower-case titles, code, reference)."""
    for main in root.iter("mainTerm"):
        yield from _walk(main, ())


def _walk(node: ElementTree.Element, above: Path_) -> Iterator[tuple[Path_, str | None, str | None]]:
    path = (*above, _title(node))
    code = node.findtext("code")
    found = CODE.match(code) if code else None
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


def _reference(see: str) -> Path_:
    return tuple(part.strip().lower() for part in re.sub(r"\([^)]*\)", "", see).split(","))


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
        int(cell.get("col", "0")): found[0] for cell in node.findall("cell") if (found := CODE.match(cell.text or ""))
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
