"""Libraries that talk, for the tests: each way in which one may say what it was given. The words are made up."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings

from chartcoder.chart import CodedChart
from chartcoder.errors import UnreadableChart

WORDS = "Zebulon Quarrelwort, MRN 00-4711-X"


def render(coded: CodedChart) -> str:
    """Stands for a library that meets a chart in the coding process; the chart's id says how it talks."""
    match coded.id:
        case "prints":
            print(WORDS)
            print(WORDS, file=sys.stderr)
        case "writes to the descriptors":
            os.write(1, WORDS.encode())
            os.write(2, WORDS.encode())
        case "starts a program":
            subprocess.run(["/bin/echo", WORDS], check=True)
        case "warns":
            warnings.warn(WORDS, stacklevel=1)
        case "logs":
            logging.getLogger("library").error(WORDS)
        case "raises":
            raise ValueError(WORDS)
        case "raises ours after its own":
            try:
                raise ValueError(WORDS)
            except ValueError:
                raise UnreadableChart("the document is broken")  # noqa: B904 - as a careless reader would
        case "exits":
            sys.exit(WORDS)
        case "dies":
            os.abort()
    return coded.id


WAYS = ("prints", "writes to the descriptors", "starts a program", "warns", "logs")
FAILURES = ("raises", "raises ours after its own", "exits", "dies")


def main() -> None:
    """Codes a chart for each way, as the worker does, and shows all that the worker's process learns of it."""
    from chartcoder.outlets import contain_process
    from chartcoder.pool import CodingPool
    from chartcoder.protected import trace

    contain_process()
    with CodingPool(processes=1, engine="compiled", chart_seconds=60, render=render) as pool:
        for way in WAYS + FAILURES:
            try:
                print("result:", pool.outcome(pool.submit(b"Assessment: asthma.", way)))
            except Exception as error:
                logging.getLogger("worker").exception("failed")
                print("failure:", way, repr(error), trace(error))


if __name__ == "__main__":
    main()
