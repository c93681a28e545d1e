"""The faults of a chaos run are drawn from its seed, and its charts too."""

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from embedded.chaos.charts import CANARIES, Writer
from embedded.chaos.kinds import KINDS, check_needs, possible
from embedded.chaos.records import Journal, Struck
from embedded.chaos.schedule import Planned, deal, plan
from embedded.chaos.system import Look, NoTarget
from embedded.clocks import library

SAMPLES = Path(__file__).parents[3] / "samples" / "charts"


def first(faults: int, seed: int) -> list[Planned]:
    return list(islice(plan(KINDS, faults, seed=seed, pause=1.0), 2 * faults))


def test_the_same_seed_gives_the_same_faults_and_another_seed_others():
    assert first(50, 7) == first(50, 7)
    assert [fault.kind for fault in first(50, 7)] != [fault.kind for fault in first(50, 8)]


def test_two_hundred_faults_are_of_every_kind_and_the_heavier_kinds_come_more_often():
    dealt = Counter(kind.name for kind in deal(KINDS, 200, Random(1)))
    assert sum(dealt.values()) == 200
    assert set(dealt) == {kind.name for kind in KINDS}
    assert dealt["duplicate events"] > dealt["no capacity at all"]


def test_a_short_storm_has_no_fault_twice_and_none_that_takes_a_minute():
    for seed in range(20):
        dealt = deal(KINDS, 15, Random(seed))
        assert len(set(dealt)) == 15
        assert not any(kind.long for kind in dealt)


def test_a_kind_is_left_out_by_its_name_and_an_unknown_name_is_refused():
    without = [kind.name for kind in KINDS if kind.name.startswith("clock")] + ["master killed"]
    assert {k.name for k in KINDS} - {k.name for k in possible(containers=False, without=without)} == set(without)
    with pytest.raises(NoTarget, match="one of worker killed"):
        possible(containers=False, without=["the end of the world"])


def test_what_is_not_installed_is_named_together_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr("embedded.clocks.library", lambda: None)
    with pytest.raises(NoTarget, match="apt-get install faketime"):
        check_needs(KINDS)
    check_needs(possible(containers=True))  # whose clock is the engine's: there is no such kind


def test_charts_are_told_apart_by_number_and_version_and_are_the_same_for_the_same_seed():
    writer, again, other = Writer(SAMPLES, 1), Writer(SAMPLES, 1), Writer(SAMPLES, 2)
    texts = [writer.write(number) for number in range(50)]
    assert texts == [again.write(number) for number in range(50)]
    assert len(set(texts)) == 50
    assert writer.write(3) != other.write(3)
    assert writer.write(3) != writer.write(3, version=1)


def test_each_readable_chart_has_the_planted_identity():
    writer = Writer(SAMPLES, 1)
    good = next(number for number in range(10) if not writer.is_bad(number))
    said = writer.write(good).decode()
    assert [word for word in CANARIES if word in said] == [word for word in CANARIES if word != "19471031"]


KIND = {kind.name: kind for kind in KINDS}


def recovery(kind: str, *looks: tuple[float, int, int, str | None], began: float = 10.0, ended: float = 12.0):
    """Of a fault between two moments, with looks of (at, ended, waiting, lease)."""
    journal = Journal()
    for at, done, waiting, lease in looks:
        journal.looked(Look(at, done, waiting, lease, ()))
    return journal.recovery(Struck(Planned(0, 1.0, KIND[kind], 1), began, ended, 1))


def test_a_pipeline_is_over_a_fault_when_one_chart_more_is_coded():
    assert recovery("worker killed", (9, 5, 9, "r1"), (13, 5, 9, "r1"), (14, 5, 9, "r1"), (17, 6, 8, "r1")) == 5.0


def test_a_pipeline_that_has_nothing_to_do_is_over_every_fault():
    assert recovery("worker killed", (9, 5, 9, "r1"), (13, 14, 0, None)) == 1.0


def test_a_pipeline_is_over_a_dead_master_when_another_run_codes():
    looks = [(9.0, 5, 9, "r1"), (13.0, 5, 9, "r1"), (15.0, 6, 8, "r1"), (20.0, 6, 8, None), (25.0, 7, 7, "r2")]
    assert recovery("master killed", *looks) == 13.0
    assert recovery("master killed", *looks[:4]) is None


def test_runs_that_are_under_way_at_once_are_noted():
    journal = Journal()
    journal.looked(Look(1.0, 0, 0, "r2", ("r2",)))
    assert not journal.overlaps
    journal.looked(Look(2.0, 0, 0, "r2", ("r2", "r1")))
    assert journal.overlaps == {("r2", "r1")}


def test_libfaketime_is_where_it_is_looked_for_or_not_there_at_all():
    found = library()
    assert found is None or found.name == "libfaketimeMT.so.1"
