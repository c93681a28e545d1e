"""Decisions of people on a chart's codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from chartcoder.answering.asked import code_like, members, opaque, text_of
from chartcoder.answering.shapes import DecisionMade, DecisionsAnswer
from chartcoder.cloud.decisions import Decision, DecisionStore, Verdict, version_of
from chartcoder.cloud.results import ResultsStore
from chartcoder.errors import BadRequest, Conflict, NotFound, PreconditionMissing, Stale

LONGEST_WHY = 2_000  # characters


class Decisions:
    """Who accepted, rejected or added which code, when and why; beside what the coder said."""

    def __init__(self, results: ResultsStore, store: DecisionStore, describe_code: Callable[[str], str | None]) -> None:
        self._results, self._store, self._describe = results, store, describe_code

    def of(self, batch: str, chart: str) -> tuple[DecisionsAnswer, str]:
        """All decisions on a chart, and the version that the next one has to name.

        Raises:
            NotFound: nothing is known of this chart.
            Conflict: it is not coded.
        """
        upload = self._coded(batch, chart)["sequencer"]
        decisions = self._store.of(batch, chart)
        answer: DecisionsAnswer = {
            "id": f"{batch}/{chart}",
            "decisions": [as_answer(decision, upload) for decision in decisions],
        }
        return answer, version_of(decisions, upload)

    def decide(self, batch: str, chart: str, body: Any, *, by: str, version: str | None) -> tuple[DecisionMade, str]:
        """Keeps one decision, and gives the version that the next one has to name.

        Args:
            by: whose request it is.
            version: what `of` gave, so that nobody decides on what they have not seen.

        Raises:
            PreconditionMissing: no version was named.
            Stale: somebody decided meanwhile, or the chart was coded anew.
            Conflict: the chart failed, or the code is not one to decide so on.
        """
        asked = members(body, "code", "decision", "why")
        code = code_like(asked.get("code"))
        decision: Verdict = asked.get("decision")  # type: ignore[assignment]
        if decision not in get_args(Verdict):
            raise BadRequest(f"decision is none of those expected: {', '.join(get_args(Verdict))}")
        why = None if asked.get("why") is None else text_of(asked["why"], "why", most=LONGEST_WHY)
        item = self._coded(batch, chart)
        upload: str = item["sequencer"]
        if version is None:
            raise PreconditionMissing("expected If-Match with the ETag that the chart's decisions were read with")
        decisions = self._store.of(batch, chart)
        if version != version_of(decisions, upload):
            raise Stale(
                "somebody decided on this chart meanwhile, or it was coded anew; get its decisions again and decide "
                "on what they are now"
            )
        made = self._store.add(
            batch, chart, code=code, decision=decision, by=by, upload=upload, seen=len(decisions), why=why,
            description=self._fitting(decision, code, item["codes"], added=_added(decisions, upload)),
        )  # fmt: skip
        return as_answer(made, upload), version_of([*decisions, made], upload)

    def _fitting(self, decision: Verdict, code: str, billed: list[str], *, added: set[str]) -> str | None:
        """The description of a code that is added. Raises Conflict where such a decision makes no sense."""
        if decision != "add":
            taken_back = decision == "reject" and code in added
            if code not in billed and not taken_back:
                raise Conflict(f"{code} is not among the codes that the coder bills for this chart; add it instead")
            return None
        if code in billed:
            raise Conflict(f"the coder bills {code} already; accept it instead")
        description = self._describe(code)
        if description is None:
            raise BadRequest(f"{code} cannot be billed in the coder's release; expected a code that is not divided")
        return description

    def _coded(self, batch: str, chart: str) -> dict[str, Any]:
        item = self._results.record(opaque(batch, "batch"), opaque(chart, "chart"))
        if item is None:
            raise NotFound("no result yet for this chart: it was not submitted under this id, or waits to be coded")
        if item["state"] != "coded":
            raise Conflict("this chart failed, so that there is no code to decide on")
        return item


def _added(decisions: list[Decision], upload: str) -> set[str]:
    """The codes that people added to what the coder says of this upload."""
    return {made.code for made in decisions if made.decision == "add" and made.upload == upload}


def as_answer(decision: Decision, upload: str) -> DecisionMade:
    return {
        "code": decision.code,
        "decision": decision.decision,
        "by": decision.by,
        "at": decision.at,
        "why": decision.why,
        "description": decision.description,
        "current": decision.upload == upload,
    }
