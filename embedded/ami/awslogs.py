"""Docker's awslogs driver: a container's lines go to a stream of a CloudWatch log group, with the instance's role."""

from __future__ import annotations

import queue
import sys
import threading
import time
import urllib.error

from embedded.ami import metadata

BATCH, SECONDS = 500, 1.0  # lines and time after which what was gathered is sent
_END = None


class LogStream:
    """Sends lines from a thread of its own, in batches; what CloudWatch refuses is said on stderr."""

    def __init__(self, group: str, stream: str) -> None:
        self._group, self._stream = group, stream
        self._lines: queue.SimpleQueue[tuple[int, str] | None] = queue.SimpleQueue()
        self._create()
        self._sender = threading.Thread(target=self._send_all, name="awslogs")
        self._sender.start()

    def write(self, line: str) -> None:
        """Send a line; an empty one is dropped, as the driver does."""
        if line:
            self._lines.put((time.time_ns() // 1_000_000, line))

    def close(self) -> None:
        """Send what is left."""
        self._lines.put(_END)
        self._sender.join()

    def _create(self) -> None:
        where = {"logGroupName": self._group, "logStreamName": self._stream}
        try:
            metadata.call("logs", "Logs_20140328.CreateLogStream", dict(where))
        except urllib.error.HTTPError as error:
            if b"ResourceAlreadyExistsException" not in (body := error.read()):
                raise SystemExit(f"docker: failed to create the log stream {where}: {body.decode()}") from None

    def _send_all(self) -> None:
        ended = False
        while not ended:
            batch: list[tuple[int, str]] = []
            deadline = time.monotonic() + SECONDS
            while len(batch) < BATCH and not ended:
                try:
                    item = self._lines.get(timeout=max(0.0, deadline - time.monotonic()) if batch else None)
                except queue.Empty:
                    break
                ended = item is _END
                if item is not _END:
                    batch.append(item)
            if batch:
                self._send(batch)

    def _send(self, batch: list[tuple[int, str]]) -> None:
        events = [{"timestamp": at, "message": line} for at, line in batch]
        request: dict[str, object] = {"logGroupName": self._group, "logStreamName": self._stream, "logEvents": events}
        try:
            metadata.call("logs", "Logs_20140328.PutLogEvents", request)
        except (urllib.error.URLError, TimeoutError) as error:
            print(f"docker: awslogs: {len(batch)} lines were lost: {error}", file=sys.stderr)
