"""What rule sets find, and the exceptions that are made for a reason.

An exception that no finding needs is an error itself: what was mended leaves the list, and a wider rule cannot hide
behind a forgotten one.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path

import yaml


class NotChecked(Exception):
    """A rule set did not run, or ran over nothing; says which and why. Never taken for "nothing found"."""


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One rule broken at one place."""

    rule: str
    """`<tool>:<rule>`, e.g. `checkov:CKV_AWS_18`."""
    at: str
    """A resource's logical id, or a file from the checkout's root."""
    says: str
    """The rule set's own words, on one line."""


@dataclass(frozen=True, slots=True)
class Excepted:
    """Rules that are broken on purpose at some places; both are shell patterns."""

    rules: tuple[str, ...]
    at: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding) -> bool:
        return _any(self.rules, finding.rule) and _any(self.at, finding.at)


def _any(patterns: tuple[str, ...], text: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def read_exceptions(path: Path) -> list[Excepted]:
    """Reads exceptions.yaml.

    Raises:
        NotChecked: an entry lacks its rules, its places or its reason; names the entry by number.
    """
    exceptions = []
    for number, entry in enumerate(yaml.safe_load(path.read_text()), start=1):
        if not isinstance(entry, dict) or set(entry) != {"rules", "at", "reason"} or not all(entry.values()):
            raise NotChecked(f"{path.name}: entry {number} needs rules, at and reason, and nothing else")
        exceptions.append(Excepted(tuple(entry["rules"]), tuple(entry["at"]), str(entry["reason"])))
    return exceptions


def judge(findings: set[Finding], exceptions: list[Excepted]) -> list[str]:
    """The complaints, one line each: findings without an exception, then exceptions with a part that nothing needs."""
    complaints = [
        f"{finding.rule} at {finding.at}: {finding.says}"
        for finding in sorted(findings)
        if not any(exception.covers(finding) for exception in exceptions)
    ]
    for exception in exceptions:
        for rule in exception.rules:
            for place in exception.at:
                one = Excepted((rule,), (place,), exception.reason)
                if not any(one.covers(finding) for finding in findings):
                    complaints.append(f"the exception of {rule} at {place} matches nothing: take it out")
    return complaints
