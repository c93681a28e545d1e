"""The resources of a deployed stack, joined."""

from __future__ import annotations

from collections.abc import Callable

from chartcoder.answering.batches import Batches
from chartcoder.answering.charts import Charts
from chartcoder.answering.codes import Codes
from chartcoder.answering.decisions import Decisions
from chartcoder.answering.failures import Failures
from chartcoder.answering.runs import Runs
from chartcoder.answering.status import StackStatus
from chartcoder.answering.submitting import Submitting
from chartcoder.cloud.charts import ChartStore
from chartcoder.cloud.decisions import DecisionStore
from chartcoder.cloud.fleet import FleetTable
from chartcoder.cloud.queue import ChartsQueue
from chartcoder.cloud.results import ResultsStore


class Answering:
    """The questions a user may ask of a stack, by resource: `answering.batches.page()`."""

    def __init__(
        self,
        *,
        charts: ChartStore,
        queue: ChartsQueue,
        results: ResultsStore,
        decisions: DecisionStore,
        fleet: FleetTable,
        describe_code: Callable[[str], str | None],
        key_state: Callable[[str], str],
    ) -> None:
        """`describe_code` gives the description of a code that may be billed, None of any other; `key_state` KMS's word
        for the state of a key."""
        self.submitting = Submitting(charts, results)
        self.batches = Batches(charts, results, fleet, queue)
        self.charts = Charts(charts, results, decisions)
        self.codes = Codes(results)
        self.decisions = Decisions(results, decisions, describe_code)
        self.failures = Failures(charts, results, queue)
        self.runs = Runs(fleet)
        self.status = StackStatus(fleet, queue, key_state)
