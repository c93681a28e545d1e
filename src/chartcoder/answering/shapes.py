"""The shapes of answers and of bodies that are asked with. The API's document is made from these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from chartcoder.chart import Assertion, BilledCode, GivenCode, RejectedCode

Count = Annotated[int, "0 or more"]
Moment = Annotated[str, "ISO 8601, UTC"]


class Problem(TypedDict):
    """What went wrong (RFC 9457). It repeats nothing of what was sent."""

    type: str
    title: str
    status: NotRequired[int]
    detail: str


class Finding(TypedDict):
    """A term found in a chart, with its assertion. `code` is None where the term implies no code by itself."""

    text: str
    start: int
    end: int
    section: str | None
    assertion: Assertion
    cue: str | None
    code: str | None
    description: str | None


class Submission(TypedDict):
    """One chart as JSON. Without `chart` it gets an id; ids hold nothing of a patient."""

    batch: str
    chart: NotRequired[str]
    text: str


class Accepted(TypedDict):
    """A chart that was taken in."""

    batch: str
    chart: str
    state: Literal["waiting"]


class ChartOfList(TypedDict):
    """A chart of a list: its text, or the document in whatever format as base64."""

    chart: NotRequired[str]
    text: NotRequired[str]
    document: NotRequired[str]


class AskedUpload(TypedDict):
    """A chart that will be uploaded by its owner."""

    chart: NotRequired[str]
    extension: NotRequired[str]


class BatchSubmission(TypedDict):
    """A batch: charts, or how many and which uploads are wanted. Without `batch` it gets an id."""

    batch: NotRequired[str]
    charts: NotRequired[list[ChartOfList]]
    uploads: NotRequired[list[AskedUpload]]


class Upload(TypedDict):
    """Where and how to PUT one chart's bytes: to `url`, with exactly these headers, before `expires_at`."""

    chart: str
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: str


class AcceptedBatch(TypedDict):
    """A batch that was taken in, or that waits for its uploads."""

    batch: str
    charts: NotRequired[list[str]]
    uploads: NotRequired[list[Upload]]


class BatchListed(TypedDict):
    batch: str
    first_seen_at: str


class BatchesPage(TypedDict):
    batches: list[BatchListed]
    next_token: str | None


class BatchProgress(TypedDict):
    """How far a batch is. `submitted_is_exact` is false where a very large batch was not counted to its end.

    `progress` is the share that ended, from 0 to 1. `expected_end` is when the queue will be empty at the speed of the
    run that works on it; null where no run works, and none of the batch is left.
    """

    batch: str
    submitted: int
    submitted_is_exact: bool
    waiting: int
    coded: int
    failed: int
    done: bool
    progress: float
    expected_end: str | None


class ChartListed(TypedDict):
    """A chart that ended. `decisions`: how many a person has made on its codes."""

    id: str
    state: Literal["coded", "failed"]
    at: str
    decisions: int
    codes: NotRequired[list[str]]
    reason: NotRequired[str]
    message: NotRequired[str]


class ChartsPage(TypedDict):
    charts: list[ChartListed]
    next_token: str | None


class ChartAnswer(TypedDict):
    """A chart: waiting, failed with its reason, or coded with its codes and findings.

    Offsets count characters of the chart's text (`.../text`), end exclusive; `evidence` holds indexes into `findings`.
    """

    id: str
    state: Literal["waiting", "coded", "failed"]
    at: NotRequired[str]
    run: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]
    codes: NotRequired[list[BilledCode]]
    findings: NotRequired[list[Finding]]
    rejected: NotRequired[list[RejectedCode]]
    release: NotRequired[str]
    coder: NotRequired[str]
    engine: NotRequired[str]
    about: NotRequired[dict[str, str]]
    given: NotRequired[list[GivenCode]]


class ChartText(TypedDict):
    """The text that a chart's offsets count in, as its reader made it of the version that was coded."""

    id: str
    format: str
    text: str


class CodeCount(TypedDict):
    code: str
    charts: int


class CodesOfBatch(TypedDict):
    """How many coded charts of a page of a batch bill each code, the commonest first. Pages add up to the batch."""

    batch: str
    charts: int
    codes: list[CodeCount]
    next_token: str | None


class ChartOfCode(TypedDict):
    id: str
    at: str
    codes: list[str]


class ChartsOfCode(TypedDict):
    """Charts that bill a code. A page may be short, and even empty, while `next_token` says that there are more."""

    code: str
    charts: list[ChartOfCode]
    next_token: str | None


class CodeDescribed(TypedDict):
    """A code of the release, and whether it may be billed (is not divided further)."""

    code: str
    description: str
    billable: bool
    release: str


class DecisionMade(TypedDict):
    """A decision on a code: accept or reject one that the coder bills, or add one.

    `current` is false where the chart was uploaded anew since: the decision was on what the coder said then.
    """

    code: str
    decision: Literal["accept", "reject", "add"]
    by: str
    at: str
    why: str | None
    description: str | None
    current: bool


class DecisionAsked(TypedDict):
    """A decision. Its maker and its time are the request's own."""

    code: str
    decision: Literal["accept", "reject", "add"]
    why: NotRequired[str]


class DecisionsAnswer(TypedDict):
    """All decisions on a chart, the first one first; of several on one code the last current one holds."""

    id: str
    decisions: list[DecisionMade]


class FailureListed(TypedDict):
    id: str
    at: str
    reason: str
    message: str
    key: str
    version: str | None


class FailuresPage(TypedDict):
    failures: list[FailureListed]
    next_token: str | None


class RedriveAsked(TypedDict):
    """Which failures to put back: of one batch, or all and the dead letters where none is named."""

    batch: NotRequired[str]


class Redriven(TypedDict):
    """How many failures and dead letters went back on the queue; `more` where the time was over before all had."""

    redriven: int
    dead_letters: int
    more: bool


class WorkerOfRun(TypedDict):
    """`still_seconds`: since it last came any further, with charts in hand. `why`: what stopped it, where it was."""

    instance: str
    coded: int
    failed: int
    state: str
    still_seconds: int
    why: str
    first_seen_at: str
    seen_at: str
    idle_since: NotRequired[str]
    dismissed_at: NotRequired[str]


class Asked(TypedDict):
    by: str
    at: str
    outcome: str


class Stage(TypedDict):
    stage: str
    outcome: str
    at: str
    detail: str


class RunRecord(TypedDict, total=False):
    """One life of the fleet: who asked for it, its stages as they happened, its end, and what it cost.

    `cost_usd` is for its instances, `requests_usd` for what its charts asked of S3, SQS, DynamoDB and KMS, and
    `usd_a_thousand` both of them for a thousand charts; all by list price.
    """

    run: str
    state: Literal["launching", "running", "draining", "done", "failed", "died"]
    asked: list[Asked]
    stages: list[Stage]
    backlog: int
    launched_at: str
    ended_at: str
    reason: str
    master: str
    workers_wanted: int
    cost_usd: float
    coded: int
    failed: int
    rate: float
    instance_type: str
    engine: str
    over_budget: bool
    budget_reached: Literal["run", "day"]
    requests_usd: float
    usd_a_thousand: float
    exit_status: int
    workers: list[WorkerOfRun]


class RunsPage(TypedDict):
    runs: list[RunRecord]
    next_token: str | None


class Why(TypedDict):
    """A reason why charts wait and nothing runs, and what to do about it."""

    cause: Literal[
        "few_charts",
        "starting",
        "no_capacity",
        "quota",
        "image",
        "key",
        "launcher",
        "watchdog",
        "budget",
        "failing_runs",
    ]
    detail: str
    remedy: str


class Watch(TypedDict, total=False):
    """The watchdog's last look."""

    at: str
    charts_waiting: int
    waiting_since: str
    why: str


class TextToCode(TypedDict):
    """A text to be coded at once; by default it has the request's id, and its setting is read from the text."""

    text: str
    id: NotRequired[str]
    setting: NotRequired[Literal["inpatient", "outpatient"]]


class CodedAnswer(TypedDict):
    """A coded text. Offsets count its characters, end exclusive; `evidence` holds indexes into `findings`."""

    id: str
    codes: list[BilledCode]
    findings: list[Finding]
    rejected: list[RejectedCode]
    release: str
    coder: str
    engine: str
    about: dict[str, str]
    given: list[GivenCode]


class InferIcd10Cm(TypedDict):
    """What InferICD10CM takes."""

    Text: str


AmzError = TypedDict("AmzError", {"__type": str, "Message": str})
"""An error as AWS's JSON services word it."""


class StatusAnswer(TypedDict):
    """What waits, what runs; and where charts wait and no worker runs, why, the likeliest cause first."""

    waiting: int
    in_flight: int
    delayed: int
    dead_letters: int
    run: RunRecord | None
    watchdog: Watch | None
    why: list[Why]


Resource = dict[str, Any]
"""A FHIR resource, or another format's JSON that its own specification describes."""
