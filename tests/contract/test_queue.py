import pytest

from chartcoder.cloud.queue import ChartsQueue


@pytest.fixture
def queue(aws):
    return ChartsQueue(aws.sqs, aws.queue_url, aws.dead_letter_url)


def test_what_is_sent_is_received_in_tens(queue):
    queue.send(f"message {number}" for number in range(23))

    first, second, third = (queue.receive(wait_seconds=0) for _ in range(3))

    assert [len(first), len(second), len(third)] == [10, 10, 3]
    assert {delivery.body for delivery in first + second + third} == {f"message {number}" for number in range(23)}


def test_a_message_in_hand_is_counted_as_in_flight_until_it_is_deleted(queue):
    queue.send(["one", "two"])
    (delivery,) = queue.receive(1, wait_seconds=0)
    assert (queue.depth().waiting, queue.depth().in_flight, queue.depth().total) == (1, 1, 2)

    queue.delete([delivery])

    assert (queue.depth().waiting, queue.depth().in_flight) == (1, 0)


def test_a_released_message_can_be_received_again_at_once_and_says_how_often_it_was(queue):
    queue.send(["one"])
    queue.release(queue.receive(wait_seconds=0))

    (again,) = queue.receive(wait_seconds=0)

    assert again.receives == 2


def test_extending_deleting_or_releasing_a_message_that_is_gone_is_no_error(queue):
    queue.send(["one"])
    deliveries = queue.receive(wait_seconds=0)
    queue.delete(deliveries)

    queue.delete(deliveries)


def test_redrive_moves_every_dead_letter_back(queue, aws):
    for number in range(12):
        aws.sqs.send_message(QueueUrl=aws.dead_letter_url, MessageBody=f"dead {number}")
    assert queue.dead_letters() == 12

    assert queue.redrive() == 12

    assert queue.dead_letters() == 0
    assert queue.depth().waiting == 12


def test_a_delivery_does_not_show_its_body_when_printed(queue):
    queue.send(["charts/b/secret-name.txt"])
    (delivery,) = queue.receive(wait_seconds=0)

    assert "secret" not in repr(delivery)
