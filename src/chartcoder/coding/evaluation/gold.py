"""Charts that experts coded, one JSON object a line, checked before any is coded.

    {"id": "c1", "codes": ["E11.9"], "text": "...", "specialty": "cardiology", "setting": "inpatient",
     "findings": ["E11.9", {"code": "R07.9", "assertion": "negated"}]}

`id` and `codes` (the list to bill) are needed. `text` may be left out where the charts are files of their own.
`findings` is everything the chart mentions; those whose assertion is present, or not said, are scored. A code may
also be an object with `code`, as in the coder's own answers: a corrected answer is gold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from chartcoder.chart import ASSERTIONS, Setting
from chartcoder.coding.terminology import CODE, dotted
from chartcoder.errors import BadRequest
from chartcoder.untrusted import NotJson, is_text, parse_json

SETTINGS = get_args(Setting)
UNSAID = "(none)"
"""The specialty of a chart whose line names none."""


@dataclass(frozen=True, slots=True)
class GoldChart:
    """What experts said of one chart. `findings` are the codes of what it says is present; None where they did not."""

    id: str
    codes: frozenset[str]
    findings: frozenset[str] | None = None
    text: str | None = field(default=None, repr=False)
    specialty: str = UNSAID
    setting: Setting | None = None


def read_gold(path: Path) -> list[GoldChart]:
    """The charts of a gold file.

    Raises:
        BadRequest: naming the file, the line, and what was expected there; never what the line says.
    """
    if not path.is_file():
        raise BadRequest(f"{path}: no such file")
    with path.open("rb") as lines:
        charts = list(_read_lines(lines, path))
    if not charts:
        raise BadRequest(f"{path} has no line; expected one JSON object a chart")
    return charts


def _read_lines(lines: Iterable[bytes], path: Path) -> Iterable[GoldChart]:
    first_seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            chart = _read_chart(line)
            if chart.id in first_seen:
                raise _Unexpected(f"its id is that of line {first_seen[chart.id]}; expected one line a chart")
        except _Unexpected as wrong:
            raise BadRequest(f"{path}, line {number}: {wrong}") from None
        first_seen[chart.id] = number
        yield chart


class _Unexpected(Exception):
    """What is wrong with a line, in words that quote nothing of it."""


def _read_chart(line: bytes) -> GoldChart:
    try:
        value = parse_json(line)
    except NotJson as error:
        example = '{"id": "c1", "text": "...", "codes": ["E11.9"]}'
        raise _Unexpected(f"{error}; expected an object such as {example}") from None
    if not isinstance(value, dict):
        raise _Unexpected(f"a JSON {_kind(value)}; expected an object with id and codes")
    for name in ("id", "codes"):
        if name not in value:
            raise _Unexpected(f"has no {name!r}; expected an object with id and codes")
    findings = value.get("findings")
    return GoldChart(
        id=str(_expect(value["id"], (str, int), "id")),
        codes=frozenset(_codes(value["codes"], "codes")),
        findings=None if findings is None else frozenset(_present(findings)),
        text=_expect(value["text"], (str,), "text") if "text" in value else None,
        specialty=_expect(value.get("specialty") or UNSAID, (str,), "specialty"),
        setting=_setting(value.get("setting")),
    )


def _codes(values: Any, name: str) -> list[str]:
    if not isinstance(values, list):
        raise _Unexpected(f"{name} is a {_kind(values)}; expected a list of ICD-10-CM codes")
    return [_code(_code_of(value), f"{name}[{place}]") for place, value in enumerate(values)]


def _present(values: Any) -> list[str]:
    """The codes of findings that are present; a finding that implies no code (`code` is null) is passed over."""
    if not isinstance(values, list):
        raise _Unexpected(f"findings is a {_kind(values)}; expected a list of codes or of objects with a code")
    codes = []
    for place, value in enumerate(values):
        assertion = (value.get("assertion") if isinstance(value, dict) else None) or "present"
        if assertion not in ASSERTIONS:
            raise _Unexpected(f"findings[{place}].assertion is unknown; expected one of {', '.join(ASSERTIONS)}")
        if assertion == "present" and _code_of(value) is not None:
            codes.append(_code(_code_of(value), f"findings[{place}]"))
    return codes


def _code_of(value: Any) -> Any:
    return value.get("code") if isinstance(value, dict) else value


def _code(value: Any, name: str) -> str:
    code = dotted(value.strip().upper().replace(".", "")) if isinstance(value, str) else ""
    if not re.fullmatch(CODE, code):
        raise _Unexpected(f"{name} is no ICD-10-CM code; expected one such as E11.9 or S52.501A")
    return code


def _setting(value: Any) -> Setting | None:
    if value is not None and value not in SETTINGS:
        raise _Unexpected(f"its setting is unknown; expected one of {', '.join(SETTINGS)}, or none")
    return value  # type: ignore[no-any-return]


def _expect(value: Any, kinds: tuple[type, ...], name: str) -> Any:
    if isinstance(value, str) and not is_text(value):
        raise _Unexpected(f"{name} holds half of a surrogate pair; expected text that UTF-8 can write")
    if not isinstance(value, kinds) or value == "":
        raise _Unexpected(f"{name} is {_kind(value)}; expected a string that is not empty")
    return value


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case "":
            return "an empty string"
        case str():
            return "string"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "list"
    return "object"
