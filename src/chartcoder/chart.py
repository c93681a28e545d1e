"""The values that travel: a chart goes in, a coded chart comes out.

All offsets count characters of `Chart.text` (Unicode code points, as Python's `str` does), end exclusive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Assertion = Literal["present", "negated", "possible", "historical", "family", "hypothetical", "other_person"]
ASSERTIONS: tuple[Assertion, ...] = get_args(Assertion)

Setting = Literal["inpatient", "outpatient"]

ID_PATTERN = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,128}")
"""A batch's or a chart's id: opaque, without protected health information (it shows in keys, URLs and audit logs)."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One clinical document, as a reader gives it to the coder.

    `id` is `<batch>/<chart>` in the pipeline and free on the command line; `setting` decides how uncertain diagnoses
    are coded (Official Guidelines II.H and IV.H) and is read from the chart itself where it is None.
    """

    id: str
    text: str = field(repr=False)  # protected health information: kept out of tracebacks and logs
    setting: Setting | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A term found in a chart, with its assertion. `code` is None where the term implies no code by itself."""

    text: str = field(repr=False)
    start: int
    end: int
    section: str | None
    assertion: Assertion
    cue: str | None = field(repr=False)
    code: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class BilledCode:
    """A code of the list to bill. `evidence` holds indexes into `CodedChart.findings`; `rules` names what made it."""

    code: str
    description: str
    evidence: tuple[int, ...]
    rules: tuple[str, ...] = ()
    hcc: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RejectedCode:
    """A candidate that is not billed, and why."""

    code: str
    evidence: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CodedChart:
    """What the coder says of one chart: the list to bill in order, everything seen, and what was turned down."""

    id: str
    codes: tuple[BilledCode, ...]
    findings: tuple[Finding, ...]
    rejected: tuple[RejectedCode, ...]
    release: str
    coder: str
    engine: str

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of the command line, the results store and the API.

        Written out: `dataclasses.asdict` copies every value, which took a sixth of the whole coder's time.
        """
        return {
            "id": self.id,
            "codes": [_fields(code) for code in self.codes],
            "findings": [_fields(finding) for finding in self.findings],
            "rejected": [_fields(code) for code in self.rejected],
            "release": self.release,
            "coder": self.coder,
            "engine": self.engine,
        }

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> CodedChart:
        """The inverse of `as_dict`, also after a round through JSON."""
        return cls(
            id=value["id"],
            codes=tuple(
                BilledCode(**{**code, "evidence": tuple(code["evidence"]), "rules": tuple(code["rules"])})
                for code in value["codes"]
            ),
            findings=tuple(Finding(**finding) for finding in value["findings"]),
            rejected=tuple(RejectedCode(**{**code, "evidence": tuple(code["evidence"])}) for code in value["rejected"]),
            release=value["release"],
            coder=value["coder"],
            engine=value["engine"],
        )


_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (BilledCode, Finding, RejectedCode)}


def _fields(value: BilledCode | Finding | RejectedCode) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _NAMES[type(value)]}
