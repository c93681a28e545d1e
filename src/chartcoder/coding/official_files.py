"""The files that CMS and CDC publish with each release of ICD-10-CM, found by their names in a folder.

CMS writes `icd10cm_tabular_2025.xml`, CDC `icd10cm-tabular-2025.xml` and, for the update in the middle of a fiscal
year, `icd10cm-tabular-April-2025.xml`; so are the others called. What else lies in the folder is left alone.
"""

from __future__ import annotations

import re
from calendar import month_name
from dataclasses import dataclass
from pathlib import Path

from chartcoder.errors import ReleaseInvalid

FILE = re.compile(
    r"icd-?10cm?[-_ ](?P<kind>order|tabular|eindex|index|neoplasm|drug)(?P<edition>[-_ .].*)?\.(?P<type>txt|xml)", re.I
)
ADDENDA = re.compile(r"addenda", re.I)
"""Lists of what changed since the last release, in the same folders."""
TYPES = {"order": "txt", "tabular": "xml", "index": "xml", "eindex": "xml", "neoplasm": "xml", "drug": "xml"}
INDEX_KINDS = ("index", "eindex", "neoplasm", "drug")

YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
MONTHS = {name.lower(): number for number, name in enumerate(month_name) if name}
WHERE = (
    "CMS publishes them on its ICD-10 page (https://www.cms.gov/medicare/coding-billing/icd-10-codes), CDC at "
    "https://ftp.cdc.gov/pub/Health_Statistics/NCHS/Publications/ICD10CM/"
)


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """A file of a release. `edition` is the fiscal year and, for an update within it, the month: "2025", "2025-04"."""

    path: Path
    kind: str
    edition: str | None


def find_official_files(folder: Path) -> dict[str, OfficialFile]:
    """The official files of a folder by kind.

    Raises:
        ReleaseInvalid: the folder is not there, or has two files of one kind.
    """
    if not folder.is_dir():
        raise ReleaseInvalid(f"{folder} is no folder; expected one with the official files of a release. {WHERE}")
    found: dict[str, OfficialFile] = {}
    for path in sorted(folder.iterdir()):
        named = FILE.fullmatch(path.name)
        if named is None or ADDENDA.search(path.name) or TYPES[named["kind"].lower()] != named["type"].lower():
            continue
        kind = named["kind"].lower()
        if kind in found:
            raise ReleaseInvalid(f"{folder} has {found[kind].path.name} and {path.name}; expected one {kind} file")
        found[kind] = OfficialFile(path, kind, edition_of(path.name))
    return found


def edition_of(name: str) -> str | None:
    """The edition that a file's name tells: "2025" (in force from October 2024), or "2025-04" for April's update."""
    year = YEAR.search(name)
    if year is None:
        return None
    words = re.findall(r"[a-z]+", name.lower())
    month = next((MONTHS[word] for word in words if word in MONTHS), None)
    return f"{year[0]}-{month:02d}" if month else year[0]
