"""JSON: FHIR resources, and a plain object that holds a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from chartcoder.chart import Chart, Setting
from chartcoder.errors import SeveralCharts, UnreadableChart
from chartcoder.readers.limits import SPLIT
from chartcoder.readers.text import decode
from chartcoder.readers.vocabulary import day_of
from chartcoder.untrusted import NotJson, parse_json

if TYPE_CHECKING:
    from chartcoder.readers.dispatch import Inner


def read_json(data: bytes, *, chart_id: str, inner: Inner) -> Chart:
    """A chart of a FHIR resource, or of `{"text", "setting", "date", "kind", "author_role"}`.

    Raises:
        UnreadableChart: it is damaged, JSON of another kind, or says what it must not.
        SeveralCharts: it is newline-delimited JSON of several documents.
    """
    lines = json_lines(decode(data).removeprefix("\ufeff"))
    if len(lines) > 1:
        raise SeveralCharts(f"the object holds {len(lines):,} documents, one a line: {SPLIT}")
    value = parse_json(lines[0])
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        from chartcoder.readers.fhir import read_fhir

        return read_fhir(value, chart_id=chart_id, inner=inner)
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return _of_object(value, chart_id)
    raise UnreadableChart('the JSON is neither a FHIR resource nor an object with its "text" as a string')


def json_lines(text: str) -> list[str]:
    """JSON values: the whole text, or its lines where each is an object of newline-delimited JSON.

    Raises:
        UnreadableChart: it is neither.
    """
    try:
        parse_json(text)
    except NotJson as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(_is_object(line) for line in lines):
            return lines
        raise UnreadableChart(f"begins as JSON but cannot be read as it ({error}); send it whole") from None
    return [text]


def _is_object(line: str) -> bool:
    try:
        return isinstance(parse_json(line), dict)
    except NotJson:
        return False


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
