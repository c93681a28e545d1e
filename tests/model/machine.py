"""The state machine: Hypothesis chooses what happens next, and to whom; `World` knows what must hold."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.model.lanes import BY_CODE, CALL_FATES, DONE
from tests.model.stack import ModelStack
from tests.model.world import World

CHARTS = tuple(f"c{number}" for number in range(6))
TEXTS = st.sampled_from((*["fine"] * 7, "slow", "poison", "unreadable", "hangs once", "killer"))
SKEWS = st.sampled_from((0.0, 0.0, -120.0, 120.0))  # seconds that a machine's clock is off
PAUSES = st.sampled_from((1.0, 5.0, 15.0, 15.0, 40.0, 125.0, 310.0, 650.0))
FATES = st.sampled_from(
    (
        *CALL_FATES,
        BY_CODE + "AccessDeniedException",
        BY_CODE + "KmsDisabled",
        BY_CODE + "InsufficientInstanceCapacity",
    )
)


class FleetMachine(RuleBasedStateMachine):
    """A stack to which things are submitted while everything in it stumbles, dies and comes back."""

    stack: ModelStack  # set by who runs the machine
    steps = 0  # of all machines

    def __init__(self) -> None:
        super().__init__()
        self.stack.reset()
        self.world = World(self.stack)

    def _count(self) -> None:
        type(self).steps += 1

    @initialize(texts=st.lists(TEXTS, min_size=1, max_size=len(CHARTS)))
    def begin(self, texts: list[str]) -> None:
        """Most lives begin with charts that wait."""
        for chart, text in zip(CHARTS, texts, strict=False):
            self.world.upload(chart, text)
        while self.world.events:
            self.world.deliver(self.world.events[0])

    # what people and services do

    @rule(chart=st.sampled_from(CHARTS), text=TEXTS)
    def upload(self, chart: str, text: str) -> None:
        self._count()
        self.world.upload(chart, text)

    @precondition(lambda self: self.world.events)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data: st.DataObject, again: bool) -> None:
        self._count()
        nth = data.draw(st.integers(0, len(self.world.events) - 1))
        self.world.deliver(self.world.events[nth], again=again)

    @precondition(lambda self: self.world.stack.waiting())
    @rule(twice=st.booleans())
    def disorder(self, twice: bool) -> None:
        self._count()
        if twice:
            self.world.redeliver()
        else:
            self.world.reorder()

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        self._count()
        self.world.move(seconds)

    @precondition(lambda self: not self.world.running("launcher"))
    @rule(skew=SKEWS)
    def alarm(self, skew: float) -> None:
        self._count()
        self.world.invoke(self.world.start.launcher(skew))

    @precondition(lambda self: not self.world.running("watchdog"))
    @rule(skew=SKEWS)
    def watchdog(self, skew: float) -> None:
        self._count()
        self.world.invoke(self.world.start.watchdog(skew))

    @precondition(lambda self: not self.world.running("redrive"))
    @rule()
    def redrive(self) -> None:
        self._count()
        self.world.invoke(self.world.start.redrive())

    @rule(disabled=st.booleans())
    def key(self, disabled: bool) -> None:
        self._count()
        self.world.stack.key_state = "Disabled" if disabled else "Enabled"

    # what instances do

    @precondition(lambda self: self.world.not_booted())
    @rule(skew=SKEWS, hangs=st.sampled_from((False, False, False, True)))
    def boot(self, skew: float, hangs: bool) -> None:
        self._count()
        self.world.boot(self.world.not_booted()[0], skew=skew, hangs=hangs)

    @precondition(lambda self: self.world.lanes())
    @rule(data=st.data(), calls=st.integers(1, 12))
    def work(self, data: st.DataObject, calls: int) -> None:
        """One lane makes some calls."""
        self._count()
        lanes = self.world.lanes()
        process, lane = lanes[data.draw(st.integers(0, len(lanes) - 1))]
        for _ in range(calls):
            if lane.ended or lane.wakes_at > self.stack.clock.now:
                break
            self.world.advance(process, lane)

    @precondition(lambda self: self.world.lanes())
    @rule(rounds=st.integers(1, 5))
    def work_together(self, rounds: int) -> None:
        """Each lane makes a call, in turn."""
        self._count()
        for _ in range(rounds):
            for process, lane in self.world.lanes():
                if process in self.world.processes and not lane.ended:
                    self.world.advance(process, lane)

    @precondition(lambda self: self.world.lanes())
    @rule(data=st.data(), fate=FATES)
    def stumble(self, data: st.DataObject, fate: str) -> None:
        """A call fails, before or after it took effect, or whoever made it dies."""
        self._count()
        lanes = self.world.lanes()
        process, lane = lanes[data.draw(st.integers(0, len(lanes) - 1))]
        self.world.advance(process, lane, fate if "." in lane.call else DONE)

    @precondition(lambda self: self.world.processes)
    @rule(data=st.data(), how=st.sampled_from(("killed", "hangs", "taken back", "taken back")))
    def lose(self, data: st.DataObject, how: str) -> None:
        self._count()
        processes = self.world.processes
        process = processes[data.draw(st.integers(0, len(processes) - 1))]
        if how == "killed" or process.instance is None:
            self.world.kill(process)
        elif how == "hangs":
            process.hung = True
        else:
            process.taken_back = True

    def teardown(self) -> None:
        """The faults are over: everything comes to rest, and a redrive has what can be coded coded."""
        self.stack.key_state = "Enabled"
        try:
            self.world.recover()
            self.world.check_outcomes(redriven=False)
            self.world.invoke(self.world.start.redrive())
            self.world.recover()
            self.world.check_outcomes(redriven=True)
        finally:
            for process in list(self.world.processes):
                process.kill()
