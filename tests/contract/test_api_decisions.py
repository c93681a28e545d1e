"""What people decide on a chart's codes: kept beside the coder's answer, and never on what they have not seen."""

import pytest

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, pack
from chartcoder.errors import UnreadableChart
from tests.contract.test_api import CALLER, call, results, store

__all__ = ["call", "results"]

DECISIONS = "/batches/b1/charts/c1/decisions"


def coded(*codes, sequencer="1"):
    finding = {
        "text": "high blood pressure", "start": 0, "end": 19, "section": "assessment", "assertion": "present",
        "cue": None, "code": "I10", "description": "Essential (primary) hypertension",
    }  # fmt: skip
    billed = [{"code": code, "description": code, "evidence": [0], "rules": [], "hcc": None} for code in codes]
    result = {
        "id": "b1/c1", "codes": billed, "findings": [finding], "rejected": [], "release": "2026-04",
        "coder": "chartcoder 0.1.0", "engine": "compiled", "about": {}, "given": [],
    }  # fmt: skip
    return Outcome(ChartReference("charts/b1/c1.txt", "v1", None, sequencer), "coded", codes, pack(result))


@pytest.fixture
def decide(call, results):
    """Decides on the chart as it is now; gives (status, headers, body)."""
    store(results, coded("I10", "J45.909"))

    def send(code, decision, *, tag=None, caller=CALLER, **more):
        tag = tag or call("GET", DECISIONS)[1]["ETag"]
        body = {"code": code, "decision": decision, **more}
        return call("POST", DECISIONS, body, headers={"If-Match": tag}, caller=caller)

    return send


def test_a_decision_is_kept_with_whose_it_is_when_and_why(call, decide):
    status, _, made = decide("I10", "accept", why="seen twice")

    assert (status, made["by"], made["why"], made["current"]) == (200, CALLER, "seen twice", True)
    assert call("GET", DECISIONS)[2] == {"id": "b1/c1", "decisions": [made]}


def test_a_change_of_mind_is_another_decision_and_the_first_one_stays(call, decide):
    decide("I10", "accept")
    decide("I10", "reject", caller="arn:aws:iam::111122223333:user/second")

    decisions = call("GET", DECISIONS)[2]["decisions"]
    assert [(made["decision"], made["by"].rpartition("/")[2]) for made in decisions] == [
        ("accept", "coder"),
        ("reject", "second"),
    ]


def test_the_coders_answer_stays_what_it_was(call, decide):
    before = call("GET", "/batches/b1/charts/c1")[2]
    decide("I10", "reject")

    assert call("GET", "/batches/b1/charts/c1")[2] == before


def test_who_has_not_seen_a_colleagues_decision_is_told_so(call, decide):
    seen = call("GET", DECISIONS)[1]["ETag"]
    decide("I10", "accept", tag=seen)

    assert decide("I10", "reject", tag=seen)[0] == 412
    assert len(call("GET", DECISIONS)[2]["decisions"]) == 1


def test_the_answer_to_a_decision_names_the_state_that_the_next_one_is_made_on(decide):
    tag = decide("I10", "accept")[1]["ETag"]

    assert decide("J45.909", "reject", tag=tag)[0] == 200


def test_a_decision_without_the_state_it_is_made_on_is_refused(call, decide):
    assert call("POST", DECISIONS, {"code": "I10", "decision": "accept"})[0] == 428


def test_a_chart_that_was_coded_anew_is_decided_on_anew(call, decide, results):
    seen = call("GET", DECISIONS)[1]["ETag"]
    decide("I10", "accept", tag=seen)
    tag = call("GET", DECISIONS)[1]["ETag"]
    store(results, coded("I10", sequencer="2"))

    assert decide("I10", "accept", tag=tag)[0] == 412
    assert [made["current"] for made in call("GET", DECISIONS)[2]["decisions"]] == [False]


def test_an_added_code_is_one_of_the_release(decide):
    assert decide("E11.9", "add")[2]["description"] == "Type 2 diabetes mellitus without complications"
    status, _, problem = decide("E11", "add")
    assert (status, "expected" in problem["detail"]) == (400, True)


@pytest.mark.parametrize(("code", "decision"), [("E11.9", "accept"), ("E11.9", "reject"), ("I10", "add")])
def test_a_decision_that_makes_no_sense_is_a_conflict(decide, code, decision):
    assert decide(code, decision)[0] == 409


@pytest.mark.parametrize(
    "body",
    [
        {"code": "I10"},
        {"code": "I10", "decision": "perhaps"},
        {"code": "I10", "decision": ["accept"]},
        {"code": "hypertension", "decision": "accept"},
        {"code": "I10", "decision": "accept", "why": " "},
        {"code": "I10", "decision": "accept", "why": "x" * 2_001},
        {"code": "I10", "decision": "accept", "who": "somebody else"},
    ],
)
def test_a_malformed_decision_is_refused(call, decide, body):
    status, _, problem = call("POST", DECISIONS, body, headers={"If-Match": call("GET", DECISIONS)[1]["ETag"]})

    assert (status, "expected" in problem["detail"]) == (400, True)
    assert call("GET", DECISIONS)[2]["decisions"] == []


def test_nothing_is_decided_on_a_chart_that_failed_or_is_unknown(call, results):
    failed = Outcome.failed(ChartReference("charts/b1/c1.txt", "v1", None, "1"), UnreadableChart("no text"))
    store(results, failed)

    assert call("GET", DECISIONS)[0] == 409
    assert call("GET", "/batches/b1/charts/c9/decisions")[0] == 404


def test_what_was_decided_shows_in_fhir_and_in_the_list_of_charts(call, decide):
    decide("I10", "accept")
    decide("J45.909", "reject")
    decide("E11.9", "add")

    status, headers, bundle = call("GET", "/batches/b1/charts/c1/fhir", query={"refuted": "true"})
    conditions = {
        entry["resource"]["code"]["coding"][0]["code"]: entry["resource"]["verificationStatus"]["coding"][0]["code"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Condition"
    }
    assert (status, headers["Content-Type"]) == (200, "application/fhir+json")
    assert conditions == {"I10": "confirmed", "J45.909": "refuted", "E11.9": "confirmed"}
    assert [chart["decisions"] for chart in call("GET", "/batches/b1/charts")[2]["charts"]] == [3]
