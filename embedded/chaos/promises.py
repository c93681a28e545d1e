"""The promises of docs/operations.md, each looked after in what a chaos run has left."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from chartcoder import Chart, Coder
from chartcoder.cloud.charts import references
from chartcoder.cloud.results import unpack
from chartcoder.readers import read_chart
from embedded.chaos.charts import CANARIES, Writer
from embedded.chaos.memory import Memory
from embedded.chaos.records import Journal
from embedded.chaos.system import System
from embedded.leaks import Search, items_of

CHART = "CHART#"
TEST_EVENTS = 1  # S3 sends one when a bucket's notification is made
SHOWN = 5  # of what breaks a promise


@dataclass(slots=True)
class Promise:
    """One promise, and what breaks it; nothing does where it held."""

    says: str
    broken_by: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.broken_by


@dataclass(slots=True)
class Found:
    """What is in the stores: chart's id -> its item; batch -> its tally."""

    items: dict[str, dict[str, Any]]
    tallies: dict[str, dict[str, int]]

    @classmethod
    def look(cls, system: System) -> Found:
        items: dict[str, dict[str, Any]] = {}
        tallies: dict[str, Counter[str]] = {batch: Counter() for batch in system.batches}
        for item in items_of(system.cloud, system.settings.results_table):
            batch = item["pk"].removeprefix("BATCH#")
            if item["sk"].startswith(CHART):
                items[f"{batch}/{item['sk'].removeprefix(CHART)}"] = item
            elif item["sk"].startswith("TALLY#"):
                for state in ("coded", "failed"):
                    tallies.setdefault(batch, Counter())[state] += int(item.get(state, 0))
        return cls(items, {batch: dict(tally) for batch, tally in tallies.items()})

    def count(self, state: str) -> int:
        return sum(item["state"] == state for item in self.items.values())


def of_the_faults(journal: Journal, faults: int) -> Promise:
    """That there was a storm at all."""
    struck = len(journal.struck)
    return Promise(f"{faults} faults struck", [f"{struck} of them did"] * (struck < faults))


def of_results(system: System, journal: Journal, found: Found) -> Iterator[Promise]:
    """Nothing lost, nothing doubled, everything accounted for."""
    submitted = set(journal.latest)
    yield Promise(
        "every submitted chart has one result or one failure",
        [f"{len(lost)} lost: {_some(lost)}"] if (lost := submitted - set(found.items)) else [],
    )
    yield Promise(
        "nothing has a result that was not submitted",
        [f"{len(more)} more: {_some(more)}"] if (more := set(found.items) - submitted) else [],
    )
    counted = {batch: {"coded": 0, "failed": 0} for batch in found.tallies}
    for id_, item in found.items.items():
        counted.setdefault(id_.partition("/")[0], {"coded": 0, "failed": 0})[item["state"]] += 1
    wrong = [
        f"batch {batch}: tally {tally}, items {counted[batch]}"
        for batch, tally in found.tallies.items()
        if {state: tally.get(state, 0) for state in ("coded", "failed")} != counted[batch]
    ]
    yield Promise("each batch's tally is the number of its results, so that none was counted twice", wrong)
    failed = {id_ for id_, item in found.items.items() if item["state"] == "failed"}
    listed, token = system.results.failures(limit=100)
    while token:
        page, token = system.results.failures(limit=100, token=token)
        listed += page
    ids = {failure["id"] for failure in listed}
    yield Promise(
        "every failure is listed with a reason, and nothing else is",
        [f"not listed: {_some(failed - ids)}"] * bool(failed - ids)
        + [f"listed, and not failed: {_some(ids - failed)}"] * bool(ids - failed)
        + [f"listed twice: {len(listed) - len(ids)}"] * (len(listed) != len(ids))
        + [f"no reason: {_some({f['id'] for f in listed if not f.get('reason')})}"]
        * any(not f.get("reason") for f in listed),
    )
    letters = dead_letters(system)
    named = [ref.id for letter in letters for ref in references(letter, bucket=system.settings.charts_bucket)]
    yield Promise(
        "every dead letter is of a chart that has a result or a failure",
        [f"not accounted for: {_some(set(named) - set(found.items))}"] * bool(set(named) - set(found.items)),
    )


def after_redrive(journal: Journal, found: Found, writer: Writer) -> Promise:
    """What only the faults made fail is coded once it is tried again."""
    bad = {id_ for id_, (number, _) in journal.latest.items() if writer.is_bad(number)}
    failed = {id_ for id_, item in found.items.items() if item["state"] == "failed"}
    others = {id_: found.items[id_]["reason"] for id_ in failed - bad}
    return Promise(
        "after a redrive every readable chart is coded, and those that nobody can read have failed",
        [f"still failed: {_some(f'{id_} ({reason})' for id_, reason in others.items())}"] * bool(others)
        + [f"coded, though unreadable: {_some(bad - failed)}"] * bool(bad - failed),
    )


def of_the_fleet(system: System, journal: Journal) -> Iterator[Promise]:
    """Nothing is left running, and no two runs ran at once."""
    alive, processes = system.alive(), [str(pid) for pid in system.leftovers()]
    yield Promise("no instance is left", [f"{len(alive)} alive: {_some(alive)}"] * bool(alive))
    yield Promise(
        "no process of an instance is left", [f"{len(processes)} alive: {_some(processes)}"] * bool(processes)
    )
    lease = system.fleet.lease()
    yield Promise("the lease is free", [f"held by {lease.run}"] if lease else [])
    depth = system.queue.depth()
    yield Promise("no message waits or is in hand", [f"{depth}"] if depth.total else [])
    together = [" and ".join(runs) for runs in sorted(journal.overlaps)]
    yield Promise("never were two runs under way at once", [f"seen at once: {_some(together)}"] * bool(together))


def of_the_coder(found: Found, journal: Journal, writer: Writer, engine: str, *, sample: int, seed: int) -> Promise:
    """A result is what the coder gives for that text, the last that was uploaded, and for no other."""
    coder, wrong = Coder(engine=engine), []
    coded = sorted(id_ for id_, item in found.items.items() if item["state"] == "coded" and "result" in item)
    for id_ in random.Random(f"sample/{seed}").sample(coded, min(sample, len(coded))):  # noqa: S311 - which are looked at
        number, version = journal.latest[id_]
        chart: Chart = read_chart(writer.write(number, version=version), chart_id=id_)
        if unpack(bytes(found.items[id_]["result"])) != json.loads(json.dumps(coder.code(chart).as_dict())):
            wrong.append(id_)
    return Promise(
        f"a result is what the coder gives for the chart's last text ({min(sample, len(coded))} compared)",
        [f"{len(wrong)} differ: {_some(wrong)}"] * bool(wrong),
    )


def of_the_charts_words(search: Search) -> Promise:
    """Nothing of a chart is outside the encrypted stores."""
    places = search.found(CANARIES)
    return Promise(
        "no identifier planted in a chart is in a log, metric, tag, key, message, trace, table's key or file",
        [f"{place}: {', '.join(words)}" for place, words in list(places.items())[:SHOWN]],
    )


def of_memory(memory: Memory, *, stores: tuple[str, ...] = ("emulator",)) -> Promise:
    """`stores`: what keeps charts and results itself, and so grows with them."""
    grown = {kind: sizes for kind, sizes in memory.grown().items() if kind not in stores}
    return Promise(
        "no process that keeps no charts goes on growing",
        [f"{kind}: {warm:.0f} MB when warm, {last:.0f} MB at the end" for kind, (warm, last) in grown.items()],
    )


def of_calm(journal: Journal, charts: int) -> Promise:
    """While nothing dies, no chart is handed to two: its worker's heart beats for it however long it takes."""
    expected = charts + TEST_EVENTS
    return Promise(
        "a chart in a living worker's hand is not given to another, though it takes longer than a message is invisible",
        [f"{journal.handed_out} messages were handed out for {charts} charts"] * (journal.handed_out > expected),
    )


def dead_letters(system: System) -> list[str]:
    """The bodies of all dead letters, which stay where they are."""
    sqs, url = system.cloud.client("sqs"), system.settings.dead_letter_queue_url
    held: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
        held += messages
    for message in held:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return [message["Body"] for message in held]


def _some(ids: Any) -> str:
    shown = sorted(ids)
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")
