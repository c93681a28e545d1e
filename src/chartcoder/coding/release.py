"""An ICD-10-CM release, read when the lexicon is built: the bundled one, or another one's official files.

The bundled release comes through `simple-icd-10-cm`. Of official files two are needed: the order file, which lists
every category and code with its long description and whether it is complete, and the tabular list, which has inclusion
terms and instructions (Excludes1, code first, use additional code).

The order file has fixed columns (CMS, "ICD-10-CM/PCS Order File" in each release's archive): 1-5 order number, 7-13
code without its dot, 15 whether it is valid for submission (1) or a header (0), 17-76 short, from 78 long description.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from chartcoder.coding.official_files import WHERE, OfficialFile, edition_of, find_official_files
from chartcoder.coding.terminology import CATEGORY, CodeEntry, dotted, read_references
from chartcoder.errors import ReleaseInvalid

ORDER_LINE = re.compile(
    rf"\d{{5}} (?=.{{7}} [01] )(?P<code>{CATEGORY}[0-9A-Z]{{0,4}}) +(?P<complete>[01]) .{{60}} (?P<long>.*\S)\s*"
)
ROOT = "ICD10CM.tabular"
MOST_STRAYS = 0.01
"""Share of codes that only one of the two files may have: above it they are of different releases."""


class Release(NamedTuple):
    """A release's name and every category and code in it; `notes` say what is odd about its files, a line each."""

    name: str
    entries: list[CodeEntry]
    notes: list[str]


def read_release(folder: Path | None = None) -> Release:
    """The bundled release, or the one whose official files are in `folder`.

    Raises:
        ReleaseInvalid: a file is missing or is not what it should be; the message names file and line.
    """
    return _read_bundled() if folder is None else _read_official(folder)


def _read_bundled() -> Release:
    import simple_icd_10_cm as tabular_list

    name: str = tabular_list.simple_icd_10_cm._classification_data_package_file_name
    return Release(edition_of(name) or name.removesuffix(".xml"), list(_bundled_entries(tabular_list)), [])


def _bundled_entries(tabular_list: Any) -> Iterator[CodeEntry]:
    for code in dict.fromkeys(tabular_list.get_all_codes()):  # a block of one category has its name: B99 stands twice
        if tabular_list.is_chapter_or_block(code) and not tabular_list.is_category(code):
            continue
        yield CodeEntry(
            code=code,
            description=tabular_list.get_description(code),
            billable=tabular_list.is_leaf(code),
            inclusion=tuple(tabular_list.get_inclusion_term(code)),
            children=tuple(tabular_list.get_children(code)),
            excludes1=read_references(tabular_list.get_excludes1(code)),
            code_first=read_references(tabular_list.get_code_first(code)),
            use_additional=read_references(tabular_list.get_use_additional_code(code)),
        )


def _read_official(folder: Path) -> Release:
    files = find_official_files(folder)
    order, tabular = (_needed(files, kind, folder) for kind in ("order", "tabular"))
    if order.edition != tabular.edition:
        raise ReleaseInvalid(
            f"{order.path.name} and {tabular.path.name} are of different editions by their names "
            f"({order.edition} and {tabular.edition}); expected two files of one release"
        )
    listed = _read_order(order.path)
    version, diagnoses = _read_tabular(tabular.path)
    notes = _strays(listed, diagnoses, order.path.name, tabular.path.name)
    return Release(tabular.edition or version, list(_official_entries(listed, diagnoses)), notes)


def _needed(files: dict[str, OfficialFile], kind: str, folder: Path) -> OfficialFile:
    if kind not in files:
        ending = "txt" if kind == "order" else "xml"
        raise ReleaseInvalid(f"no {kind} file in {folder}; expected one such as icd10cm_{kind}_2026.{ending}. {WHERE}")
    return files[kind]


def _read_order(path: Path) -> dict[str, tuple[str, bool]]:
    """Code -> long description, and whether it is complete."""
    listed: dict[str, tuple[str, bool]] = {}
    for number, line in enumerate(_decode(path.read_bytes()).splitlines(), start=1):
        if not line.strip():
            continue
        found = ORDER_LINE.fullmatch(line)
        if found is None:
            raise ReleaseInvalid(
                f"{path.name}, line {number}: expected order number, code, 0 or 1, short and long description in "
                "columns 1, 7, 15, 17 and 78"
            )
        code = dotted(found["code"])
        if code in listed:
            raise ReleaseInvalid(f"{path.name}, line {number}: {code} stands there twice; expected each code once")
        listed[code] = found["long"], found["complete"] == "1"
    if not listed:
        raise ReleaseInvalid(f"{path.name} lists no code; expected a line each")
    return listed


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:  # older releases were written on Windows
        return data.decode("cp1252", errors="replace")


def _read_tabular(path: Path) -> tuple[str, dict[str, ElementTree.Element]]:
    """The version that the tabular list names, and its elements by category or code."""
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 (the operator's own file, read at the build)
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise ReleaseInvalid(f"{path.name}, line {line}: no XML; expected CDC's tabular list") from None
    if root.tag != ROOT:
        raise ReleaseInvalid(f"{path.name} is a <{root.tag}>; expected CDC's tabular list, a <{ROOT}>")
    diagnoses = {(element.findtext("name") or "").strip(): element for element in root.iter("diag")}
    if not diagnoses:
        raise ReleaseInvalid(f"{path.name} has no <diag>; expected one for each category and code")
    return (root.findtext("version") or path.stem).strip(), diagnoses


def _strays(
    listed: dict[str, tuple[str, bool]], diagnoses: dict[str, ElementTree.Element], order: str, tabular: str
) -> list[str]:
    """What one file has and the other has not. A code with a seventh character stands in the order file only."""
    unknown = [code for code in listed if _stem_in(code, diagnoses) is None]
    unlisted = [code for code in diagnoses if code not in listed]
    notes = []
    for codes, there, elsewhere in ((unknown, order, tabular), (unlisted, tabular, order)):
        if codes:
            told = f"{len(codes):,} of the codes of {there} are not in {elsewhere}, such as {', '.join(codes[:3])}"
            if len(codes) > MOST_STRAYS * len(listed):
                raise ReleaseInvalid(f"{told}; expected two files of one release")
            notes.append(told)
    return notes


def _stem_in(code: str, diagnoses: dict[str, ElementTree.Element]) -> str | None:
    """The code itself, or what it is without its seventh character and the placeholders before it."""
    if code in diagnoses:
        return code
    stem = code[:-1].rstrip("X").rstrip(".") if len(code) == 8 else code
    return next((place for place in (code[:-1], stem) if place in diagnoses), None)


def _official_entries(
    listed: dict[str, tuple[str, bool]], diagnoses: dict[str, ElementTree.Element]
) -> Iterator[CodeEntry]:
    children = _children(listed)
    for code, (description, complete) in listed.items():
        element = diagnoses.get(code)
        yield CodeEntry(
            code=code,
            description=description,
            billable=complete,
            inclusion=tuple(_notes(element, "inclusionTerm")),
            children=tuple(children[code]),
            excludes1=read_references(list(_notes(element, "excludes1"))),
            code_first=read_references(list(_notes(element, "codeFirst"))),
            use_additional=read_references(list(_notes(element, "useAdditionalCode"))),
        )


def _children(listed: dict[str, tuple[str, bool]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = defaultdict(list)
    for code in listed:
        stems = (code[:length] for length in range(len(code) - 1, 2, -1))
        parent = next((stem for stem in stems if stem in listed), None)
        if parent:
            children[parent].append(code)
    return children


def _notes(element: ElementTree.Element | None, instruction: str) -> Iterator[str]:
    """The notes of one instruction; a code may have several of a kind."""
    for part in element.findall(instruction) if element is not None else ():
        for note in part.findall("note"):
            yield "".join(note.itertext())
