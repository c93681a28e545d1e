"""The API's operations: the one table that its routes, its document and the check on the template go by.

Cheap to import, since the function does at every cold start; what makes the OpenAPI document of it is `openapi.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from chartcoder.answering import shapes

JSON = "application/json"
FHIR_JSON = "application/fhir+json"
AMZ_JSON = "application/x-amz-json-1.1"
HTML, SCRIPT, STYLE, PICTURE = "text/html", "text/javascript", "text/css", "image/svg+xml"
DOCUMENTS = (
    "text/plain",
    "text/html",
    "text/xml",
    "text/rtf",
    "application/xml",
    "application/rtf",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/hl7-v2",
    "application/octet-stream",
    FHIR_JSON,
)
"""Types that a document may be sent with. What it is is told from its bytes all the same."""
COLLECTIONS = ("application/x-ndjson", "application/fhir+ndjson", "application/hl7-v2", FHIR_JSON)

Function = Literal["api", "coder"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or a header. `schema` is JSON Schema's."""

    name: str
    description: str
    schema: dict[str, Any]
    example: Any = None
    place: Literal["query", "header"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one status means. `shape` is the type of its JSON; None has no body that is described here."""

    description: str
    shape: Any = None
    example: Any = None
    media_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    other_types: tuple[str, ...] = ()  # media types that it may have instead


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    id: str
    tag: str
    summary: str
    answers: dict[int, Answer]
    description: str = ""
    body: Any = None
    body_example: Any = None
    body_required: bool = True
    body_type: str = JSON
    other_bodies: tuple[str, ...] = ()  # types of documents that it takes besides JSON
    parameters: tuple[Parameter, ...] = ()
    refuses: tuple[int, ...] = ()  # statuses of problems, besides those that every operation may answer
    function: Function = "api"
    takes_idempotency_key: bool = False

    @property
    def fhir(self) -> bool:
        """Whether its errors are OperationOutcomes."""
        return self.path.endswith("/fhir")


ID = {"type": "string", "pattern": r"^(?!\.+$)[A-Za-z0-9._-]{1,128}$"}
CODE = {"type": "string", "pattern": r"^[A-Z][0-9A-Z]{2}(\.[0-9A-Z]{1,4})?$"}
NEXT = Parameter("next_token", "Where the last page ended: its `next_token`.", {"type": "string", "minLength": 1})
IN_BATCH = Parameter("batch", "The batch that a document goes into; a JSON body names it itself.", ID, "b1")
AS_CHART = Parameter("chart", "The document's id in its batch; without one it gets one.", ID, "c1")
KEY = Parameter(
    "Idempotency-Key",
    "The same key and request within a day give the first one's answer, and are not done twice.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    "3f2c9a4e-7d0b-4a52-9a3e-0f6f1f0c7d11",
    "header",
)
NONE_MATCH = Parameter(
    "If-None-Match",
    "ETags of answers at hand; one that still holds is answered 304.",
    {"type": "string"},
    None,
    "header",
)
MATCH = Parameter(
    "If-Match",
    "The ETag that the chart's decisions were read with.",
    {"type": "string", "minLength": 1},
    '"0-6b86b273ff34"',
    "header",
    required=True,
)
TARGET = Parameter(
    "X-Amz-Target",
    "The operation asked for.",
    {"type": "string", "enum": ["ComprehendMedical_20181030.InferICD10CM"]},
    place="header",
    required=True,
)
LOCATION = {"Location": "Where its result will be."}
ETAG = {"ETag": "Names this answer; send it as If-None-Match."}

FINDING = {
    "text": "type 2 diabetes", "start": 12, "end": 27, "section": "assessment", "assertion": "present", "cue": None,
    "code": "E11.9", "description": "Type 2 diabetes mellitus without complications",
}  # fmt: skip
CODED = {
    "id": "b1/c1", "state": "coded", "at": "2026-01-05T09:30:00.000+00:00", "run": "chartcoder-000042",
    "codes": [{"code": "E11.9", "description": FINDING["description"], "evidence": [0], "rules": [], "hcc": None}],
    "findings": [FINDING], "rejected": [], "release": "2026-04", "coder": "chartcoder 0.1.0", "engine": "compiled",
    "about": {"format": "text"}, "given": [],
}  # fmt: skip
TEXT = "ASSESSMENT:\n1. Type 2 diabetes mellitus.\n2. Hypertension. Denies chest pain."
PAGE = "<!doctype html>"
ACCEPTED = {"batch": "b1", "chart": "c1", "state": "waiting"}
DECISION = {
    "code": "E11.9", "decision": "accept", "by": "arn:aws:iam::111122223333:user/coder",
    "at": "2026-01-05T10:00:00.000+00:00", "why": "seen in the assessment", "description": None, "current": True,
}  # fmt: skip
RUN = {
    "run": "chartcoder-000042", "state": "running", "backlog": 120, "launched_at": "2026-01-05T09:27:00.000+00:00",
    "asked": [{"by": "alarm chartcoder-backlog", "at": "2026-01-05T09:27:00.000+00:00", "outcome": "launched"}],
    "stages": [], "workers_wanted": 2, "cost_usd": 0.0031,
}  # fmt: skip
FAILURE = {
    "id": "b1/c2", "at": "2026-01-05T09:31:00.000+00:00", "reason": "no_text_layer",
    "message": "the PDF is a scan: its pages have no text", "key": "charts/b1/c2.pdf", "version": "3HL4kqtJlcpXroDT",
}  # fmt: skip


def listing(summary: str, path: str, id_: str, tag: str, shape: Any, example: Any, **more: Any) -> Operation:
    """A list in pages."""
    parameters = (*more.pop("parameters", ()), NEXT, NONE_MATCH)
    ok = Answer("A page; `next_token` leads to the next one, and is null on the last.", shape, example, headers=ETAG)
    return Operation(
        "GET", path, id_, tag, summary, {200: ok, 304: Answer("The page at hand still holds.")},
        parameters=parameters, refuses=(400, 404) if "{" in path else (400,), **more,
    )  # fmt: skip


def reading(summary: str, path: str, id_: str, tag: str, shape: Any, example: Any, **more: Any) -> Operation:
    """One thing."""
    media_type, parameters = more.pop("media_type", JSON), (*more.pop("parameters", ()), NONE_MATCH)
    ok = Answer(summary, shape, example, media_type, ETAG, more.pop("other_types", ()))
    answers = {200: ok, 304: Answer("The answer at hand still holds.")}
    refuses = more.pop("refuses", (400, 404))
    return Operation(
        "GET",
        path,
        id_,
        tag,
        summary,
        answers | more.pop("answers", {}),
        parameters=parameters,
        refuses=refuses,
        **more,
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST", "/charts", "submit_chart", "charts", "Submit one chart",
        {202: Answer("It was taken in and waits to be coded.", shapes.Accepted, ACCEPTED, headers=LOCATION)},
        "As JSON, or as the document itself in any format that is read, with `batch` and `chart` in the query. A body "
        "has at most 10 MB at the gateway and 4.5 MB as a document; larger ones are uploaded: POST /batches.",
        shapes.Submission, {"batch": "b1", "chart": "c1", "text": TEXT}, other_bodies=DOCUMENTS,
        parameters=(IN_BATCH, AS_CHART, KEY), refuses=(400, 409, 413, 415, 422), takes_idempotency_key=True,
    ),
    Operation(
        "POST", "/batches", "submit_batch", "batches", "Submit a batch, or get addresses to upload its charts to",
        {202: Answer("The charts were taken in, or may be uploaded.", shapes.AcceptedBatch,
                     {"batch": "b1", "charts": ["c1"]}, headers=LOCATION)},
        "A list of up to 1,000 charts; or `uploads`, and each chart is PUT to its address, straight into the encrypted "
        "bucket, whatever its size up to the stack's MaxChartBytes; or a body of many documents (NDJSON, a FHIR "
        "Bundle, an HL7 v2 batch), each of which becomes a chart under a new id, in their order.",
        shapes.BatchSubmission, {"batch": "b1", "charts": [{"chart": "c1", "text": TEXT}]}, other_bodies=COLLECTIONS,
        parameters=(IN_BATCH, KEY), refuses=(400, 409, 413, 415, 422), takes_idempotency_key=True,
    ),
    listing("List batches, by name", "/batches", "list_batches", "batches", shapes.BatchesPage,
            {"batches": [{"batch": "b1", "first_seen_at": "2026-01-05T09:26:00.000+00:00"}], "next_token": None}),
    reading("How far a batch is", "/batches/{batch}", "get_batch", "batches", shapes.BatchProgress,
            {"batch": "b1", "submitted": 120, "submitted_is_exact": True, "waiting": 60, "coded": 59, "failed": 1,
             "done": False, "progress": 0.5, "expected_end": "2026-01-05T09:33:00+00:00"}),
    listing("Count a batch's codes, the commonest first", "/batches/{batch}/codes", "count_codes", "batches",
            shapes.CodesOfBatch,
            {"batch": "b1", "charts": 59, "codes": [{"code": "I10", "charts": 31}], "next_token": None}),
    listing("List a batch's charts that ended, by id", "/batches/{batch}/charts", "list_charts", "charts",
            shapes.ChartsPage,
            {"charts": [{"id": "b1/c1", "state": "coded", "at": CODED["at"], "decisions": 0, "codes": ["E11.9"]}],
             "next_token": None}),
    reading("A chart's codes and findings with their evidence", "/batches/{batch}/charts/{chart}", "get_chart",
            "charts", shapes.ChartAnswer, CODED,
            answers={303: Answer("The result is longer than an answer may be; it is at this address for five minutes.",
                                 headers={"Location": "The whole result, as JSON."})}),
    reading("The text that a chart's offsets count in", "/batches/{batch}/charts/{chart}/text", "get_text", "charts",
            shapes.ChartText, {"id": "b1/c1", "format": "text", "text": TEXT}, refuses=(400, 404, 409, 410, 413, 415)),
    reading("A chart's codes as a FHIR R4 Bundle", "/batches/{batch}/charts/{chart}/fhir", "get_fhir", "charts",
            shapes.Resource, {"resourceType": "Bundle", "type": "collection", "entry": []}, media_type=FHIR_JSON,
            parameters=(Parameter("refuted", "Whether to give what is refuted, too.", {"type": "boolean"}),),
            refuses=(400, 404, 409, 413)),
    reading("The decisions on a chart's codes", "/batches/{batch}/charts/{chart}/decisions", "list_decisions",
            "review", shapes.DecisionsAnswer, {"id": "b1/c1", "decisions": [DECISION]}, refuses=(400, 404, 409)),
    Operation(
        "POST", "/batches/{batch}/charts/{chart}/decisions", "decide", "review", "Accept, reject or add a code",
        {200: Answer("The decision is kept.", shapes.DecisionMade, DECISION,
                     headers={"ETag": "Names the decisions with this one; send it with the next as If-Match."})},
        "Kept beside what the coder said and never over it, with whose request it was and when. If-Match names the "
        "state that was decided on: who has not seen a colleague's decision is told so (412).",
        shapes.DecisionAsked, {"code": "E11.9", "decision": "accept", "why": "seen in the assessment"},
        parameters=(MATCH, KEY), refuses=(400, 404, 409, 412, 422, 428), takes_idempotency_key=True,
    ),
    Operation(
        "POST", "/batches/{batch}/charts/{chart}/redrive", "redrive_chart", "failures", "Try a failed chart again",
        {202: Answer("It waits to be coded again.", shapes.Accepted, ACCEPTED, headers=LOCATION)},
        refuses=(400, 404, 409),
    ),
    listing("List the charts that bill a code", "/codes/{code}/charts", "list_charts_of_code", "codes",
            shapes.ChartsOfCode,
            {"code": "I10", "charts": [{"id": "b1/c1", "at": CODED["at"], "codes": ["I10"]}], "next_token": None},
            parameters=(Parameter("batch", "Of this batch only.", ID, "b1"),)),
    listing("List failures, the newest first", "/failures", "list_failures", "failures", shapes.FailuresPage,
            {"failures": [FAILURE], "next_token": None}),
    Operation(
        "POST", "/failures/redrive", "redrive", "failures", "Try failures again",
        {200: Answer("They wait to be coded.", shapes.Redriven, {"redriven": 1, "dead_letters": 0, "more": False})},
        "Failures of a batch; where none is named, all failures and the dead letters. Ask again while `more` is true.",
        shapes.RedriveAsked, {"batch": "b1"}, body_required=False, parameters=(KEY,), refuses=(400, 409, 422),
        takes_idempotency_key=True,
    ),
    listing("List runs, the newest first", "/runs", "list_runs", "runs", shapes.RunsPage,
            {"runs": [RUN], "next_token": None}),
    reading("A run: its stages, workers and cost", "/runs/{run}", "get_run", "runs", shapes.RunRecord,
            RUN | {"workers": []}),
    reading("What waits, what runs, and why nothing does where charts wait", "/status", "get_status", "status",
            shapes.StatusAnswer,
            {"waiting": 0, "in_flight": 0, "delayed": 0, "dead_letters": 0, "run": None, "watchdog": None, "why": []},
            refuses=()),
    reading("The page that shows a batch in a browser", "/batches/{batch}/review", "review_batch", "review", str, PAGE,
            media_type=HTML),
    reading("The page to review a chart on in a browser", "/batches/{batch}/charts/{chart}/review", "review_chart",
            "review", str, PAGE, media_type=HTML),
    reading("A style, a script or the icon of the pages", "/pages/{asset}", "get_asset", "review", str, "/* … */",
            media_type=SCRIPT, other_types=(STYLE, PICTURE)),
    reading("This document", "/openapi.json", "get_document", "status", dict[str, Any], None, refuses=()),
    reading("A code's description", "/codes/{code}", "describe_code", "codes", shapes.CodeDescribed,
            {"code": "I10", "description": "Essential (primary) hypertension", "billable": True, "release": "2026-04"},
            function="coder"),
    Operation(
        "POST", "/code", "code_text", "codes", "Code one text at once",
        {200: Answer("The coded text.", shapes.CodedAnswer,
                     {name: value for name, value in CODED.items() if name not in ("state", "at", "run")})},
        "As JSON, or as the document itself in any format that is read. Nothing of it is kept. A body has at most "
        "10 MB at the gateway and 4.5 MB as a document.",
        shapes.TextToCode, {"text": TEXT, "setting": "outpatient"}, other_bodies=DOCUMENTS,
        refuses=(400, 413, 415), function="coder",
    ),
    Operation(
        "POST", "/comprehend", "infer_icd10cm", "codes", "Amazon Comprehend Medical's InferICD10CM",
        {200: Answer("The answer of InferICD10CM.", shapes.Resource, {"Entities": [], "ModelVersion": "0.1.0"},
                     media_type=AMZ_JSON),
         400: Answer("An error as that service words it.", shapes.AmzError,
                     {"__type": "InvalidRequestException", "Message": "Text is missing"}, media_type=AMZ_JSON)},
        "For clients written for that service: `boto3.client('comprehendmedical', endpoint_url=API + '/comprehend')`. "
        "A text may have more than its 10,000 characters.",
        shapes.InferIcd10Cm, {"Text": TEXT}, body_type=AMZ_JSON, parameters=(TARGET,), function="coder",
    ),
)  # fmt: skip
