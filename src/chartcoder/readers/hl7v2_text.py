"""HL7 v2's own ways with text: character sets, line ends, separators and escapes (HL7 v2.5.1, chapter 2.7)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

import hl7

from chartcoder.errors import UnreadableChart
from chartcoder.readers.text import decode

CHARACTER_SETS = {
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "ISO IR87": "iso2022_jp",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
}
"""MSH-18 (HL7 table 0211); plain ASCII, and what is not here, is told by the bytes."""
CHARACTER_SET_AT = 17  # MSH-18, counted in MSH split at its separator
SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}(?=[^\w\s]|$)")
CONTINUATION = "ADD"
FRAMING = "\x0b\x1c"  # of MLLP
BREAKS = frozenset({".br", ".sp", ".ce"})
SPACES = frozenset({".sk", ".ti", ".in"})
NO_TEXT = frozenset({".fi", ".nf", "H", "N"})
FORMATTING = re.compile(r"\.[a-z]{2}(?=[+-]?\d*$)")
HEXADECIMAL = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")


def decode_message(data: bytes) -> str:
    """A message's text, a segment a line ended by a carriage return, as `hl7.parse` wants it.

    Segments ended by line feeds are taken as such; a line that begins no segment, and an ADD segment, continue the
    one before.
    """
    text = _decoded(data).translate({ord(mark): None for mark in FRAMING}).lstrip("\ufeff \r\n\t")
    separator = text[3:4]
    segments: list[str] = []
    for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r"):
        if segments and line.startswith(CONTINUATION + separator):
            segments[-1] += line[len(CONTINUATION) + 1 :]
        elif SEGMENT.match(line):
            segments.append(line)
        elif segments and line.strip():
            segments[-1] += f"{_escape_of(text)}.br{_escape_of(text)}{line}"
    return "\r".join(segments)


def _decoded(data: bytes) -> str:
    header = data.lstrip(b"\xef\xbb\xbf\x0b \r\n\t").split(b"\r")[0].split(b"\n")[0].decode("latin-1")
    fields = header.split(header[3:4] or "|")
    said = fields[CHARACTER_SET_AT].partition("~")[0].strip() if len(fields) > CHARACTER_SET_AT else ""
    if said.upper() in CHARACTER_SETS:
        return data.decode(CHARACTER_SETS[said.upper()], errors="replace")
    return decode(data)


def _escape_of(text: str) -> str:
    return text[6:7] if len(text.split(text[3], 2)[1]) > 2 else "\\"


@dataclass(frozen=True, slots=True)
class Encoding:
    """The separators and the escape character that a message chose in its header, and how its values read."""

    field_mark: str
    component_mark: str
    repetition_mark: str
    escape: str
    subcomponent_mark: str

    @classmethod
    def of(cls, message: hl7.Message) -> Encoding:
        field_mark, component, repetition, subcomponent = message.separators[1], *_inner_marks(message)
        return cls(field_mark, component, repetition, message.esc, subcomponent)

    def field(self, segment: hl7.Segment, number: int) -> str:
        return self.text(self._raw(segment, number))

    def lines(self, segment: hl7.Segment, number: int) -> list[str]:
        """A text field's lines: its repetitions, broken where formatting says so."""
        raw = self._raw(segment, number)
        return [line for one in raw.split(self.repetition_mark) for line in self.text(one).split("\n")]

    def components(self, segment: hl7.Segment, number: int) -> list[str]:
        first = self._raw(segment, number).split(self.repetition_mark)[0]
        return [self.text(one) for one in first.split(self.component_mark)]

    def component(self, segment: hl7.Segment, field: int, number: int) -> str:
        components = self.components(segment, field)
        return components[number - 1].strip() if number <= len(components) else ""

    def text(self, raw: str) -> str:
        """A value with its escapes resolved; what is no escape of the standard stays as it is."""
        if self.escape not in raw:
            return raw
        mark = re.escape(self.escape)
        return re.sub(f"{mark}([^{mark}\r\n]{{1,80}}?){mark}", self._unescaped, raw)

    def _unescaped(self, found: re.Match[str]) -> str:
        said = found[1]
        marks = {
            "F": self.field_mark,
            "S": self.component_mark,
            "T": self.subcomponent_mark,
            "R": self.repetition_mark,
            "E": self.escape,
        }
        if said in marks:
            return marks[said]
        command = FORMATTING.match(said)
        if said in NO_TEXT or (command and command[0] in NO_TEXT):
            return ""
        if command and command[0] in BREAKS:
            return "\n"
        if command and command[0] in SPACES:
            return " "
        hexadecimal = HEXADECIMAL.fullmatch(said)
        return _of_bytes(bytes.fromhex(hexadecimal[1])) if hexadecimal else found[0]

    def _raw(self, segment: hl7.Segment, number: int) -> str:
        return str(segment[number]) if number < len(segment) else ""


def _inner_marks(message: hl7.Message) -> tuple[str, str, str]:
    """Component, repetition and subcomponent separators, in `hl7`'s order of containers."""
    repetition, component, subcomponent = message.separators[2:5]
    return component, repetition, subcomponent


def _of_bytes(data: bytes) -> str:
    """Text given as hexadecimal bytes: mostly line ends."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def embedded_file(segment: hl7.Segment, encoding: Encoding) -> bytes:
    """The bytes of an encapsulated document (ED in OBX-5): source, type, subtype, encoding, data.

    Raises:
        UnreadableChart: it is not in the encoding it says.
    """
    components = [*encoding.components(segment, 5), *[""] * 5]
    way, data = components[3].strip().lower(), components[4]
    try:
        if way == "base64":
            return base64.b64decode("".join(data.split()), validate=True)
        if way == "hex":
            return bytes.fromhex(data)
    except (binascii.Error, ValueError):
        raise UnreadableChart("the HL7 message's embedded document (ED) is not in the encoding it names") from None
    return data.encode()
