"""The script every instance boots with, run for real, with stand-ins for docker, aws and shutdown."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from chartcoder.cloud.instances import USER_DATA_BYTES, playbooks, user_data
from chartcoder.errors import SettingInvalid
from chartcoder.settings import Settings

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/coder@sha256:" + "0" * 64
SETTINGS = Settings(
    stack="test",
    charts_bucket="charts",
    results_bucket="results",
    charts_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/charts",
    dead_letter_queue_url="https://sqs.us-east-1.amazonaws.com/123456789012/dead",
    results_table="results",
    fleet_table="fleet",
    master_launch_template="lt-master",
    worker_launch_template="lt-worker",
    worker_spot_launch_template="lt-spot",
    control_function="launcher",
    coder_function="coder",
    worker_log_group="workers",
    master_log_group="masters",
    run="test-000001",
    coder_image=IMAGE,
    control_image=IMAGE,
)
# every stand-in writes down how it was called, then does what the test says
STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >>"$CALLS"
{}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A machine with a root of its own; `machine.boot()` runs the user data and waits for the shutdown."""
    binaries, root, calls = tmp_path / "bin", tmp_path / "root", tmp_path / "calls"
    binaries.mkdir()
    (root / "var/lib/cloud/data").mkdir(parents=True)
    (root / "var/lib/cloud/data/instance-id").write_text("i-0123456789abcdef0\n")
    started: list[subprocess.Popen[str]] = []

    def stand_in(name: str, does: str = "") -> None:
        (binaries / name).write_text(STAND_IN.format(does))
        (binaries / name).chmod(0o755)

    for name in ("shutdown", "sleep", "aws"):
        stand_in(name)
    stand_in("docker", '[ "$1" = login ] && cat >/dev/null; exit 0')

    def boot(role: str = "worker", **settings: object) -> str:
        script = tmp_path / "user-data"
        script.write_text(user_data(role, replace(SETTINGS, **settings), region="us-east-1"))
        environment = {"PATH": f"{binaries}:{os.defpath}", "CHARTCODER_HOST_ROOT": str(root), "CALLS": str(calls)}
        started.append(
            subprocess.Popen(
                ["/bin/bash", str(script)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1].communicate()[0]

    yield SimpleNamespace(
        boot=boot,
        stand_in=stand_in,
        root=root,
        calls=lambda: calls.read_text().splitlines() if calls.exists() else [],
    )
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass")


def has_shut_down(machine: SimpleNamespace) -> bool:
    # the stand-in for sleep ends at once, so that the timer of the longest life shuts down as well
    return machine.calls().count("shutdown -h now") >= 2


def test_a_worker_logs_in_pulls_its_image_by_digest_runs_it_and_shuts_down(machine):
    output = machine.boot()
    wait_until(lambda: has_shut_down(machine))

    calls = machine.calls()
    assert "aws ecr get-login-password --region us-east-1" in calls
    assert "docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com" in calls
    assert f"docker pull --quiet {IMAGE}" in calls
    [run] = [call for call in calls if call.startswith("docker run")]
    assert run.endswith(f" {IMAGE} python -m chartcoder.worker")
    for option in (
        "--rm",
        "--read-only",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--network=host",
        "--log-driver=awslogs",
        "--log-opt=awslogs-group=workers",
        "--log-opt=awslogs-stream=test-000001/i-0123456789abcdef0",
    ):
        assert f" {option} " in run
    assert calls.index(f"docker pull --quiet {IMAGE}") < calls.index(run)
    assert (machine.root / "var/lib/chartcoder/exit-status").read_text() == "0\n"
    assert "booted:" in output


def test_the_container_gets_the_settings_and_nothing_else_of_the_machine(machine):
    machine.boot()
    wait_until(lambda: has_shut_down(machine))

    file = machine.root / "etc/chartcoder/env"
    lines = file.read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    assert replace(Settings.read(environment)) == SETTINGS
    assert environment["AWS_REGION"] == "us-east-1"
    assert not {"PATH", "CALLS", "HOME"} & set(environment)
    assert file.stat().st_mode & 0o077 == 0


def test_a_master_runs_the_control_image_and_logs_to_its_own_group(machine):
    machine.boot("master", control_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/control@sha256:1")
    wait_until(lambda: has_shut_down(machine))

    [run] = [call for call in machine.calls() if call.startswith("docker run")]
    assert run.endswith("/control@sha256:1 python -m chartcoder.master")
    assert "--log-opt=awslogs-group=masters" in run


def test_the_exit_status_is_kept_and_the_instance_shuts_down_however_the_container_ends(machine):
    machine.stand_in("docker", '[ "$1" = run ] && exit 41; [ "$1" = login ] && cat >/dev/null; exit 0')
    machine.boot()
    wait_until(lambda: has_shut_down(machine))

    assert (machine.root / "var/lib/chartcoder/exit-status").read_text() == "41\n"


def test_an_instance_that_cannot_get_its_image_tries_for_minutes_and_shuts_down(machine):
    machine.stand_in("docker", '[ "$1" = pull ] && exit 1; [ "$1" = login ] && cat >/dev/null; exit 0')
    output = machine.boot()
    wait_until(lambda: has_shut_down(machine))

    pauses = [int(call.split()[1]) for call in machine.calls() if call.startswith("sleep ")]
    assert sum(pause for pause in pauses if pause < 43_200) >= 180
    assert "boot failed with status 1; shutting down" in output
    assert not [call for call in machine.calls() if call.startswith("docker run")]


def test_a_registry_that_stumbles_is_asked_again(machine):
    marker = machine.root / "stumbled"
    machine.stand_in(
        "docker",
        f'[ "$1" = login ] && cat >/dev/null; '
        f'if [ "$1" = pull ] && [ ! -e {marker} ]; then touch {marker}; exit 1; fi; exit 0',
    )
    machine.boot()
    wait_until(lambda: has_shut_down(machine))

    assert [call for call in machine.calls() if call.startswith("docker run")]


def test_the_longest_life_is_set_before_anything_else(machine):
    machine.stand_in("aws", "exit 1")
    machine.boot(longest_life_minutes=7)
    wait_until(lambda: has_shut_down(machine))

    assert "sleep 420" in machine.calls()


def test_the_container_outlives_the_boot_script_in_a_session_of_its_own(machine):
    gate = machine.root / "gate"
    os.mkfifo(gate)
    machine.stand_in("docker", f'[ "$1" = login ] && cat >/dev/null; [ "$1" = run ] && read -r _ <{gate}; exit 0')
    machine.stand_in("sleep", "exit 1")  # the timer of the longest life then ends nothing
    machine.boot()  # returns while the container still runs

    wait_until(lambda: any(call.startswith("docker run") for call in machine.calls()))
    assert "shutdown -h now" not in machine.calls()
    gate.write_text("go on\n")
    wait_until(lambda: "shutdown -h now" in machine.calls())


def test_the_registrys_token_does_not_stay_on_the_machine(machine):
    machine.boot()
    wait_until(lambda: has_shut_down(machine))

    assert not (machine.root / "run/chartcoder/docker").exists()


@pytest.mark.parametrize("value", ["$(touch /tmp/pwned)", "it's `quoted`", 'a "b" $HOME'])
def test_a_settings_value_is_never_run(value):
    text = user_data("worker", replace(SETTINGS, stack=value), region="us-east-1")
    header = text.split("#!/usr/bin/env bash")[0]

    shown = subprocess.run(
        ["/bin/bash", "-c", header + 'printf %s "$CHARTCODER_STACK"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout == value


def test_user_data_fits_into_what_ec2_takes():
    assert len(user_data("worker", SETTINGS, region="us-east-1")) < USER_DATA_BYTES / 1.5
    with pytest.raises(SettingInvalid, match="16384"):
        user_data("worker", replace(SETTINGS, charts_queue_url="x" * USER_DATA_BYTES), region="us-east-1")


def test_an_instance_without_an_image_or_a_run_is_not_booted():
    for missing in ("coder_image", "run"):
        with pytest.raises(SettingInvalid, match="its run and its image"):
            user_data("worker", replace(SETTINGS, **{missing: ""}), region="us-east-1")


def test_the_script_is_clean_to_shellcheck():
    subprocess.run(
        [str(Path(sys.executable).parent / "shellcheck"), str(playbooks() / "boot" / "instance.sh")], check=True
    )
