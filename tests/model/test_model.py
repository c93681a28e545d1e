"""Ten thousand steps of a stack that stumbles, and nothing that docs/model.md promises is broken; and what would be,
were one of its safeguards gone."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.lanes import DIES_AFTER, DIES_BEFORE
from tests.model.lives import LIVES, Life, first_of, submit
from tests.model.machine import FleetMachine
from tests.model.mutants import NOTICED_BY, Mutation
from tests.model.stack import ModelStack, emulated
from tests.model.world import World

STEPS = 10_000
STEPS_A_LIFE = 480
HOW_MANY_LIVES = 33  # many end before they are so old
EXPLORES = "MODEL_EXPLORES" in os.environ
"""Set, each run takes ten thousand other steps, and a failure is kept and tried first the next time."""


@pytest.fixture(scope="module")
def stack() -> Iterator[ModelStack]:
    with emulated() as stack:
        yield stack


@pytest.fixture
def world(stack: ModelStack) -> Iterator[World]:
    stack.reset()
    world = World(stack)
    yield world
    for process in list(world.processes):
        process.kill()


def live(stack: ModelStack, *, lives: int, steps: int, derandomize: bool, phases: tuple[Phase, ...]) -> int:
    """Runs the machine, and says how many steps it made."""
    machine = type("Machine", (FleetMachine,), {"stack": stack, "steps": 0})
    chosen = settings(
        max_examples=lives,
        stateful_step_count=steps,
        derandomize=derandomize,
        phases=phases,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    run_state_machine_as_test(machine, settings=chosen)
    return machine.steps


@pytest.mark.timeout(2400)  # two minutes of a core that is free; a busy machine takes ten times as long
def test_ten_thousand_steps_break_no_invariant(stack: ModelStack) -> None:
    # what fails is made small only where somebody explores: that takes minutes
    phases = tuple(Phase) if EXPLORES else (Phase.generate,)
    steps = live(stack, lives=HOW_MANY_LIVES, steps=STEPS_A_LIFE, derandomize=not EXPLORES, phases=phases)
    print(f"{steps} steps")
    assert steps >= STEPS


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_the_promise_holds_at_the_moments_that_are_known_to_be_hard(world: World, life: Life) -> None:
    life(world)


@pytest.mark.parametrize("fate", [DIES_BEFORE, DIES_AFTER])
@pytest.mark.parametrize("call", range(10))
def test_a_worker_that_dies_at_any_call_costs_no_chart(world: World, call: int, fate: str) -> None:
    submit(world, "fine", "fine", "unreadable")
    world.let_make_calls(first_of(world, "worker model-000001"), call, fate)

    world.recover()

    world.check_outcomes(redriven=True)


@pytest.mark.parametrize("mutation", NOTICED_BY, ids=lambda mutation: mutation.__name__)
def test_a_safeguard_taken_away_is_noticed(world: World, mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)

    with pytest.raises(AssertionError, match=r"^I\d: ") as noticed:
        NOTICED_BY[mutation](world)

    print(f"{mutation.__name__}: {noticed.value}")
