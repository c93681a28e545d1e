"""Ways to break a promise: each takes one safeguard away, and the model must notice every one of them.

They are patches of the code on purpose: what is tested with them is the test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from chartcoder import watching
from chartcoder.answering.failures import REDRIVER, Failures
from chartcoder.cloud.fleet import LEASE, FleetTable, Lease
from chartcoder.cloud.results import ResultsStore, _Write
from chartcoder.worker import Worker
from tests.model import lives
from tests.model.lives import Life

Mutation = Callable[[pytest.MonkeyPatch], None]


def delete_before_store(patch: pytest.MonkeyPatch) -> None:
    """A worker deletes a message, and stores its result after that."""
    store = Worker._store

    def mutated(self: Worker) -> None:
        self._queue.delete([self._hand[message_id].delivery for message_id, _ in self._ended])
        store(self)

    patch.setattr(Worker, "_store", mutated)


def no_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever asks has the lease, whoever holds it."""

    def mutated(self: FleetTable, stack: str, *, seconds: int, now: datetime) -> Lease:
        generation = int(self._table.get_item(Key=LEASE).get("Item", {}).get("generation", 0)) + 1
        taken = Lease(f"{stack}-{generation:06d}", generation, int(now.timestamp()) + seconds)
        item = LEASE | {"generation": generation, "run": taken.run, "expires_at": taken.expires_at}
        self._table.put_item(Item=item)
        return taken

    patch.setattr(FleetTable, "take_lease", mutated)


def no_heartbeat(patch: pytest.MonkeyPatch) -> None:
    """A worker does not keep its messages invisible."""
    patch.setattr(Worker, "_extend", lambda self: None)


def no_reaper(patch: pytest.MonkeyPatch) -> None:
    """The watchdog ends nothing."""
    patch.setattr(watching, "_terminate", lambda parts, found, doomed: None)


def results_without_a_condition(patch: pytest.MonkeyPatch) -> None:
    """A result is written over whatever is there."""
    put = ResultsStore._put

    def mutated(self: ResultsStore, write: Any, **about: Any) -> dict[str, Any]:
        written = put(self, write, **about)
        return {name: written[name] for name in ("TableName", "Item")}

    patch.setattr(ResultsStore, "_put", mutated)


def forgotten_before_it_is_queued(patch: pytest.MonkeyPatch) -> None:
    """A redrive takes a failure off the list, and puts its chart on the queue after that."""
    put_back = Failures._put_back

    def mutated(self: Failures, failures: list[dict[str, Any]]) -> None:
        for failure in failures:
            self._results.forget_failure(failure, worker=REDRIVER)
        put_back(self, failures)

    patch.setattr(Failures, "_put_back", mutated)


def a_second_failure_is_no_news(patch: pytest.MonkeyPatch) -> None:
    """A chart that fails again after a redrive keeps its old failure, which the redrive is about to forget."""
    settle = ResultsStore._settle

    def mutated(self: ResultsStore, outcome: Any) -> _Write | None:
        write = settle(self, outcome)
        again = write is not None and write.old is not None and outcome.state == "failed"
        return None if again and write.old["sequencer"] == outcome.reference.sequencer else write  # type: ignore[union-attr,index]

    patch.setattr(ResultsStore, "_settle", mutated)


def dead_letters_stay(patch: pytest.MonkeyPatch) -> None:
    """Nobody makes failures of dead letters."""
    patch.setattr(watching, "_list_dead_letters", lambda parts, found: None)


NOTICED_BY: dict[Mutation, Life] = {
    delete_before_store: lives.a_worker_dies_before_it_stores,
    no_lease: lives.two_alarms_ask_at_once,
    no_heartbeat: lives.in_peace,
    no_reaper: lives.a_master_hangs,
    results_without_a_condition: lives.everything_comes_twice,
    forgotten_before_it_is_queued: lives.a_redrive_dies_half_way,
    a_second_failure_is_no_news: lives.a_chart_fails_again_before_its_redrive_has_forgotten_it,
    dead_letters_stay: lives.workers_die_as_they_receive,
}
