"""What a service's error means: ask again, stop everything, or neither; and how long one asks again."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from chartcoder.cloud.faults import CEILING_SECONDS, Patience, kind_of, tells_of_the_key
from chartcoder.errors import CodingFailed, KeyUnusable, QueueRefused


def refusal(code, message="", status=400, reasons=None):
    about = {"CancellationReasons": [{"Code": reason} for reason in reasons]} if reasons else {}
    error = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(error | about, "Operation")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("ThrottlingException"), "retry"),
        (refusal("SlowDown", status=503), "retry"),
        (refusal("SomethingNew", status=500), "retry"),
        (refusal("RequestLimitExceeded"), "retry"),
        (refusal("KmsThrottled"), "retry"),
        (refusal("KMS.ThrottlingException"), "retry"),
        (refusal("TransactionCanceledException", reasons=["None", "TransactionConflict"]), "retry"),
        (ConnectTimeoutError(endpoint_url="https://sqs"), "retry"),
        (ReadTimeoutError(endpoint_url="https://sqs"), "retry"),
        (EndpointConnectionError(endpoint_url="https://sqs"), "retry"),
        (QueueRefused("send", ["RequestThrottled"]), "retry"),
        (refusal("KMS.DisabledException"), "stop"),
        (refusal("KMS.KMSInvalidStateException"), "stop"),
        (refusal("KmsDisabled"), "stop"),
        (refusal("KmsAccessDenied"), "stop"),
        (refusal("AccessDeniedException"), "stop"),
        (refusal("AccessDenied", status=403), "stop"),
        (refusal("QueueDoesNotExist"), "stop"),
        (refusal("ResourceNotFoundException"), "stop"),
        (refusal("NoSuchBucket", status=404), "stop"),
        (refusal("TransactionCanceledException", reasons=["None", "AccessDeniedException"]), "stop"),
        (QueueRefused("delete", ["KmsDisabled"]), "stop"),
        (KeyUnusable("the key is Disabled"), "stop"),
        (refusal("ConditionalCheckFailedException"), "other"),
        (refusal("TransactionCanceledException", reasons=["None", "ConditionalCheckFailed"]), "other"),
        (refusal("ValidationException"), "other"),
        (CodingFailed("the coder failed"), "other"),
        (KeyError("b"), "other"),
    ],
    ids=str,
)
def test_an_error_is_told_by_what_asking_again_would_do(error, kind):
    assert kind_of(error) == kind


@pytest.mark.parametrize(
    ("error", "tells"),
    [
        (refusal("KMS.DisabledException"), True),
        (refusal("AccessDenied", "not authorized to perform: kms:Decrypt on this resource"), True),
        (refusal("AccessDenied", "not authorized to perform: s3:GetObject"), False),
        (refusal("NoSuchKey"), False),
    ],
    ids=str,
)
def test_s3_tells_of_a_key_by_its_code_or_by_its_words(error, tells):
    assert tells_of_the_key(error) is tells


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_who_is_told_to_come_later_does_so_less_and_less_often_up_to_a_ceiling_and_not_for_ever():
    clock = Time()
    patience = Patience(monotonic=clock, jitter=lambda: 1.0, longest_seconds=600)
    waits = []
    with pytest.raises(ClientError):
        while True:
            patience.failed(refusal("ThrottlingException"))
            waits.append(patience.wait())
            assert not patience.due()
            clock.now += patience.wait()
            assert patience.due()

    assert waits[:4] == [2, 4, 8, 16]
    assert set(waits[4:]) == {CEILING_SECONDS}
    assert 600 < sum(waits) <= 600 + 2 * CEILING_SECONDS


def test_two_that_failed_together_do_not_come_back_together():
    waits = set()
    for jitter in (0.0, 0.3, 0.9):
        patience = Patience(monotonic=Time(), jitter=lambda jitter=jitter: jitter)
        patience.failed(refusal("SlowDown"))
        waits.add(patience.wait())
    assert len(waits) == 3


def test_an_answer_ends_the_waiting_and_what_does_not_pass_is_raised_at_once():
    patience = Patience(monotonic=Time(), jitter=lambda: 1.0)
    patience.failed(refusal("SlowDown"))
    patience.worked()
    assert patience.due()
    with pytest.raises(ClientError, match="KmsDisabled"):
        patience.failed(refusal("KmsDisabled"))
