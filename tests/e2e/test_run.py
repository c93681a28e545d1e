"""One run from upload to self-termination, and what its records say."""

import os

from tests.e2e.conftest import SAMPLES, SCHEDULED, tags, wait_for

BAD = {
    "charts/mixed/empty.txt": b"",
    "charts/mixed/five-megabytes.txt": b"Assessment: asthma. Denies chest pain.\n" * 131_000,
    "charts/mixed/junk.bin": os.urandom(50_000),
    "charts/mixed/not-utf8.txt": b"Assessment: asthma \xe9\xff\xfe. Plan: follow up.",
    "charts/mixed/has blanks + a plus.txt": b"Assessment: asthma.",
}


def test_a_batch_of_good_and_bad_charts_is_coded_by_a_fleet_that_leaves_nothing_behind(deploy):
    pipeline = deploy(MinWorkers="2", MaxWorkers="2", Engine="compiled")
    for sample in SAMPLES:
        pipeline.upload(f"charts/mixed/{sample.name}", sample.read_bytes())
    for key, data in BAD.items():
        pipeline.upload(key, data)

    run = wait_for(lambda: pipeline.ask("/status")["run"], "a run begins")["run"]
    watchdog = pipeline.invoke(pipeline.cloud.outputs["WatchdogFunctionName"], SCHEDULED)
    wait_for(pipeline.nothing_is_left, "the queue is drained and every instance is gone")

    # every chart ended, the bad ones with a reason that says what to do
    batch = pipeline.ask("/batches/mixed")
    assert (batch["submitted"], batch["waiting"], batch["done"]) == (len(SAMPLES) + len(BAD), 0, True)
    failures = {failure["key"]: failure for failure in pipeline.ask("/failures")["failures"]}
    reasons = {key: failure["reason"] for key, failure in failures.items()}
    assert (
        reasons.pop("charts/mixed/five-megabytes.txt", "coding_failed") == "coding_failed"
    )  # out of time on a slow host
    assert reasons == {
        "charts/mixed/empty.txt": "unreadable",
        "charts/mixed/junk.bin": "unreadable",
        "charts/mixed/has blanks + a plus.txt": "bad_key",
    }
    assert all(word in " ".join(f["message"] for f in failures.values()) for word in ("Send", "upload"))
    assert "J45.909" in [code["code"] for code in pipeline.ask("/batches/mixed/charts/not-utf8")["codes"]]

    # evidence is in the text at its offsets
    sample = SAMPLES[0]
    coded, text = pipeline.ask(f"/batches/mixed/charts/{sample.stem}"), sample.read_text()
    assert coded["findings"]
    assert all(text[one["start"] : one["end"]] == one["text"] for one in coded["findings"])

    # one run, asked for by the alarm; the watchdog asked too and was told so
    (record,) = pipeline.ask("/runs")["runs"]
    record = pipeline.ask(f"/runs/{record['run']}")
    assert record["run"] == run
    assert record["asked"][0]["by"].startswith("alarm ")
    assert record["asked"][0]["outcome"] == "launched"
    assert watchdog is not None
    assert (record["state"], record["exit_status"]) == ("done", 0)

    # stages happened in order and each ended well
    ended = [stage["stage"] for stage in record["stages"] if stage["outcome"] == "ok"]
    assert ended == ["size", "launch", "watch", "drain", "terminate_workers", "close", "terminate_self"]

    # one master, two workers, which Ansible launched and terminated before the master ended itself
    (master,) = pipeline.instances("master")
    workers = pipeline.instances("worker")
    assert len(workers) == 2
    assert {tags(worker)["chartcoder:run"] for worker in workers} == {run}
    assert sum(worker["coded"] + worker["failed"] for worker in record["workers"]) == batch["coded"] + batch["failed"]
    for states in pipeline.seen:
        if states.get(master["InstanceId"]) == "terminated":
            assert all(states[worker["InstanceId"]] == "terminated" for worker in workers)

    # what master and workers said outlives them, and no chart's words are in it
    log = pipeline.log_of(pipeline.settings.master_log_group) + pipeline.log_of(pipeline.settings.worker_log_group)
    assert "Launch | Ensure" in log
    assert '"leaving"' in log or "chart failed" in log
    assert "asthma" not in log
    assert "has blanks" not in log
