"""Workers that have nothing to do do not wait for the last charts."""

from tests.e2e.conftest import SAMPLES, wait_for

HELD_SECONDS = 150  # as if a worker had died with the chart in hand


def test_idle_workers_leave_while_the_last_charts_are_in_other_hands_and_nothing_is_lost(deploy):
    pipeline = deploy(MinWorkers="3", MaxWorkers="3", Engine="compiled")
    held, *others = SAMPLES[:20]
    pipeline.upload(f"charts/b1/{held.name}", held.read_bytes())
    hold_what_waits(pipeline)
    for sample in others:
        pipeline.upload(f"charts/b1/{sample.name}", sample.read_bytes())

    wait_for(lambda: living(pipeline) == 3, "three workers live")
    wait_for(lambda: living(pipeline) == 1, "two of them, idle, have left by themselves", seconds=200)
    assert pipeline.ask("/status")["in_flight"] == 1
    assert pipeline.ask("/status")["run"]["state"] == "running"
    wait_for(pipeline.nothing_is_left, "the last one codes what came back, and the run ends", seconds=300)

    (run,) = pipeline.ask("/runs")["runs"]
    workers = pipeline.ask(f"/runs/{run['run']}")["workers"]
    assert [run["state"], len(workers), sum("dismissed_at" in worker for worker in workers)] == ["done", 3, 2]
    assert sum(stage["stage"] == "launch" and stage["outcome"] == "started" for stage in run["stages"]) == 1
    batch = pipeline.ask("/batches/b1")
    assert (batch["coded"], batch["failed"], batch["done"]) == (20, 0, True)


def living(pipeline):
    return sum(one["State"]["Name"] in ("pending", "running") for one in pipeline.instances("worker"))


def hold_what_waits(pipeline):
    """Takes the one message off the queue, and does not say what became of it."""
    sqs, url = pipeline.cloud.client("sqs"), pipeline.settings.charts_queue_url

    def taken():
        return sqs.receive_message(QueueUrl=url, VisibilityTimeout=HELD_SECONDS).get("Messages")

    assert len(wait_for(taken, "S3's event is in the queue")) == 1
