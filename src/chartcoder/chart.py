"""The values that travel: a chart goes in, a coded chart comes out.

All offsets count characters of `Chart.text` (Unicode code points, as Python's `str` does), end exclusive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import msgspec

from chartcoder.protected import ProtectedText

Assertion = Literal["present", "negated", "possible", "historical", "family", "hypothetical", "other_person"]
ASSERTIONS: tuple[Assertion, ...] = get_args(Assertion)

Setting = Literal["inpatient", "outpatient"]

ID_PATTERN = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,128}")
"""A batch's or a chart's id: opaque, without protected health information (it shows in keys, URLs and audit logs)."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section that the document's format names by a code of its own, [start, end) of the text without its heading.

    `name` is one of the coder's categories (the first column of `coding/sections.tsv`).
    """

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class GivenCode:
    """A code that the document brought along, as it had it: a hint for a reviewer, never a finding of the coder.

    `system` is a FHIR system URI where the format's own name for it is known (an OID as `urn:oid:...` else).
    """

    system: str
    code: str
    display: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Chart:
    """One clinical document, as a reader gives it to the coder.

    `id` is `<batch>/<chart>` in the pipeline and free on the command line; `setting` decides how uncertain diagnoses
    are coded (Official Guidelines II.H and IV.H) and is read from the chart itself where it is None. What follows it
    is known where the format has a place for it: `date` is the date of service (ISO 8601, to the day), `kind` the
    document's type (a LOINC code where there is one), `author_role` the author's role or specialty, as given.
    """

    id: str
    text: str = field(repr=False)  # kept as a ProtectedText, which does not show itself
    setting: Setting | None = None
    format: str = "text"
    sections: tuple[Section, ...] = ()
    date: str | None = field(default=None, repr=False)  # a date of service tells of a patient, too
    kind: str | None = field(default=None, repr=False)
    author_role: str | None = field(default=None, repr=False)
    given: tuple[GivenCode, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", ProtectedText(self.text))

    def about(self) -> dict[str, str]:
        """What the document says of itself, without what it leaves open."""
        known = {name: getattr(self, name) for name in ("format", "date", "kind", "author_role", "setting")}
        return {name: value for name, value in known.items() if value is not None}


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A term found in a chart, with its assertion. `code` is None where the term implies no code by itself.

    A struct because a chart has dozens, and a frozen dataclass takes ten times as long to make.
    """

    text: str  # of the chart, and so not shown
    start: int
    end: int
    section: str | None
    assertion: Assertion
    cue: str | None  # not shown either
    code: str | None
    description: str | None

    def __repr__(self) -> str:
        return f"Finding({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in FINDING_SHOWS]


FINDING_SHOWS = ("start", "end", "section", "assertion", "code", "description")


@dataclass(frozen=True, slots=True)
class BilledCode:
    """A code of the list to bill. `evidence` holds indexes into `CodedChart.findings`; `rules` names what made it.

    `hcc` maps a CMS-HCC model ("V24", "V28") to the code's categories in it, mostly one ("37"); None where it has none.
    """

    code: str
    description: str
    evidence: tuple[int, ...]
    rules: tuple[str, ...] = ()
    hcc: dict[str, list[str]] | None = None


@dataclass(frozen=True, slots=True)
class RejectedCode:
    """A candidate that is not billed, and why."""

    code: str
    evidence: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CodedChart:
    """What the coder says of one chart: the list to bill in order, everything seen, and what was turned down.

    `about` and `given` are the chart's own: what it said of itself (`Chart.about`) and the codes it brought along;
    results stored before there were these two lack them.
    """

    id: str
    codes: tuple[BilledCode, ...]
    findings: tuple[Finding, ...]
    rejected: tuple[RejectedCode, ...]
    release: str
    coder: str
    engine: str
    about: dict[str, str] = field(default_factory=dict)
    given: tuple[GivenCode, ...] = ()

    def as_json(self) -> bytes:
        """The JSON object of the command line, the results store and the API, in UTF-8."""
        return msgspec.json.encode(self)

    def as_dict(self) -> dict[str, Any]:
        """The same, read."""
        value: dict[str, Any] = msgspec.json.decode(self.as_json())
        return value

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> CodedChart:
        """The inverse of `as_dict`.

        Raises:
            msgspec.ValidationError: a field is missing or of another type.
        """
        return msgspec.convert(value, cls)
