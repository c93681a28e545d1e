"""Identifiers planted in charts of every format; `embedded.leaks` searches all that a deployed pipeline leaves behind.

Nobody has these names, numbers or addresses: 912 begins no social security number, 010 is kept out of telephones.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from tests.e2e.conftest import Pipeline
from tests.unit.readers.documents import attachment, base64_of, bundle, document_reference, docx, kept, paragraph, pdf

NAME = "Zebulon Quarrelwort"
NOTE = (
    f"Patient: {NAME}. MRN: MRN-7741903. DOB: 02/27/1951. SSN 912-55-0187. Phone (555) 010-7726. "
    "Lives at 4417 Thistledown Lane. Mail zq7741903@example.invalid. Assessment: xanthopelagic asthma. "
    "Plan: brombolic therapy."
)
CANARIES = (
    "Zebulon", "Quarrelwort", "7741903", "02/27/1951", "19510227", "912-55-0187", "010-7726", "Thistledown",
    "example.invalid", "xanthopelagi", "brombolic",
)  # fmt: skip
IN_KEYS = "Petronella Wimblecrag 1938"  # of a careless sender, in an object's key: S3 and its events hold it, we do not
CANARIES_IN_KEYS = ("Petronella", "Wimblecrag")


def charts() -> dict[str, bytes]:
    """By the object's name: a good chart of each format, and bad ones, all with the same note in them."""
    note = NOTE.encode()
    plain = NOTE.replace("(", "").replace(")", "")
    html = f'<div xmlns="http://www.w3.org/1999/xhtml">{NOTE}</div>'
    report = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": NAME}, "conclusion": NOTE}
    ccda = kept("visit.ccda.xml").replace(b"<title>Progress Note</title>", f"<title>{NOTE}</title>".encode())
    good = {
        "text.txt": note,
        "utf16.txt": NOTE.encode("utf-16"),
        "object.json": json.dumps({"text": NOTE, "setting": "inpatient"}).encode(),
        "reference.json": json.dumps(document_reference(attachment(note), description=NAME)).encode(),
        "report.json": json.dumps(bundle(report, {"resourceType": "Patient", "name": [{"text": NAME}]})).encode(),
        "composition.json": json.dumps(
            {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"},
             "text": {"status": "generated", "div": html}}
        ).encode(),
        "visit.xml": ccda.replace(b"Denies chest pain.", note),
        "mdm.hl7": kept("discharge.mdm.hl7").replace(b"fever", note),
        "oru.hl7": kept("results.oru.hl7").replace(b"Pneumonia", note),
        "ed.hl7": b"MSH|^~\\&|A|B|C|D|1||ORU^R01|1|P|2.5\rPID|1||MRN-7741903||Quarrelwort^Zebulon||19510227\r"
        b"OBX|1|ED|x||^a^pdf^Base64^" + base64_of(pdf(plain)).encode(),
        "pdf-note.pdf": pdf(plain),
        "docx-note.docx": docx(paragraph(NOTE)),
        "rtf-note.rtf": rb"{\rtf1\ansi " + note + rb"\par}",
        "html-note.html": f"<html><body>{html}</body></html>".encode(),
    }  # fmt: skip
    bad = {
        "cut.xml": good["visit.xml"][: len(good["visit.xml"]) // 2],
        "entity.xml": f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY n "{NOTE}">]><d xmlns="x">&n;</d>'.encode(),
        "cut-pdf.pdf": b"%PDF-1.4\n" + note,
        "cut-docx.docx": good["docx-note.docx"][:-30],
        "broken.rtf": rb"{\rtf1 \u99999999 ? " + note,
        "wrong-types.json": json.dumps(document_reference(status=[NOTE], **{NAME: NOTE})).encode(),
        "no-base64.json": json.dumps(document_reference({"data": NOTE})).encode(),
        "withdrawn.json": json.dumps(document_reference(attachment(note), status="entered-in-error")).encode(),
        "another.json": json.dumps({"resourceType": NAME, "name": NOTE}).encode(),
        "junk.bin": note + bytes(2000),
        "slow.pdf": pdf(") Tj (".join(plain.split() * 12_000)),  # out of time, each word drawn by itself
        "empty.txt": b"",
    }
    return {f"good-{name}": data for name, data in good.items()} | {f"bad-{name}": data for name, data in bad.items()}


REQUESTS: tuple[tuple[str, str, bytes, str], ...] = (
    ("POST", "/charts", json.dumps({"batch": "canary", "chart": "api", "text": NOTE}).encode(), "application/json"),
    ("POST", "/charts", json.dumps({"batch": NAME, "text": NOTE}).encode(), "application/json"),
    ("POST", "/charts", json.dumps({"batch": "canary", "chart": NAME, "text": NOTE}).encode(), "application/json"),
    ("POST", "/charts", json.dumps({"batch": "canary", "text": [NOTE]}).encode(), "application/json"),
    ("POST", "/charts", f'{{"batch": "canary", "text": "{NOTE}'.encode(), "application/json"),
    ("POST", "/charts", NOTE.encode(), "text/plain"),
    ("POST", "/charts", b'{"batch": "canary", "text": "Zebulon \\ud800"}', "application/json"),
    ("POST", "/code", json.dumps({"text": NOTE, "setting": NAME}).encode(), "application/json"),
    ("POST", "/code", json.dumps({"text": [NOTE]}).encode(), "application/json"),
    ("POST", "/code", b"GIF89a" + NOTE.encode(), "text/plain"),
    ("POST", "/failures/redrive", json.dumps({"batch": NAME}).encode(), "application/json"),
    ("GET", "/batches/none/charts/none", b"", ""),
)


def send(pipeline: Pipeline, method: str, path: str, body: bytes, kind: str) -> tuple[int, str]:
    """One request through the API's door: the status, and the answer with its headers."""
    url, headers = pipeline.cloud.api_url + path, {"Content-Type": kind} if kind else {}
    request = urllib.request.Request(url, data=body or None, method=method, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return error.code, f"{error.headers}{error.read().decode()}"
