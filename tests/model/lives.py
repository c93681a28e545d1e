"""Lives of a stack, told step by step: for each safeguard the moment at which it is needed."""

from __future__ import annotations

from collections.abc import Callable

from tests.model.lanes import DIES_AFTER, DIES_BEFORE, DONE, Lane
from tests.model.processes import Process
from tests.model.world import BATCH, World

Life = Callable[[World], None]

STORE = "dynamodb.TransactWriteItems"


def submit(world: World, *texts: str) -> None:
    for number, text in enumerate(texts):
        world.upload(f"c{number}", text)
    while world.events:
        world.deliver(world.events[0])


def first_of(world: World, name: str) -> Process:
    """The first process of that name, once there is one."""
    world.run_until(lambda: world.running(name))
    return next(process for process in world.processes if process.name == name)


def let_come_to(world: World, process: Process, call: str) -> Lane:
    """Lets one process alone go on until it is about to make a call."""
    while True:
        lanes = [lane for lane in process.lanes if not lane.ended]
        if at_call := [lane for lane in lanes if lane.call == call]:
            return at_call[0]
        lane = min(lanes, key=lambda lane: lane.wakes_at)
        world.move(max(0.0, lane.wakes_at - world.stack.clock.now))
        world.advance(process, lane)


def in_peace(world: World) -> None:
    submit(world, "fine", "slow", "fine", "slow", "poison")

    def received_once() -> bool:
        received = [message.approximate_receive_count for message in world.stack.waiting()]
        assert max(received, default=0) <= 1, f"I9: in peace messages were received so often: {received}"
        return world.is_quiet()

    world.run_until(received_once)
    world.check_outcomes(redriven=True)


def a_worker_dies_before_it_stores(world: World) -> None:
    submit(world, "fine", "fine")
    worker = first_of(world, "worker model-000001")
    world.advance(worker, let_come_to(world, worker, STORE), DIES_BEFORE)
    world.recover()
    world.check_outcomes(redriven=True)


def two_alarms_ask_at_once(world: World) -> None:
    submit(world, "fine")
    both = [world.start.launcher(0), world.start.launcher(0)]
    for process in both:
        world.invoke(process)
    for process in both:
        let_come_to(world, process, "dynamodb.UpdateItem")  # it has seen the lease free
    for process in both:
        while process in world.processes:
            world.advance(process, process.lanes[0])
    assert len(world.stack.alive()) == 1, f"I1: two masters: {world.stack.alive()}"
    world.recover()


def a_master_hangs(world: World) -> None:
    submit(world, "fine", "slow")
    master = first_of(world, "master model-000001")
    world.run_until(lambda: world.running("worker model-000001"))
    master.hung = True
    world.recover()
    world.check_outcomes(redriven=True)


def everything_comes_twice(world: World) -> None:
    for number in range(3):
        world.upload(f"c{number}", "fine")
    for event in list(world.events):
        world.deliver(event, again=True)
        world.deliver(event)
    world.run_until(lambda: bool(world.stack.chart_items(BATCH)))
    world.redeliver()
    world.recover()
    world.check_outcomes(redriven=True)


def a_redrive_dies_half_way(world: World) -> None:
    submit(world, "poison")
    world.recover()
    redrive = world.start.redrive()
    world.invoke(redrive)
    let_come_to(world, redrive, "sqs.SendMessageBatch" if _forgets_first(world, redrive) else STORE)
    world.kill(redrive)
    world.recover()
    world.check_outcomes(redriven=True)


def _forgets_first(world: World, redrive: Process) -> bool:
    """Lets it make the first of the two calls that change something, and says whether that was the forgetting."""
    lane = redrive.lanes[0]
    while lane.call not in ("sqs.SendMessageBatch", STORE):
        world.advance(redrive, lane)
    forgets = lane.call == STORE
    world.advance(redrive, lane)
    return forgets


def a_chart_fails_again_before_its_redrive_has_forgotten_it(world: World) -> None:
    submit(world, "poison")
    world.recover()
    redrive = world.start.redrive()
    world.invoke(redrive)
    lane = let_come_to(world, redrive, STORE)
    redrive.hung = True  # it waits there while the chart is tried once more
    world.run_until(lambda: not world.stack.messages())
    redrive.hung = False
    while redrive in world.processes:
        world.advance(redrive, lane, DONE)
    world.recover()
    world.check_outcomes(redriven=True)


def workers_die_as_they_receive(world: World) -> None:
    submit(world, "fine")
    for _ in range(3):
        worker = first_of(world, "worker model-000001")
        world.advance(worker, let_come_to(world, worker, "sqs.ReceiveMessage"), DIES_AFTER)
        world.move(130)  # the message comes back
        if not world.stack.waiting():
            break
    world.recover()
    world.check_outcomes(redriven=False)


def a_chart_kills_every_worker_it_meets(world: World) -> None:
    submit(world, "fine", "fine", "fine", "killer", "fine", "slow", "poison", "fine")
    world.recover()
    world.check_outcomes(redriven=True)


LIVES: tuple[Life, ...] = (
    in_peace,
    a_worker_dies_before_it_stores,
    two_alarms_ask_at_once,
    a_master_hangs,
    everything_comes_twice,
    a_redrive_dies_half_way,
    a_chart_fails_again_before_its_redrive_has_forgotten_it,
    workers_die_as_they_receive,
    a_chart_kills_every_worker_it_meets,
)
