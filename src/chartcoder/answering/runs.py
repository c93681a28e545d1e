"""Runs: the lives of the fleet."""

from __future__ import annotations

from typing import cast

from chartcoder.answering.asked import PAGE, opaque
from chartcoder.answering.shapes import RunRecord, RunsPage
from chartcoder.cloud.fleet import FleetTable


class Runs:
    """Who asked for each, what it did and what it cost."""

    def __init__(self, fleet: FleetTable) -> None:
        self._fleet = fleet

    def page(self, *, token: str | None = None) -> RunsPage:
        """A page of runs, the newest first."""
        runs, next_token = self._fleet.runs(limit=PAGE, token=token)
        return {"runs": cast("list[RunRecord]", runs), "next_token": next_token}

    def one(self, run: str) -> RunRecord:
        """One run, with its workers.

        Raises:
            NotFound: there is no such run.
        """
        opaque(run, "run")
        return cast("RunRecord", self._fleet.run(run) | {"workers": self._fleet.workers(run)})
