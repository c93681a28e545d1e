"""The stack's key is disabled while charts wait: nothing starts, everybody says why, and afterwards all are coded."""

from collections.abc import Callable

from tests.e2e.conftest import SAMPLES, Pipeline, wait_for

BATCH = "b1"
CHARTS = SAMPLES[:6]


def failure_of(pipeline: Pipeline, function: str) -> str:
    """What a function fails with."""
    answer = pipeline.cloud.client("lambda").invoke(FunctionName=function, Payload="{}")
    assert "FunctionError" in answer
    said: str = answer["Payload"].read().decode()
    return said


def test_charts_that_wait_under_a_disabled_key_lose_no_try_and_are_coded_once_it_is_back(
    deploy: Callable[..., Pipeline],
) -> None:
    pipeline = deploy(BacklogThreshold="1000", LongestWaitMinutes="1", LeaseSeconds="60")
    stack, kms = pipeline.settings.stack, pipeline.cloud.client("kms")
    key = pipeline.cloud.outputs["KeyArn"]
    for chart in CHARTS:
        pipeline.upload(f"charts/{BATCH}/{chart.name}", chart.read_bytes())
    kms.disable_key(KeyId=key)

    for _ in range(4):  # more often than a chart has tries
        said = failure_of(pipeline, f"{stack}-launcher")
        assert "KeyUnusable" in said
        assert "KMS key is Disabled" in said

    assert pipeline.cloud.instances() == []
    assert pipeline.ask("/status")["why"][0]["cause"] == "key"

    kms.enable_key(KeyId=key)
    launched = pipeline.invoke(f"{stack}-launcher", {})
    assert launched["outcome"] == "launched"
    wait_for(pipeline.nothing_is_left, "the run ends and leaves nothing behind")
    assert pipeline.ask(f"/batches/{BATCH}")["coded"] == len(CHARTS)
    assert pipeline.ask("/failures")["failures"] == []
