"""What an AWS service's error means for who asked: ask again, stop everything, or neither.

    retry   it passes by itself: throttled, a service's own fault, no answer in time, no connection
    stop    asking again does not help, nor does asking for another chart: the key is out of use, the role lacks a
            right, a queue, a table or a bucket is gone. The run ends, says so, and keeps its charts
    other   a fault of ours, or of the one thing that was asked for

What is wrong with one chart is a `ChartError`, and no error of a service's. The clients ask again by themselves first
(botocore, with jitter and a ceiling of twenty seconds); `Patience` is for who must outlast what those do not.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from typing import Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)

from chartcoder.errors import KeyUnusable, QueueRefused

Kind = Literal["retry", "stop", "other"]

RETRY = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "KMS.ThrottlingException",
        "KmsThrottled",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "Unavailable",
    }
)
"""The services' codes for what passes by itself: those that botocore asks again for (`botocore.retries.standard`), and
what SQS, DynamoDB and KMS say of their own limits (their API references, "Errors")."""

STOP = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthFailure",
        "AWS.SimpleQueueService.NonExistentQueue",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "NoSuchBucket",
        "NotAuthorized",
        "OptInRequired",
        "QueueDeletedRecently",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
"""The services' codes for what no asking again mends. SQS, S3 and DynamoDB tell of their key besides, by codes that
begin with KMS (`KMS.DisabledException`, `KmsInvalidState`, `KMSInvalidStateException`)."""

OF_THE_KEY = re.compile(r"kms", re.IGNORECASE)
NO_ANSWER = (
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
    CredentialRetrievalError,  # the role's credentials come from the metadata service, which may stumble
)

CEILING_SECONDS = 30.0  # between two tries
LONGEST_SECONDS = 600.0  # of trying


def kind_of(error: BaseException) -> Kind:
    """What an error means for who asked."""
    if isinstance(error, KeyUnusable):
        return "stop"
    if isinstance(error, QueueRefused):
        return _kind_of_codes(error.codes)
    if isinstance(error, ClientError):
        return _kind_of_answer(error)
    return "retry" if isinstance(error, NO_ANSWER) else "other"


def tells_of_the_key(error: ClientError) -> bool:
    """Whether a service says that it could not use a KMS key: by its code or, where it denies access, by its words."""
    said = error.response.get("Error", {})
    code = str(said.get("Code", ""))
    denied = code in ("AccessDenied", "AccessDeniedException")
    return bool(OF_THE_KEY.match(code) or (denied and OF_THE_KEY.search(str(said.get("Message", "")))))


def _kind_of_answer(error: ClientError) -> Kind:
    reasons = [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", ())]
    if reasons:  # of a transaction: it passes where all of them do
        return _kind_of_codes(code for code in reasons if code != "None")
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return "retry"
    return _kind_of_codes([str(error.response.get("Error", {}).get("Code", ""))])


def _kind_of_codes(codes: Iterable[str]) -> Kind:
    kinds = {_kind_of_code(code) for code in codes}
    return "stop" if "stop" in kinds else "retry" if kinds == {"retry"} else "other"


def _kind_of_code(code: str) -> Kind:
    if code in RETRY:
        return "retry"
    return "stop" if code in STOP or OF_THE_KEY.match(code) else "other"


class Patience:
    """How long one goes on asking for what passes by itself: less and less often, with jitter, up to thirty seconds
    apart, and for ten minutes in all."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        longest_seconds: float = LONGEST_SECONDS,
    ) -> None:
        """`jitter` gives numbers from 0 to 1."""
        self._monotonic, self._jitter, self._longest = monotonic, jitter, longest_seconds
        self._failing_since: float | None = None
        self._failures = 0
        self._due = 0.0

    def due(self) -> bool:
        """Whether it is time to ask again."""
        return self._monotonic() >= self._due

    def wait(self) -> float:
        """Seconds until it is."""
        return max(0.0, self._due - self._monotonic())

    def worked(self) -> None:
        """What was asked for was given."""
        self._failing_since, self._failures, self._due = None, 0, 0.0

    def failed(self, error: Exception) -> None:
        """Sets the time of the next try. Raises `error` where it does not pass by itself, or has not for too long."""
        now = self._monotonic()
        if kind_of(error) != "retry":
            raise error
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since > self._longest:
            raise error
        self._failures += 1
        longest = min(CEILING_SECONDS, 2.0**self._failures)
        self._due = now + longest * (0.5 + self._jitter() / 2)


def is_of_aws(error: BaseException) -> bool:
    """Whether it is a service's answer, or the want of one."""
    return isinstance(error, BotoCoreError | ClientError | QueueRefused)
