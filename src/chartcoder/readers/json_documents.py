"""JSON: FHIR resources, and a plain object that holds a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from chartcoder.chart import Chart, Setting
from chartcoder.errors import SeveralCharts, UnreadableChart
from chartcoder.readers.limits import SPLIT
from chartcoder.readers.text import decode
from chartcoder.readers.vocabulary import day_of

if TYPE_CHECKING:
    from chartcoder.readers.dispatch import Inner


def read_json(data: bytes, *, chart_id: str, inner: Inner) -> Chart:
    """A chart of a FHIR resource, or of `{"text", "setting", "date", "kind", "author_role"}`.

    Raises:
        UnreadableChart: it is damaged, JSON of another kind, or says what it must not.
        SeveralCharts: it is newline-delimited JSON of several documents.
    """
    text = decode(data).removeprefix("\ufeff")
    lines = json_lines(text)
    if lines is None:
        raise UnreadableChart(f"begins as JSON but is not valid JSON: {_fault(text)}")
    if len(lines) > 1:
        raise SeveralCharts(f"the object holds {len(lines):,} documents, one a line: {SPLIT}")
    value = json.loads(lines[0])
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        from chartcoder.readers.fhir import read_fhir

        return read_fhir(value, chart_id=chart_id, inner=inner)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return _of_object(value, chart_id)
    raise UnreadableChart('the JSON is neither a FHIR resource nor an object with its "text" as a string')


def json_lines(text: str) -> list[str] | None:
    """JSON values: the whole text, or else its lines where each is an object of newline-delimited JSON; None where it
    is neither. Raises UnreadableChart where it is nested without end."""
    if _is_json(text):
        return [text]
    lines = [line for line in text.splitlines() if line.strip()]
    return lines if all(line.lstrip().startswith("{") and _is_json(line) for line in lines) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except RecursionError:
        raise UnreadableChart("the JSON is nested without end") from None
    except ValueError:
        return False
    return True


def _fault(text: str) -> str:
    """Where JSON goes wrong, in the parser's coordinates and not in its words."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}"
    return "its lines are not objects"


def _of_object(value: dict[str, Any], chart_id: str) -> Chart:
    setting = value.get("setting")
    if setting not in (None, *get_args(Setting)):
        raise UnreadableChart(f"the JSON's setting is none of {', '.join(get_args(Setting))}")
    facts = {name: value.get(name) for name in ("date", "kind", "author_role")}
    for name, fact in facts.items():
        if not isinstance(fact, str | None):
            raise UnreadableChart(f"the JSON's {name} is not a string")
    return Chart(
        chart_id,
        value["text"],
        setting=setting,
        format="json",
        date=day_of(facts["date"]),
        kind=facts["kind"],
        author_role=facts["author_role"],
    )
