"""HL7 v2 messages that carry documents: MDM (transcriptions) and ORU (reports and results)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import hl7

from chartcoder.chart import Chart, GivenCode, Setting
from chartcoder.errors import SeveralCharts, UnreadableChart
from chartcoder.readers.hl7v2_text import Encoding, decode_message, embedded_file
from chartcoder.readers.limits import SPLIT
from chartcoder.readers.rendering import ChartText
from chartcoder.readers.vocabulary import (
    INPATIENT_DOCUMENTS,
    SETTING_OF_PATIENT_CLASS,
    SYSTEM_OF_HL7_TABLE,
    category_of,
    day_of,
)

if TYPE_CHECKING:
    from chartcoder.readers.dispatch import Inner

KINDS = ("MDM", "ORU")
CANCELS = frozenset({"T11"})  # the trigger event that cancels a document
NOT_REPORTED = frozenset({"D", "W", "X"})  # OBX-11 (table 0085): deleted, wrong, cannot be obtained
PROSE = frozenset({"TX", "FT", "ST", "CF"})
FILES = frozenset({"ED"})
POINTERS = frozenset({"RP"})
ABNORMAL = {"H": "high", "L": "low", "HH": "critically high", "LL": "critically low", "A": "abnormal"}
RESULTS = "results"  # the coder's category: a value that no clinician comments on gives no code (Guidelines III.B)
KIND_OF_MESSAGE = re.compile(r"[A-Z][A-Z0-9]{2}")


def read_hl7v2(data: bytes, *, chart_id: str, inner: Inner) -> Chart:
    """A chart of a message's observations (OBX): consecutive ones of one identifier are lines under its name.

    Text keeps its line breaks (`\\.br\\`, repetitions, one OBX a line); a number stands with name, unit and flag; notes
    (NTE) follow what they comment. An embedded file (ED) is read as what it is. DG1's codes are the given ones.

    Raises:
        UnreadableChart: it is no MDM or ORU, cancels a document, or its text lies elsewhere.
        SeveralCharts: it is a batch, or the results of several patients.
    """
    text = decode_message(data)
    message = _parse(text)
    encoding = Encoding.of(message)
    _check(message, encoding)
    chart = _Observations(message, encoding, inner).read(chart_id)
    return Chart(
        chart_id,
        chart.text,
        setting=_setting(message, encoding) or chart.setting,
        format="hl7v2",
        sections=chart.sections,
        date=_date(message, encoding),
        kind=_kind(message, encoding),
        given=(*chart.given, *_given_codes(message, encoding)),
    )


def _parse(text: str) -> hl7.Message:
    try:
        return hl7.parse(text)
    except (hl7.exceptions.HL7Exception, AssertionError, IndexError, ValueError):  # asserts that separators differ
        raise UnreadableChart("the HL7 message cannot be parsed; expected segments that begin with MSH") from None


def _check(message: hl7.Message, encoding: Encoding) -> None:
    names = [str(segment[0]) for segment in message]
    header = _first(message, "MSH")
    if header is None:
        raise UnreadableChart("the HL7 batch holds no message; expected a segment MSH")
    if names.count("MSH") > 1:
        raise SeveralCharts(f"the HL7 batch holds {names.count('MSH'):,} messages: {SPLIT}")
    kind, event = encoding.component(header, 9, 1), encoding.component(header, 9, 2)
    if kind not in KINDS:
        shown = kind if KIND_OF_MESSAGE.fullmatch(kind) else "unknown"
        raise UnreadableChart(f"the HL7 message is of type {shown}; expected {' or '.join(KINDS)}")
    if event in CANCELS:
        raise UnreadableChart("the HL7 message cancels a document (MDM^T11)")
    if names.count("PID") > 1:
        raise SeveralCharts(
            f"the HL7 message holds results of {names.count('PID'):,} patients; send one message for each"
        )


class _Observations:
    """A message's observations as text, in their order."""

    def __init__(self, message: hl7.Message, encoding: Encoding, inner: Inner) -> None:
        self._message, self._encoding, self._inner = message, encoding, inner
        self._text = ChartText()
        self._heading: tuple[str, str | None] = ("", None)  # of the lines that are being collected, with its category
        self._lines: list[str] = []
        self._files: list[Chart] = []
        self._elsewhere = 0

    def read(self, chart_id: str) -> Chart:
        for segment in self._message:
            name = str(segment[0])
            if name == "OBX" and self._encoding.field(segment, 11) not in NOT_REPORTED:
                self._observe(segment)
            elif name == "NTE":
                self._lines += self._encoding.lines(segment, 3)
            elif name == "OBR":
                self._begin("", None)
        self._begin("", None)
        if self._files and not self._text.text.strip():
            return self._files[0] if len(self._files) == 1 else _joined(self._files, chart_id)
        for held in self._files:
            self._text.add(None, held.text)
        if not self._text.text.strip() and self._elsewhere:
            raise UnreadableChart(
                "the HL7 message only points at its document (RP); expected it embedded (ED) or as text"
            )
        return Chart(chart_id, self._text.text, sections=tuple(self._text.sections))

    def _observe(self, segment: hl7.Segment) -> None:
        kind = self._encoding.field(segment, 2)
        if kind in FILES:
            self._files.append(self._inner(embedded_file(segment, self._encoding)))
            return
        if kind in POINTERS:
            self._elsewhere += 1
            return
        name = self._encoding.component(segment, 3, 2) or self._encoding.component(segment, 3, 1)
        if kind in PROSE:
            self._begin(name, category_of(self._encoding.component(segment, 3, 1)))
            self._lines += self._encoding.lines(segment, 5)
            return
        self._begin("", RESULTS)
        self._lines.append(self._value(segment, name, kind))

    def _value(self, segment: hl7.Segment, name: str, kind: str) -> str:
        """A result on one line: "Potassium: 5.9 mmol/L (high)"."""
        if kind in ("CE", "CWE", "CNE"):
            value = self._encoding.component(segment, 5, 2) or self._encoding.component(segment, 5, 1)
        else:
            value = " ".join(part for part in self._encoding.components(segment, 5) if part)
        unit = self._encoding.component(segment, 6, 1)
        flag = ABNORMAL.get(self._encoding.component(segment, 8, 1))
        return " ".join(part for part in (f"{name}: {value}", unit, f"({flag})" if flag else "") if part)

    def _begin(self, heading: str, category: str | None) -> None:
        """Ends the lines collected under another heading."""
        if (heading, category) == self._heading != ("", None):
            return
        if self._lines:
            self._text.add(self._heading[0] or None, "\n".join(self._lines), self._heading[1])
        self._heading, self._lines = (heading, category), []


def _joined(charts: list[Chart], chart_id: str) -> Chart:
    text = ChartText()
    for chart in charts:
        text.add(None, chart.text)
    return Chart(chart_id, text.text, given=tuple(code for chart in charts for code in chart.given))


def _first(message: hl7.Message, name: str) -> hl7.Segment | None:
    return next((segment for segment in message if str(segment[0]) == name), None)


def _said(message: hl7.Message, encoding: Encoding, places: tuple[tuple[str, int], ...]) -> str | None:
    """The first component of the first of some fields that says something."""
    for name, number in places:
        segment = _first(message, name)
        value = encoding.component(segment, number, 1) if segment is not None else ""
        if value:
            return value
    return None


def _setting(message: hl7.Message, encoding: Encoding) -> Setting | None:
    patient_class = _said(message, encoding, (("PV1", 2),)) or ""
    said = SETTING_OF_PATIENT_CLASS.get(patient_class)
    return said or ("inpatient" if _kind(message, encoding) in INPATIENT_DOCUMENTS else None)


def _date(message: hl7.Message, encoding: Encoding) -> str | None:
    return day_of(_said(message, encoding, (("TXA", 4), ("OBR", 7), ("TXA", 6), ("PV1", 44))))


def _kind(message: hl7.Message, encoding: Encoding) -> str | None:
    return _said(message, encoding, (("TXA", 2), ("OBR", 4)))


def _given_codes(message: hl7.Message, encoding: Encoding) -> list[GivenCode]:
    codes = []
    for segment in message:
        if str(segment[0]) != "DG1":
            continue
        code, display, table = (encoding.component(segment, 3, number) for number in (1, 2, 3))
        table = table or encoding.field(segment, 2)  # the coding method, before 2.7
        if code:
            codes.append(GivenCode(SYSTEM_OF_HL7_TABLE.get(table.upper(), table), code, display or None))
    return codes
