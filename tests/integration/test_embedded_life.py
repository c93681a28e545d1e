"""How the embedded cloud begins and ends: nothing outlives it, and what it kept is there again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.cloud import EmbeddedCloud
from embedded.emulator_process import EmbeddedCloudFailed
from embedded.ports import free_port
from embedded.processes import command_of, end, marked

PROJECT = Path(__file__).resolve().parents[2]
NO_RUNS = {"BacklogThreshold": "1000"}
STUBBORN = "#!/bin/sh\nsetsid nohup sh -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done' >/dev/null 2>&1 &\n"


def eventually(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"still not so after {seconds:.0f} s")


def launch(cloud: EmbeddedCloud, user_data: str = STUBBORN) -> str:
    """A worker that does not react to signals; its instance id."""
    answer = cloud.client("ec2").run_instances(
        LaunchTemplate={"LaunchTemplateId": cloud.outputs["WorkerLaunchTemplateId"]},
        MinCount=1,
        MaxCount=1,
        UserData=user_data,
    )
    instance = str(answer["Instances"][0]["InstanceId"])
    eventually(lambda: len(list(marked("EMBEDDED_INSTANCE", instance))) >= 2)
    return instance


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`python -m embedded` in a process of its own, up."""
    command = [sys.executable, "-m", "embedded", "--data", str(tmp_path), "--port", str(free_port(1))]
    command += ["--parameter", "BacklogThreshold=1000"]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("API ")
    yield process, tmp_path
    if process.poll() is None:
        process.kill()
    process.wait()


def emulators(data: Path) -> list[int]:
    """Emulators that keep their state in `data`."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if "embedded.emulator" in (line := command_of(pid)) and str(data) in line]


def test_stopping_leaves_no_process_not_even_of_an_instance_that_ignores_signals(tmp_path: Path) -> None:
    with EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, persist=False) as cloud:
        cloud.invoke("WatchdogFunction", {"source": "aws.events", "detail": {}})
        instance = launch(cloud)
        before = set(cloud.processes()) | set(marked("EMBEDDED_INSTANCE", instance))
        assert len(before) >= 4
    assert [pid for pid in before if command_of(pid)] == []


def test_an_instance_that_hangs_is_terminated_at_once(tmp_path: Path) -> None:
    with EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, persist=False) as cloud:
        instance = launch(cloud)
        for pid in cloud.instance_processes()[instance]:
            end(pid, signal.SIGSTOP)
        cloud.client("ec2").terminate_instances(InstanceIds=[instance])
        assert [one["State"]["Name"] for one in cloud.instances()] == ["terminated"]
        assert not list(marked("EMBEDDED_INSTANCE", instance))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_process_ends_clean_on_a_signal(
    foreground: tuple[subprocess.Popen[str], Path], number: signal.Signals
) -> None:
    process, data = foreground
    process.send_signal(number)
    assert process.wait(30) == 0
    assert emulators(data) == []


def test_nothing_outlives_a_foreground_process_that_is_killed(foreground: tuple[subprocess.Popen[str], Path]) -> None:
    process, data = foreground
    assert emulators(data)
    process.kill()
    eventually(lambda: not emulators(data))


def test_an_emulator_that_is_killed_takes_functions_and_instances_along(tmp_path: Path) -> None:
    with EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, persist=False) as cloud:
        cloud.invoke("WatchdogFunction", {"source": "aws.events", "detail": {}})
        instance, functions = launch(cloud), list(cloud.function_processes())
        cloud.emulator.process.kill()
        eventually(lambda: not list(marked("EMBEDDED_INSTANCE", instance)))
        eventually(lambda: not [pid for pid in functions if command_of(pid)])


def test_charts_results_and_stack_are_there_again_after_a_restart_and_instances_are_gone(tmp_path: Path) -> None:
    port = free_port(1)
    with EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, port=port) as cloud:
        outputs, instance = cloud.outputs, launch(cloud)
        cloud.client("s3").put_object(Bucket=outputs["ChartsBucketName"], Key="charts/b/1.txt", Body=b"kept")
        cloud.table(outputs["ResultsTableName"]).put_item(Item={"pk": "BATCHES", "sk": "b"})
        waiting = depth(cloud)
    changed = {**NO_RUNS, "MaxWorkers": "7"}  # a stack that is there is brought to the template and parameters of today
    with EmbeddedCloud(PROJECT, tmp_path, parameters=changed, port=port) as cloud:
        assert cloud.outputs == outputs
        assert cloud.settings.max_workers == 7
        body = cloud.client("s3").get_object(Bucket=outputs["ChartsBucketName"], Key="charts/b/1.txt")["Body"]
        assert body.read() == b"kept"
        assert "Item" in cloud.table(outputs["ResultsTableName"]).get_item(Key={"pk": "BATCHES", "sk": "b"})
        assert depth(cloud) == waiting
        states = {i["InstanceId"]: i["State"]["Name"] for i in cloud.instances()}
        assert states[instance] == "terminated"


def test_a_second_cloud_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, persist=False),
        pytest.raises(EmbeddedCloudFailed, match="another embedded cloud keeps its state in"),
        EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, persist=False),
    ):
        raise AssertionError("it started")


def test_a_port_that_is_taken_is_said_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port := free_port(1)))
        other.listen()
        with pytest.raises(EmbeddedCloudFailed, match=f"port {port} "):
            EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, port=port, persist=False).start()
        with pytest.raises(EmbeddedCloudFailed, match=f"port {port}, for the AWS endpoint, is taken"):
            EmbeddedCloud(PROJECT, tmp_path, parameters=NO_RUNS, port=port - 1, persist=False).start()
    assert emulators(tmp_path) == []


def depth(cloud: EmbeddedCloud) -> int:
    names = ["ApproximateNumberOfMessages"]
    answer = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.outputs["ChartsQueueUrl"], AttributeNames=names)
    return int(answer["Attributes"][names[0]])
