"""The kinds of fault. Each strikes one deployed pipeline, lasts as long as it lasts, and takes itself away again."""

from __future__ import annotations

import contextlib
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from embedded import clocks
from embedded.chaos.system import (
    NoTarget,
    Role,
    System,
    arguments,
    coding,
    forkservers,
    kill,
    runs_module,
    spent,
    until,
)
from embedded.faults import EVENTS
from embedded.processes import end

TARGET_SECONDS = 25.0  # a fault waits so long for something to hit
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}

Strike = Callable[[System, random.Random, str], int]
"""Strikes and returns when the fault is over: how many calls, events or processes it hit. Given a name of its own.
Raises NoTarget where there was nothing to hit."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: `weight` is how often it comes; `mended` what shows that the pipeline is over it.

    `hits` is what must be there before it can strike: an instance of that role, at work.
    """

    name: str
    weight: int
    strike: Strike
    hits: Role | None = None
    mended: str = "progress"  # or "run": another run works, or there is nothing to do
    in_containers: bool = True  # whether it can be done to instances that are containers
    alone: bool = False  # whether nothing else can be done meanwhile
    long: bool = False  # whether it takes a minute, and is for long storms only


# who is hit


def _one(system: System, role: Role, rng: random.Random, sound: Callable[[list[int]], object] = bool) -> list[int]:
    """The processes of one instance of a role, of those whose processes are as wanted."""
    found = until(lambda: [p for p in system.processes(role).values() if sound(p)], TARGET_SECONDS)
    if not found:
        raise NoTarget(f"no {role} to hit")
    return rng.choice(found)


def _works(pids: list[int]) -> list[int]:
    return coding(pids)


def _masters(pids: list[int]) -> list[int]:
    return [pid for pid in pids if runs_module(pid, "chartcoder.master")]


@contextlib.contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        end(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            end(pid, signal.SIGCONT)


# processes


def _worker_killed(system: System, rng: random.Random, name: str) -> int:
    kill(_one(system, "worker", rng, _works))
    return 1


def _worker_process_killed(system: System, rng: random.Random, name: str) -> int:
    pids = _one(system, "worker", rng, _works)
    kill([pid for pid in pids if runs_module(pid, "chartcoder.worker")])
    return 1


def _workers_killed_storing(system: System, rng: random.Random, name: str) -> int:
    """All workers die while one waits for its results to be stored: done, or not done, and nobody knows which."""
    mode = rng.choice(["hold", "silence"])
    system.put_fault(name, service="dynamodb", mode=mode, actions=["TransactWriteItems"], seconds=15, calls=3)
    try:
        if not until(lambda: system.hits(name), TARGET_SECONDS):
            raise NoTarget("nothing was stored")
        for pids in system.processes("worker").values():
            kill(pids)
    finally:
        system.lift_fault(name)
    return 1


def _worker_paused(system: System, rng: random.Random, name: str) -> int:
    with _stopped(_one(system, "worker", rng, _works)):
        time.sleep(rng.uniform(3, 25))
    return 1


def _coding_stopped(system: System, rng: random.Random, name: str) -> int:
    """A worker that hangs while its heart beats."""
    with _stopped(coding(_one(system, "worker", rng, _works))):
        time.sleep(rng.uniform(4, 18))
    return 1


def _coding_killed(system: System, rng: random.Random, name: str) -> int:
    """What a poison chart does to the process that works on it: the busiest one dies."""
    children = coding(_one(system, "worker", rng, _works))
    before = {pid: spent(pid) for pid in children}
    time.sleep(0.2)
    kill([max(children, key=lambda pid: spent(pid) - before[pid])])
    return 1


def _forkserver_killed(system: System, rng: random.Random, name: str) -> int:
    kill(forkservers(_one(system, "worker", rng, _works)))
    return 1


def _disk_full(system: System, rng: random.Random, name: str) -> int:
    """Nothing can be written on a worker any more: on one that works for a while, on one that boots for ever."""
    if rng.random() < 0.5:
        pids = _one(system, "worker", rng, _works)
        _limit_files(pids, 0)
        time.sleep(rng.uniform(5, 15))
        _limit_files(pids, resource.RLIM_INFINITY)
    else:
        _limit_files(_replaced(system, rng), 0)
    return 1


def _limit_files(pids: list[int], size: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _replaced(system: System, rng: random.Random) -> list[int]:
    """Kills a worker and gives the processes of the instance that boots in its place."""
    before = set(system.processes("worker"))
    kill(_one(system, "worker", rng, _works))
    new = until(lambda: [p for i, p in system.processes("worker").items() if i not in before and p], TARGET_SECONDS)
    if not new:
        raise NoTarget("no worker took the killed one's place")
    return new[0]


def _clock_off(system: System, rng: random.Random, name: str) -> int:
    before = {*system.processes("worker"), *system.processes("master")}
    system.set_clock(rng.choice([-120, 120]))
    try:
        kill(_one(system, rng.choice(["worker", "worker", "master"]), rng))
        if not until(lambda: {*system.processes("worker"), *system.processes("master")} - before, 2 * TARGET_SECONDS):
            raise NoTarget("no instance booted")
    finally:
        system.set_clock(0)
    return 1


def _master_killed(system: System, rng: random.Random, name: str) -> int:
    kill(_one(system, "master", rng, _masters))
    return 1


def _ansible_killed(system: System, rng: random.Random, name: str) -> int:
    def playing(pids: list[int]) -> list[int]:
        return [pid for pid in pids if any(a.endswith("ansible-playbook") for a in arguments(pid)[:3])]

    kill(playing(_one(system, "master", rng, playing)))
    return 1


def _master_hangs(system: System, rng: random.Random, name: str) -> int:
    """For longer than its lease lasts; or until it is ended for it."""
    pids = _one(system, "master", rng, _masters)
    with _stopped(pids):
        until(lambda: not any(arguments(pid) for pid in pids), system.settings.lease_seconds + 30)
    return 1


def _launcher_killed(system: System, rng: random.Random, name: str) -> int:
    """Dead between the lease and the launch, or right after EC2 launched and before the record says so."""
    mode, template = rng.choice(["hold", "silence"]), system.settings.master_launch_template
    system.put_fault(name, service="ec2", mode=mode, actions=["RunInstances"], holding=template, seconds=20, calls=1)
    try:
        if not until(lambda: system.hits(name), 2 * TARGET_SECONDS):
            for pids in system.processes("master").values():  # a run lives; there is a launch after it
                kill(pids)
        if not until(lambda: system.hits(name), 2 * TARGET_SECONDS):
            raise NoTarget("no master was launched")
        kill(system.functions("launcher", "watchdog"))
    finally:
        system.lift_fault(name)
    return 1


def _watchdog_killed(system: System, rng: random.Random, name: str) -> int:
    system.invoke("Watchdog", SCHEDULED)
    time.sleep(rng.uniform(0.02, 0.8))
    pids = until(lambda: system.functions("watchdog"), 5)
    if not pids:
        raise NoTarget("no watchdog runs")
    kill(pids)
    return 1


# EC2's own doings


def _spot_notice(system: System, rng: random.Random, name: str) -> int:
    def spot() -> list[str]:
        return [i["InstanceId"] for i in system.cloud.instances("running") if i.get("InstanceLifecycle") == "spot"]

    workers = until(spot, TARGET_SECONDS)
    if not workers:
        raise NoTarget("no Spot worker runs")
    system.cloud.notify_spot(rng.choice(workers))
    return 1


def _worker_terminated(system: System, rng: random.Random, name: str) -> int:
    workers = list(until(lambda: system.processes("worker"), TARGET_SECONDS) or ())
    if not workers:
        raise NoTarget("no worker runs")
    system.cloud.client("ec2").terminate_instances(InstanceIds=[rng.choice(workers)])
    return 1


def _without(**capacity: int) -> Strike:
    """Some instances cannot be had while one is needed."""

    def strike(system: System, rng: random.Random, name: str) -> int:
        system.set_capacity(**capacity)
        try:
            kill(_one(system, "worker", rng))
            time.sleep(rng.uniform(4, 12))
        finally:
            system.set_capacity(**dict.fromkeys(capacity, None))
        return 1

    return strike


def _quota_reached(system: System, rng: random.Random, name: str) -> int:
    code = rng.choice(["VcpuLimitExceeded", "InstanceLimitExceeded", "MaxSpotInstanceCountExceeded"])
    system.put_fault(name, service="ec2", mode="refuse", actions=["RunInstances"], code=code)
    try:
        kill(_one(system, "worker", rng))
        if not until(lambda: system.hits(name), TARGET_SECONDS):
            raise NoTarget("nobody asked for an instance")
        time.sleep(rng.uniform(1, 6))
    finally:
        hits = system.lift_fault(name)
    return hits


def _budget_reached(system: System, rng: random.Random, name: str) -> int:
    """The run's record says that it has cost more than it may."""
    lease = until(lambda: system.fleet.lease(), TARGET_SECONDS)
    if lease is None:
        raise NoTarget("no run lives")
    system.fleet.update_run(lease.run, cost_usd=system.settings.budget_usd + 1)
    return 1


# AWS's calls


def _calls(service: str, mode: str, *, seconds: float = 5.0) -> Strike:
    """Calls of a service go wrong for some seconds: some of them, most, or all."""

    def strike(system: System, rng: random.Random, name: str) -> int:
        share = rng.choice([0.3, 0.7, 1.0])
        most = 4 if mode == "silence" else None
        system.put_fault(
            name, service=service, mode=mode, share=share, seconds=seconds, calls=most, seed=rng.randrange(2**32)
        )
        try:
            time.sleep(rng.uniform(1.5, 5))
            if not until(lambda: system.hits(name), TARGET_SECONDS):
                raise NoTarget(f"nobody called {service}")
        finally:
            hits = system.lift_fault(name)
        return hits

    return strike


def _duplicates(system: System, rng: random.Random, name: str) -> int:
    system.put_fault(name, service=EVENTS, mode="duplicate", share=0.5, seconds=20, seed=rng.randrange(2**32))
    try:
        time.sleep(rng.uniform(3, 8))
        if not until(lambda: system.hits(name), TARGET_SECONDS):
            raise NoTarget("nothing was uploaded")
    finally:
        hits = system.lift_fault(name)
    return hits


def _emulator_paused(low: float, high: float) -> Strike:
    """All of AWS is silent."""

    def strike(system: System, rng: random.Random, name: str) -> int:
        with _stopped([system.cloud.emulator.process.pid]):
            time.sleep(rng.uniform(low, high))
        return 1

    return strike


def _redriven(system: System, rng: random.Random, name: str) -> int:
    """Somebody puts the failures back on the queue in mid-run."""
    return max(1, system.redrive())


MODES = {"fail": "fail", "throttle": "are throttled", "lose": "lose their answers", "silence": "are not answered"}
SERVICES = {"dynamodb": "DynamoDB", "sqs": "SQS", "s3": "S3", "ec2": "EC2"}

KINDS: tuple[Kind, ...] = (
    Kind("worker killed", 12, _worker_killed, "worker"),
    Kind("worker's process killed", 4, _worker_process_killed, "worker"),
    Kind("workers killed while storing", 3, _workers_killed_storing, "worker"),
    Kind("worker paused", 4, _worker_paused, "worker"),
    Kind("coding hangs, the heart beats", 5, _coding_stopped, "worker"),
    Kind("coding process killed by its chart", 18, _coding_killed, "worker"),
    Kind("forkserver killed", 2, _forkserver_killed, "worker"),
    Kind("disk full on a worker", 4, _disk_full, "worker", in_containers=False),
    Kind("clock two minutes off", 1, _clock_off, "master", in_containers=False),
    Kind("master killed", 3, _master_killed, "master", mended="run"),
    Kind("Ansible killed", 1, _ansible_killed, "master", mended="run"),
    Kind("master hangs", 1, _master_hangs, "master", mended="run", long=True),
    Kind("launcher killed between lease and launch", 2, _launcher_killed, mended="run"),
    Kind("watchdog killed", 9, _watchdog_killed),
    Kind("Spot notice", 5, _spot_notice, "worker"),
    Kind("worker terminated", 3, _worker_terminated, "worker"),
    Kind("no Spot capacity", 3, _without(spot=0), "worker"),
    Kind("no On-Demand capacity", 3, _without(on_demand=0), "worker"),
    Kind("no capacity at all", 1, _without(spot=0, on_demand=0), "worker"),
    Kind("quota reached", 3, _quota_reached, "worker"),
    Kind("budget reached", 1, _budget_reached, "master", mended="run"),
    Kind("duplicate events", 18, _duplicates),
    Kind("AWS silent for seconds", 5, _emulator_paused(1, 12), alone=True),
    Kind("AWS silent for a minute", 1, _emulator_paused(60, 60), alone=True, long=True),
    Kind("redrive in mid-run", 3, _redriven),
    *(
        Kind(
            f"{SERVICES[service]} calls {MODES[mode]}",
            3 if service == "ec2" or mode == "silence" else 6,
            _calls(service, mode),
            "worker" if service == "s3" else None,
        )
        for service in SERVICES
        for mode in MODES
    ),
)


def possible(*, containers: bool, without: Sequence[str] = ()) -> tuple[Kind, ...]:
    """The kinds that can be done to instances that are processes, or containers.

    Raises:
        NoTarget: an unknown kind was left out.
    """
    names = [kind.name for kind in KINDS]
    if unknown := set(without) - set(names):
        raise NoTarget(f"unknown kind {sorted(unknown)[0]!r}: one of {', '.join(names)}")
    return tuple(k for k in KINDS if k.name not in without and (k.in_containers or not containers))


def check_needs(kinds: Sequence[Kind]) -> None:
    """Raises NoTarget where one of these kinds needs what is not installed."""
    if any(kind.strike is _clock_off for kind in kinds) and clocks.library() is None:
        raise NoTarget(
            "'clock two minutes off' needs libfaketime: apt-get install faketime, or --without 'clock two minutes off'"
        )


def is_there(system: System, role: Role) -> bool:
    """Whether an instance of this role is at work."""
    sound = _works if role == "worker" else _masters
    return any(sound(pids) for pids in system.processes(role).values())
