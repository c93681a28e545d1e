"""S3: an event may be delivered twice.

"Amazon S3 event notifications are designed to be delivered at least once" (S3 User Guide, "Amazon S3 Event
Notifications"); ministack delivers each exactly once, unless it is asked for more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context

from ministack.services import s3

from embedded.faults import EVENTS, Faults
from embedded.patches.base import replace


def install(faults: Faults) -> None:
    """Events are delivered twice where a fault of `faults` says so."""

    @replace(s3, "_deliver_event_to_sqs", "arn", "event_payload", "bucket_region", "bucket_name")
    def deliver(original: Callable[..., None], *event: object, **named: object) -> None:
        original(*event, **named)
        if (fault := faults.of(EVENTS, "ObjectCreated")) is not None:
            context = copy_context()  # ministack keeps the account and the region there
            timer = threading.Timer(fault.lateness(), lambda: context.run(original, *event, **named))
            timer.daemon = True
            timer.start()
