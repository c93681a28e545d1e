"""The coder function inside its image: how long it takes to be ready, and then to answer `POST /code`.

    docker build -f worker_image/Dockerfile -t coder . && python -m bench.coder_function --image coder

Runs in a container as hardened as an instance's, without a network. Processor time besides the clock's, since a busy
machine's clock says little. A Lambda with the template's 1,769 MB has one processor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from chartcoder.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
INSIDE = """
import json, sys, time
started = time.clock_gettime(time.CLOCK_BOOTTIME)
with open("/proc/self/stat") as stat:  # field 22: when the process began, in hundredths of a second since the boot
    began = int(stat.read().rpartition(")")[2].split()[19]) / 100
import worker_image.function as function
ready, processor = time.clock_gettime(time.CLOCK_BOOTTIME), time.process_time()
event, calls = json.loads(sys.stdin.readline()), int(sys.argv[1])
class Context:
    function_name = "coder"; memory_limit_in_mb = 1769; aws_request_id = "r"; function_version = "1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:coder"
    def get_remaining_time_in_millis(self): return 60000
def call():
    before = time.perf_counter(), time.process_time()
    answer = function.handler(event, Context())
    assert answer["statusCode"] == 200, answer
    return 1000 * (time.perf_counter() - before[0]), 1000 * (time.process_time() - before[1])
found = {"ready": (1000 * (ready - began), 1000 * processor), "first": call(), "warm": [call() for _ in range(calls)]}
print(json.dumps(found), file=sys.stderr)
"""


def note(length: int) -> str:
    """A note of the samples' own words, `length` characters long."""
    text = "\n\n".join(path.read_text() for path in sorted((ROOT / "samples" / "charts").glob("*.txt")))
    return text[:length]


def measure(image: str, *, length: int, calls: int) -> dict[str, Any]:
    """Milliseconds, each by the clock and of the processor: until ready, for the first answer, for each warm one."""
    event = json.loads((ROOT / "events" / "coder" / "http.json").read_text())
    event |= {"body": json.dumps({"text": note(length)})}
    settings = [f"--env={PREFIX}{field.name.upper()}=unused" for field in fields(Settings) if field.default is MISSING]
    command = [
        "docker",
        "run",
        "--rm",
        "--interactive",
        "--network=none",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
    ]
    command += ["--cpus=1", *settings, image, "python", "-c", INSIDE, str(calls)]
    done = subprocess.run(command, input=json.dumps(event) + "\n", capture_output=True, text=True, check=True)  # noqa: S603
    found: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default="coderfunction:coder", help="default: what `sam build` makes")
    parser.add_argument("--length", type=int, default=3000, help="characters of the note")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    runs = [measure(options.image, length=options.length, calls=options.calls) for _ in range(options.starts)]
    print(f"milliseconds, medians of {len(runs)} starts{'clock':>13}{'processor':>12}")
    for name, times in {
        "ready after": [run["ready"] for run in runs],
        "first answer": [run["first"] for run in runs],
        "warm answer": [one for run in runs for one in run["warm"]],
    }.items():
        clock, processor = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{name:35}{clock:8.1f}{processor:12.1f}")


if __name__ == "__main__":
    main()
