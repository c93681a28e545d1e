"""Identifiers planted in charts of every format, and the search through all that a deployed pipeline leaves behind.

Nobody has these names, numbers or addresses: 912 begins no social security number, 010 is kept out of telephones.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from embedded.cloud import EmbeddedCloud
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
        b"OBX|1|ED|x||^a^pdf^Base64^" + base64_of(pdf(NOTE.replace("(", "").replace(")", ""))).encode(),
        "pdf-note.pdf": pdf(NOTE.replace("(", "").replace(")", "")),
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
        "slow.txt": (NOTE + "\n").encode() * 25_000,  # out of time
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


def segments(cloud: EmbeddedCloud) -> list[str]:
    """Every segment document of every trace, as X-Ray has it."""
    xray, now = cloud.client("xray"), datetime.now(UTC)
    summaries = xray.get_trace_summaries(StartTime=now - timedelta(hours=6), EndTime=now)["TraceSummaries"]
    traces = xray.batch_get_traces(TraceIds=[summary["Id"] for summary in summaries])["Traces"]
    return [segment["Document"] for trace in traces for segment in trace["Segments"]]


class Search:
    """Everything that a pipeline wrote outside its encrypted stores, by place."""

    def __init__(self, pipeline: Pipeline, files: Path) -> None:
        """`files`: the embedded cloud's data folder."""
        self._pipeline, self._cloud, self._files = pipeline, pipeline.cloud, files
        self._passing: dict[str, str] = {}

    def look_at_what_passes(self) -> None:
        """Keeps what is gone by the end: instances' files and scratch folders, processes' environments."""
        for instance, pids in self._cloud.instance_processes().items():
            self._keep_files(Path("/tmp") / f"chartcoder-{instance}")  # noqa: S108 - where its /tmp is
            for pid in [*pids, *self._cloud.function_processes()]:
                for name in ("environ", "cmdline"):
                    with contextlib.suppress(OSError):  # ended meanwhile
                        self._passing[f"/proc/{pid}/{name}"] = Path(f"/proc/{pid}/{name}").read_text(errors="replace")

    def _keep_files(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                if path.is_file():
                    self._passing[str(path)] = path.read_text(errors="replace")

    def found(self, words: tuple[str, ...], *, but: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """Where any of the words stands, plain or in base64: place -> the words. `but`: places not to look at."""
        said = {word: _forms(word) for word in words}
        places: dict[str, list[str]] = {}
        for place, text in self.everything():
            if not place.startswith(but):
                low = text.lower()
                if seen := [word for word, forms in said.items() if any(form in low for form in forms)]:
                    places.setdefault(place, []).extend(seen)
        return places

    def everything(self) -> Iterator[tuple[str, str]]:
        """(place, text) of all there is."""
        yield from self._passing.items()
        for path in self._files.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield f"file {path.relative_to(self._files)}", path.name + path.read_text(errors="replace")
        yield "traces", "\n".join(segments(self._cloud))
        yield from self._logs()
        yield from self._metrics()
        yield from self._instances()
        yield from self._keys()
        yield from self._messages()
        for path in ("/status", "/runs", "/failures"):
            yield f"answer {path}", json.dumps(self._pipeline.ask(path))

    def _logs(self) -> Iterator[tuple[str, str]]:
        logs = self._cloud.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            yield f"log {name}", json.dumps(group, default=str) + self._pipeline.log_of(name)

    def _metrics(self) -> Iterator[tuple[str, str]]:
        cloudwatch = self._cloud.client("cloudwatch")
        yield "metrics", json.dumps(cloudwatch.list_metrics()["Metrics"], default=str)
        yield "alarms", json.dumps(cloudwatch.describe_alarms(), default=str)
        for dashboard in cloudwatch.list_dashboards()["DashboardEntries"]:
            yield "dashboard", cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"]

    def _instances(self) -> Iterator[tuple[str, str]]:
        ec2 = self._cloud.client("ec2")
        yield "instances and tags", json.dumps(self._cloud.instances(), default=str)
        yield "tags", json.dumps(ec2.describe_tags()["Tags"], default=str)
        yield "launch templates", json.dumps(ec2.describe_launch_templates(), default=str)

    def _keys(self) -> Iterator[tuple[str, str]]:
        s3 = self._cloud.client("s3")
        for bucket in s3.list_buckets()["Buckets"]:
            listed = s3.list_object_versions(Bucket=bucket["Name"])
            yield f"objects {bucket['Name']}", json.dumps(listed, default=str)
        settings = self._cloud.settings
        items = self._cloud.table(settings.results_table).scan()["Items"]
        for item in items:
            shown = {name: value for name, value in item.items() if name not in ("result", "key")}
            yield f"result {item['pk']} {item['sk']}", json.dumps(shown, default=str)
        yield "runs", json.dumps(self._cloud.table(settings.fleet_table).scan()["Items"], default=str)

    def _messages(self) -> Iterator[tuple[str, str]]:
        sqs = self._cloud.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            yield f"queue {url}", json.dumps(attributes)
            held: list[dict[str, Any]] = []
            while messages := sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=0, AttributeNames=["All"]
            ).get("Messages"):
                held += messages
            for message in held:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
            yield f"messages {url}", json.dumps([(message["Body"], message["Attributes"]) for message in held])


def _forms(word: str) -> set[str]:
    """A word as it may be written: plain, form-encoded, and in base64 at each of its three places."""
    forms = {word, urllib.request.quote(word), word.replace(" ", "+")}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + word.encode()).decode()
        inner = encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4]
        if len(inner) >= 8:
            forms.add(inner)
    return {re.sub(r"\s+", " ", form).lower() for form in forms}
