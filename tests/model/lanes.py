"""Lanes: code that runs until its next call to AWS, and then waits for its turn.

Of lanes never two run at once. At every call to AWS it hands control back, so that whoever drives the
lanes says who makes the next call, what the service does with it, and whether the caller lives to hear the answer. The
code in a lane is the real one and knows nothing of this: botocore's own event `before-send` is where it waits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from greenlet import getcurrent, greenlet
from moto.core.botocore_stubber import MockRawResponse

# what a service may do with a call
DONE = "done"
THROTTLED = "throttled"
FAULTY = "a fault of the service's"
UNREACHED = "never reached"
UNANSWERED = "done and never answered"
DIES_BEFORE = "the caller dies before"
DIES_AFTER = "the caller dies after"
CALL_FATES = (THROTTLED, FAULTY, UNREACHED, UNANSWERED, DIES_BEFORE, DIES_AFTER)
BY_CODE = "by code: "  # with the service's code behind it


class Killed(BaseException):
    """The process is gone: nothing in it goes on, and whatever its `finally` asks of AWS never gets there."""


class Lane:
    """One thread of one process, stopped before its next call to AWS. It is a greenlet: a switch costs next to nothing,
    and one of them runs at a time."""

    def __init__(self, lanes: Lanes, name: str, work: Callable[[Lane], None], *, wakes_at: float = 0.0) -> None:
        self.name, self.wakes_at = name, wakes_at
        self.killed = False
        self.error: BaseException | None = None
        self.call = "its start"  # what it waits to do
        self._lanes, self._work = lanes, work
        self._greenlet = greenlet(self._live, parent=lanes.driver)

    @property
    def ended(self) -> bool:
        return bool(self._greenlet.dead or (self.killed and not self._greenlet))  # one that never ran is not dead

    def advance(self, fate: str = DONE) -> None:
        """Lets the lane make the call that it waits for, and go on to the next one."""
        self._lanes.current = self
        self._greenlet.switch(fate)
        self._lanes.current = None

    def kill(self) -> None:
        """Ends the lane where it is."""
        if not self.ended:
            self.killed = True
            if self._greenlet:  # it has begun
                self._lanes.current = self
                self._greenlet.throw(Killed)
                self._lanes.current = None
            assert self.ended, f"{self.name} outlived its death"

    def sleep(self, seconds: float) -> None:
        """Called by the code in the lane: waits for the clock."""
        self.wakes_at = self._lanes.clock.now + seconds
        self._hand_back(f"sleep {seconds:g}")

    def at_call(self, event_name: str, request: Any) -> AWSResponse | None:
        """What becomes of a call of this lane's."""
        if self.killed:
            raise Killed
        _, service, operation = event_name.split(".")
        fate = self._hand_back(f"{service}.{operation}")
        if fate == DIES_BEFORE:
            raise Killed
        if fate == UNREACHED:
            raise ConnectTimeoutError(endpoint_url=request.url)
        if fate == THROTTLED:
            return refusal(service, request.url, 400, "ThrottlingException")
        if fate == FAULTY:
            return refusal(service, request.url, 503, "ServiceUnavailable")
        if fate.startswith(BY_CODE):
            return refusal(service, request.url, 400, fate.removeprefix(BY_CODE))
        answer = self._lanes.answer(event_name, request)
        if fate == DONE:
            return answer
        raise Killed if fate == DIES_AFTER else ReadTimeoutError(endpoint_url=request.url)

    def _live(self, _: str) -> None:
        try:
            self._work(self)
        except BaseException as error:
            self.error = error

    def _hand_back(self, call: str) -> str:
        """Waits for its turn, and gives what becomes of the call."""
        self.call = call
        fate: str = self._lanes.driver.switch()
        return fate


class Clock:
    """Seconds since the epoch, which move when they are told to; the services' clock, too."""

    def __init__(self, now: float) -> None:
        self.now = now

    def move(self, seconds: float) -> None:
        self.now += seconds


class Lanes:
    """What the lanes of one world share. `stubber` answers in the services' place: moto's own."""

    def __init__(self, clock: Clock, stubber: Callable[..., AWSResponse | None]) -> None:
        self.clock = clock
        self.driver = getcurrent()
        self.current: Lane | None = None
        self._stubber = stubber

    def before_send(self, event_name: str, request: Any, **_: Any) -> AWSResponse | None:
        """botocore's event: a call that no lane makes is the driver's own, and is answered at once."""
        return self.answer(event_name, request) if self.current is None else self.current.at_call(event_name, request)

    def answer(self, event_name: str, request: Any) -> AWSResponse | None:
        return self._stubber(event_name, request)


def refusal(service: str, url: str, status: int, code: str) -> AWSResponse:
    """A service's answer that it does not: in the form that botocore makes its ClientError of."""
    if service in ("dynamodb", "sqs", "kms", "lambda"):
        body = json.dumps({"__type": f"com.amazonaws.{service}#{code}", "message": "made by the test"})
    elif service == "ec2":
        body = f"<Error><Code>{code}</Code><Message>made by the test</Message></Error>"
        body = f"<Response><Errors>{body}</Errors></Response>"
    else:
        body = f"<Error><Code>{code}</Code><Message>made by the test</Message></Error>"
    return AWSResponse(url, status, {"content-type": "application/x-amz-json-1.0"}, MockRawResponse(body))
