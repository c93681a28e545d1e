"""A short chaos run: `make chaos` is the long one."""

import json
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT

CHARTS, FAULTS, SEED = 300, 15, 844


@pytest.mark.timeout(900)
def test_every_promise_holds_whatever_fails_in_mid_run(tmp_path):
    report = tmp_path / "report.json"
    size = ["--charts", str(CHARTS), "--faults", str(FAULTS), "--seed", str(SEED), "--patience", "300"]
    command = [sys.executable, "-m", "embedded.chaos", *size, "--report", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    told = json.loads(report.read_text())
    assert told["held"] is True
    assert all(promise["held"] for promise in told["promises"])
    assert (told["charts"], told["faults_struck"], told["instances_left"]) == (CHARTS, FAULTS, 0)
    assert told["coded"] + told["failed"] == CHARTS
    assert sum(row["faults"] for row in told["faults"].values()) == FAULTS
    assert told["uploads"] >= CHARTS
