"""Charts: what became of one, its text, and its codes as FHIR."""

from __future__ import annotations

from typing import Any, cast

from chartcoder.answering.asked import PAGE, opaque
from chartcoder.answering.shapes import ChartAnswer, ChartListed, ChartsPage, ChartText, Resource
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.decisions import DecisionStore
from chartcoder.cloud.results import ResultsStore, reference_of
from chartcoder.errors import Conflict, NotFound
from chartcoder.protected import reveal
from chartcoder.readers import read_chart
from chartcoder.writers.fhir import Review, fhir_bundle


class Charts:
    """The charts of a batch."""

    def __init__(self, charts: ChartStore, results: ResultsStore, decisions: DecisionStore) -> None:
        self._charts, self._results, self._decisions = charts, results, decisions

    def page(self, batch: str, *, token: str | None = None) -> ChartsPage:
        """A page of a batch's charts that ended, by id, with their billed codes or the reason of their failure."""
        charts, next_token = self._results.charts(opaque(batch, "batch"), limit=PAGE, token=token)
        self._results.add_decisions(charts)
        return {"charts": cast("list[ChartListed]", charts), "next_token": next_token}

    def one(self, batch: str, chart: str) -> ChartAnswer:
        """One chart: its codes, findings and rejected candidates; or why it failed; or that it waits.

        Raises:
            NotFound: it was never submitted under this id.
        """
        try:
            item = self._results.chart(opaque(batch, "batch"), opaque(chart, "chart"))
        except NotFound:
            if self._charts.exists(f"{batch}/{chart}"):
                return {"id": f"{batch}/{chart}", "state": "waiting"}
            raise
        about = {"state": item["state"], "at": item["at"], "run": item["run"]}
        if item["state"] == "failed":
            failed = {"id": f"{batch}/{chart}", **about, "reason": item["reason"], "message": item["message"]}
            return cast("ChartAnswer", failed)
        return cast("ChartAnswer", item["result"] | about)

    def address(self, batch: str, chart: str) -> str | None:
        """Where the whole result of a chart may be had for five minutes; None where it is in no bucket."""
        return self._results.address(batch, chart)

    def text(self, batch: str, chart: str) -> ChartText:
        """The text that the offsets of a coded chart count in: the version that was coded, read again.

        Raises:
            NotFound: nothing is known of this chart.
            Conflict: it failed.
            ChartGone: it was deleted, or expired, since.
        """
        item = self._coded(batch, chart)
        read = read_chart(self._charts.get(reference_of(item)), chart_id=f"{batch}/{chart}")
        return {"id": read.id, "format": read.format, "text": reveal(read.text)}

    def fhir(self, batch: str, chart: str, *, with_refuted: bool) -> Resource:
        """A coded chart as a FHIR R4 Bundle, with what people decided on its codes.

        Raises:
            NotFound: nothing is known of this chart.
            Conflict: it failed.
        """
        item = self._coded(batch, chart)
        reviews = [
            Review(made.code, made.decision, made.by, made.at, made.why, made.description)
            for made in self._decisions.of(batch, chart)
            if made.upload == item["sequencer"]
        ]
        return fhir_bundle(item["result"], recorded=item["at"], reviews=reviews, with_refuted=with_refuted)

    def _coded(self, batch: str, chart: str) -> dict[str, Any]:
        item = self._results.chart(opaque(batch, "batch"), opaque(chart, "chart"))
        if item["state"] != "coded":
            raise Conflict("this chart failed; the list of failures says why")
        return item
