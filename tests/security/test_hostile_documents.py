"""Hostile documents through the coding pool: each is refused in words of ours or coded for what it is, says nothing of
what it holds, and the next good chart is coded."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from chartcoder.errors import ChartError
from chartcoder.pool import CodingPool
from tests.unit.readers.documents import (
    attachment,
    base64_of,
    bundle,
    document_reference,
    docx,
    kept,
    paragraph,
    pdf,
)

SECRET = "Quarrelwort"
GOOD = b"Assessment: asthma."


class Hostile(NamedTuple):
    """A document and how it ends: the reason of its failure with words of the message, or coded (`reason` empty)."""

    data: Callable[[], bytes]
    reason: str = ""
    words: str = ""


def xml(declarations: str, body: str) -> bytes:
    document = f'<ClinicalDocument xmlns="urn:hl7-org:v3">{body}</ClinicalDocument>'
    return f'<?xml version="1.0"?>{declarations}{document}'.encode()


def laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return xml(f'<!DOCTYPE d [<!ENTITY l0 "{SECRET}">{entities}]>', "<title>&l9;</title>")


def zipped(*, size: int = 0, name: str = "word/document.xml", parts: int = 1) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(parts):
            archive.writestr(f"{name}{number or ''}", b" " * size)
    return out.getvalue()


def docx_bomb() -> bytes:
    return docx(paragraph("a" * 30_000_000) * 8)


def lying_docx() -> bytes:
    """An archive whose directory says that the document is small."""
    data = bytearray(docx(paragraph("a" * 5_000_000)))
    size = len(f"{'a' * 5_000_000}") + 200
    for width in range(size - 200, size + 400):
        data = bytearray(bytes(data).replace(width.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    return bytes(data)


def flate_bomb() -> bytes:
    """A PDF whose page's content stream unpacks to far more than it is."""
    bomb = zlib.compress(b"(" + SECRET.encode() * 40_000_000 + b") Tj", 9)
    whole = pdf("x")
    start = whole.index(b"<< /Length")
    end = whole.index(b"endstream", start)
    stream = f"<< /Filter /FlateDecode /Length {len(bomb)} >>\nstream\n".encode() + bomb + b"\n"
    return whole[:start] + stream + whole[end:]


def pdf_loop() -> bytes:
    """A page tree that is its own child."""
    return pdf("x").replace(b"/Kids [5 0 R]", b"/Kids [2 0 R]")


def nested_pdf_in_fhir(deep: int) -> bytes:
    data = GOOD
    for _ in range(deep):
        data = json.dumps(document_reference(attachment(data, "application/fhir+json"))).encode()
    return data


def fhir(**more: object) -> bytes:
    return json.dumps(document_reference(attachment(GOOD), **more)).encode()


def hl7(*segments: str) -> bytes:
    return "\r".join(["MSH|^~\\&|A|B|C|D|20260101||ORU^R01|1|P|2.5", *segments]).encode()


HOSTILE = {
    # XML
    "xml: billion laughs": Hostile(laughs, "unreadable", "document type or entities"),
    "xml: quadratic entity": Hostile(
        lambda: xml(f'<!DOCTYPE d [<!ENTITY a "{"a" * 100_000}">]>', "&a;" * 100_000), "unreadable", "entities"
    ),
    "xml: external file": Hostile(
        lambda: xml('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "<title>&x;</title>"),
        "unreadable", "entities",
    ),
    "xml: external address": Hostile(
        lambda: xml('<!DOCTYPE d [<!ENTITY x SYSTEM "http://127.0.0.1:1/x">]>', "&x;"), "unreadable", "entities"
    ),
    "xml: external document type": Hostile(
        lambda: xml('<!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd">', ""), "unreadable", "entities"
    ),
    "xml: parameter entity": Hostile(
        lambda: xml('<!DOCTYPE d [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>', ""), "unreadable", "entities"
    ),
    "xml: deep": Hostile(lambda: xml("", "<a>" * 5_000), "too_large", "deep"),
    "xml: many elements": Hostile(lambda: xml("", "<a/>" * 1_100_000), "too_large", "1,000,000"),
    "xml: undeclared entity": Hostile(lambda: xml("", f"&{SECRET};"), "unreadable", "not well-formed"),
    "xml: broken": Hostile(lambda: xml("", f"<{SECRET}"), "unreadable", "line 1"),
    "xml: unknown encoding": Hostile(
        lambda: b'<?xml version="1.0" encoding="' + SECRET.encode() + b'"?><a xmlns="x"/>', "unreadable", "encoding"
    ),
    "xml: another kind": Hostile(lambda: f'<{SECRET} xmlns="{SECRET}"/>'.encode(), "unreadable"),
    "xml: an inclusion is not followed": Hostile(
        lambda: xml("", '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'),
        "unreadable",
    ),
    # JSON
    "json: deep list": Hostile(lambda: b'[{"a":' * 200_000, "unreadable", "nested too deeply"),
    "json: deep object": Hostile(lambda: b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "unreadable", "nested too deeply"),
    "json: huge number": Hostile(lambda: b'{"text": ' + b"9" * 100_000 + b"}", "unreadable", "not JSON"),
    "json: infinite": Hostile(lambda: b'{"text": 1e999999}', "unreadable", '"text" as a string'),
    "json: names twice": Hostile(lambda: b'{"text": "x", "text": 5}', "unreadable", "stands twice"),
    "json: half a surrogate pair": Hostile(lambda: b'{"text": "asthma \\ud800"}'),
    "json: many names": Hostile(
        lambda: json.dumps({"text": "asthma"} | {f"n{n}": n for n in range(200_000)}).encode()
    ),
    "json: a setting of its own": Hostile(
        lambda: json.dumps({"text": "x", "setting": SECRET}).encode(), "unreadable", "inpatient"
    ),
    "json: prototype": Hostile(lambda: b'{"__proto__": {"x": 1}, "__class__": "os", "text": "asthma"}'),
    # FHIR
    "fhir: another resource": Hostile(
        lambda: json.dumps({"resourceType": SECRET}).encode(), "unreadable", "none of DocumentReference"
    ),
    "fhir: wrong types everywhere": Hostile(
        lambda: fhir(status={"a": [SECRET]}, content=SECRET),
        "unreadable", "not valid FHIR",
    ),
    "fhir: an unknown element": Hostile(lambda: fhir(**{SECRET: SECRET}), "unreadable", "not valid FHIR"),
    "fhir: documents in documents": Hostile(lambda: nested_pdf_in_fhir(8), "too_large", "deep"),
    "fhir: an address is not followed": Hostile(
        lambda: json.dumps(document_reference({"contentType": "text/plain", "url": "file:///etc/passwd"})).encode(),
        "unreadable", "link",
    ),
    "fhir: metadata service's address": Hostile(
        lambda: json.dumps(document_reference({"url": "http://169.254.169.254/latest/meta-data/"})).encode(),
        "unreadable", "link",
    ),
    "fhir: data that is no base64": Hostile(
        lambda: json.dumps(document_reference({"data": f"{SECRET}!"})).encode(), "unreadable"
    ),
    "fhir: a Bundle of itself": Hostile(
        lambda: json.dumps(bundle(*[{"resourceType": "Bundle", "entry": []}] * 50)).encode(),
        "unreadable", "no document",
    ),
    "fhir: entries of another shape": Hostile(
        lambda: json.dumps({"resourceType": "Bundle", "entry": [SECRET]}).encode(), "unreadable", "list of objects"
    ),
    "fhir: a narrative with a script": Hostile(
        lambda: json.dumps(
            {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"},
             "text": {"status": "generated",
                      "div": '<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script>asthma</div>'}}
        ).encode()
    ),
    # HL7 v2
    "hl7: no separators": Hostile(lambda: b"MSH|", "unreadable"),
    "hl7: separators alike": Hostile(lambda: b"MSH||||||||" + SECRET.encode(), "unreadable"),
    "hl7: embedded file that is none": Hostile(
        lambda: hl7(f"OBX|1|ED|x||^a^pdf^Base64^{SECRET}!"), "unreadable", "encoding it names"
    ),
    "hl7: embedded bomb": Hostile(
        lambda: hl7("OBX|1|ED|x||^a^docx^Base64^" + base64_of(docx_bomb())), "too_large"
    ),
    "hl7: escape without end": Hostile(lambda: hl7("OBX|1|TX|x||" + "\\X0D" * 50_000 + " asthma")),
    "hl7: many segments": Hostile(lambda: hl7(*["OBX|1|TX|x||asthma"] * 5_000)),
    "hl7: one giant field": Hostile(lambda: hl7("OBX|1|TX|x||" + "~asthma" * 20_000)),
    # PDF
    "pdf: nothing but a header": Hostile(lambda: b"%PDF-1.7\n", "unreadable", "damaged"),
    "pdf: page tree of itself": Hostile(pdf_loop, "unreadable"),
    "pdf: a bomb": Hostile(flate_bomb, "too_large"),
    "pdf: length that lies": Hostile(lambda: pdf("asthma").replace(b"/Length", b"/Lengtg")),
    "pdf: no root": Hostile(lambda: pdf(SECRET).replace(b"/Root 1 0 R", b"/Root 9 0 R")),  # pypdf finds it
    "pdf: a table of references that lies": Hostile(lambda: pdf("asthma").replace(b"0000000", b"9999999")),
    "pdf: a script": Hostile(
        lambda: pdf("asthma").replace(b"<< /Type /C", b"<< /OpenAction << /S /JavaScript /JS (x()) >> /Type /C")
    ),
    "pdf: a million pages are said": Hostile(lambda: pdf("asthma").replace(b"/Count 1", b"/Count 1000000")),
    # archives
    "zip: a bomb": Hostile(docx_bomb, "too_large", "unpacks"),
    "zip: a directory that lies": Hostile(lying_docx, "unreadable", "damaged"),
    "zip: many parts": Hostile(lambda: zipped(parts=6_000), "too_large", "parts"),
    "zip: a path upwards": Hostile(lambda: docx("", main="../../etc/passwd"), "unreadable", "no Word document"),
    "zip: an absolute path": Hostile(lambda: docx("", main="//etc/passwd"), "unreadable", "no Word document"),
    "zip: cut off": Hostile(lambda: docx(paragraph(SECRET))[:-40], "unreadable", "damaged"),
    "zip: entities in a part": Hostile(
        lambda: docx("", **{"word/document.xml": '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'}),
        "unreadable", "entities",
    ),
    "zip: deep": Hostile(lambda: docx("<w:p>" * 5_000 + "</w:p>" * 5_000), "too_large", "deep"),
    "gzip": Hostile(lambda: gzip.compress(GOOD * 1000), "unreadable", "gzip"),
    # RTF, HTML
    "rtf: groups without end": Hostile(lambda: b"{\\rtf1 " + b"{" * 500_000 + b" asthma"),
    "rtf: an object": Hostile(lambda: b"{\\rtf1 {\\object\\objdata 0105000002000000} asthma}"),
    "rtf: a character out of range": Hostile(lambda: b"{\\rtf1 \\u99999999 ? asthma}", "unreadable", "damaged"),
    "html: scripts and handlers": Hostile(
        lambda: b"<html><body onload=alert(1)><script>alert(1)</script><img src=x onerror=alert(1)>asthma</body></html>"
    ),
    "html: tags without end": Hostile(lambda: b"<html><body>" + b"<div>" * 200_000 + b"asthma"),
    "html: a comment without end": Hostile(lambda: b"<html><body>asthma <!--" + b"-" * 500_000),
    # text
    "text: one giant line": Hostile(lambda: b"asthma and no fever " * 10_000),
    "text: one giant word": Hostile(lambda: b"a" * 1_000_000),
    "text: blanks": Hostile(lambda: b"asthma" + b" " * 1_000_000),
    "text: a box without end": Hostile(lambda: b"asthma [" + b" " * 1_000_000),
    "text: boxes without end": Hostile(lambda: (b"asthma [" + b" " * 1_000) * 300),
    "text: line feeds": Hostile(lambda: b"asthma" + b"\n" * 1_000_000),
    "text: brackets": Hostile(lambda: b"(" * 1_000_000),
    "text: bidirectional marks": Hostile("\u202easthma\u202c \u2066no fever\u2069".encode),
    "text: zero width": Hostile("as\u200bth\u200dma \ufeff".encode),
    "text: combining marks": Hostile(("asthma" + "\u0301" * 500_000).encode),
    "text: emoji": Hostile(("asthma " + "\U0001f600" * 200_000).encode),
    "text: half a surrogate pair in UTF-8": Hostile(lambda: b"asthma \xed\xa0\x80 \xed\xb0\x80"),
    "text: UTF-16 without a mark": Hostile(lambda: "asthma ".encode("utf-16-le") * 50, "unreadable", "not text"),
    "text: UTF-16 cut in half": Hostile(lambda: "asthma".encode("utf-16")[:-1]),
    "text: UTF-16 of half pairs": Hostile(lambda: b"\xff\xfe" + b"\x00\xd8" * 1000, ""),
    "text: a mark and nothing": Hostile(lambda: b"\xef\xbb\xbf", "unreadable", "no text"),
    "text: overlong UTF-8": Hostile(lambda: b"asthma \xc0\xaf\xc0\xae" * 5),
    "text: NUL": Hostile(lambda: b"\x00" * 10_000, "unreadable", "not text"),
    "text: terminal commands": Hostile(lambda: b"\x1b[2J\x1b]0;x\x07" * 500, "unreadable", "control characters"),
    "text: formulas": Hostile(lambda: b"=cmd|' /C calc'!A1\nAssessment: asthma"),
    "text: a template": Hostile(lambda: b"{{7*7}} ${jndi:ldap://x} %s %n {0.__class__} asthma"),
    "text: nothing": Hostile(lambda: b"", "unreadable", "no text"),
    "picture": Hostile(lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), "unreadable", "PNG"),
    "program": Hostile(lambda: b"\x7fELF" + bytes(range(256)) * 40, "unreadable", "not text"),
}  # fmt: skip


def codes(coded):
    return [code.code for code in coded.codes]


@pytest.fixture(scope="module")
def pool():
    with CodingPool(processes=1, engine="compiled", chart_seconds=120, render=codes) as pool:
        yield pool


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_or_coded_and_the_next_chart_is_coded(pool, name):
    hostile = HOSTILE[name]
    data = hostile.data()
    assert len(data) < 10_000_000, "the bucket's limit would refuse it before"
    if hostile.reason:
        with pytest.raises(ChartError) as refusal:
            pool.outcome(pool.submit(data, "b1/hostile"))
        assert refusal.value.reason == hostile.reason
        assert hostile.words in str(refusal.value)
        assert SECRET not in repr(refusal.value)
    else:
        assert isinstance(pool.outcome(pool.submit(data, "b1/hostile")), list)
    assert pool.outcome(pool.submit(GOOD, "b1/good")) == ["J45.909"]


def test_a_document_that_only_looks_hostile_is_read(pool):
    assert "M35.00" in pool.outcome(pool.submit(kept("visit.ccda.xml"), "b1/visit"))
