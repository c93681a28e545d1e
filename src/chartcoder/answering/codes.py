"""Codes: which charts bill one."""

from __future__ import annotations

from chartcoder.answering.asked import PAGE, code_like, opaque
from chartcoder.answering.shapes import ChartsOfCode
from chartcoder.cloud.results import ResultsStore


class Codes:
    """The codes that charts bill."""

    def __init__(self, results: ResultsStore) -> None:
        self._index = results.codes

    def charts(self, code: str, *, batch: str | None = None, token: str | None = None) -> ChartsOfCode:
        """A page of the charts, of one batch or of all, that bill exactly this code, by id."""
        if batch is not None:
            opaque(batch, "batch")
        charts, next_token = self._index.charts(code_like(code), batch=batch, limit=PAGE, token=token)
        return {"code": code, "charts": [{**chart} for chart in charts], "next_token": next_token}  # type: ignore[typeddict-item]
