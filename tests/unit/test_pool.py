"""The coding pool with real processes and the real coder."""

import json
import os
import signal
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from chartcoder.errors import CodingFailed, PoolBroken, SeveralCharts, UnreadableChart
from chartcoder.pool import MOST_REBUILDS, CodingPool
from tests.unit.readers.documents import document_reference, kept

TEXT = b"ASSESSMENT:\nType 2 diabetes. Denies chest pain."


def codes(coded):
    return [code.code for code in coded.codes]


def misbehave(coded):
    """Stands in for a chart that brings its process into trouble: its id says which."""
    match coded.id:
        case "dies":
            os._exit(9)
        case "grows":
            bytearray(4 * 2**30)
        case "hangs":
            time.sleep(600)
        case "raises":
            raise RuntimeError("type 2 diabetes")
    return coded.id


def says_where(coded):
    """Which process coded the chart; one that is told a pipe says it there, and stays at work."""
    told = coded.id.removeprefix("tell ")
    if told != coded.id:
        Path(told).write_text(str(os.getpid()))  # waits for the reader
        time.sleep(600)
    return coded.id, os.getpid()


@pytest.fixture
def pool(request):
    with CodingPool(processes=1, engine="compiled", chart_seconds=3, render=request.param) as pool:
        yield pool


def outcome(pool, data=TEXT, chart_id="c1"):
    future: Future = pool.submit(data, chart_id)
    return pool.outcome(future)


@pytest.mark.parametrize("pool", [codes], indirect=True)
def test_a_chart_is_coded_and_an_unreadable_one_says_why(pool):
    assert outcome(pool) == ["E11.9"]
    with pytest.raises(UnreadableChart, match="has no text"):
        outcome(pool, b" ")


def with_facts(coded):
    return [code.code for code in coded.codes], [code.code for code in coded.given], coded.about


@pytest.mark.parametrize("pool", [with_facts], indirect=True)
def test_documents_of_any_format_are_coded_and_several_in_one_object_are_one_failure(pool):
    future = pool.submit(kept("visit.ccda.xml"), "c1")
    billed, given, about = pool.outcome(future)

    assert "M35.00" in billed
    assert given == ["59621000", "I10"]
    assert (about["setting"], about["date"]) == ("outpatient", "2026-03-10")
    assert "I10" not in billed
    several = json.dumps(document_reference()).encode()
    with pytest.raises(SeveralCharts, match="holds 2 documents"):
        outcome(pool, several + b"\n" + several)


@pytest.mark.parametrize("pool", [misbehave], indirect=True)
def test_a_chart_that_kills_fills_hangs_or_breaks_its_coder_fails_alone(pool):
    futures = {name: pool.submit(TEXT, name) for name in ("dies", "grows", "hangs", "raises", "fine")}

    with pytest.raises(CodingFailed, match="process died"):
        pool.outcome(futures["dies"])
    with pytest.raises(CodingFailed, match="MemoryError"):
        pool.outcome(futures["grows"])
    with pytest.raises(CodingFailed, match="longer than 3 seconds"):
        pool.outcome(futures["hangs"])
    with pytest.raises(CodingFailed, match="RuntimeError") as raised:
        pool.outcome(futures["raises"])
    assert "diabetes" not in str(raised.value)
    assert pool.outcome(futures["fine"]) == "fine"


def kill_an_idle_process(pool):
    _, process = outcome(pool)
    os.kill(process, signal.SIGKILL)
    return process


@pytest.mark.parametrize("pool", [says_where], indirect=True)
def test_a_coding_process_that_dies_idle_takes_no_chart_and_no_pool_with_it(pool):
    dead = kill_an_idle_process(pool)

    charts = [f"c{number}" for number in range(20)]
    futures = [pool.submit(TEXT, chart) for chart in charts]  # to the dead one, as far as anybody has noticed

    coded = [pool.outcome(future) for future in futures]
    assert [chart for chart, _ in coded] == charts
    assert dead not in {process for _, process in coded}


@pytest.mark.parametrize("pool", [says_where], indirect=True)
def test_a_coding_process_that_is_killed_at_work_fails_its_chart_alone(pool, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    at_work = pool.submit(TEXT, f"tell {pipe}")
    waiting = [pool.submit(TEXT, chart) for chart in ("c1", "c2")]
    process = int(pipe.read_text())

    os.kill(process, signal.SIGKILL)

    with pytest.raises(CodingFailed, match="process died"):
        pool.outcome(at_work)
    assert [pool.outcome(future)[0] for future in waiting] == ["c1", "c2"]


@pytest.mark.parametrize("pool", [says_where], indirect=True)
def test_a_pool_whose_idle_processes_die_again_and_again_is_given_up_in_words(pool):
    for _ in range(MOST_REBUILDS + 1):
        kill_an_idle_process(pool)

    with pytest.raises(PoolBroken, match="died without a chart 6 times within 10 minutes"):
        outcome(pool)
    with pytest.raises(PoolBroken):
        pool.submit(TEXT, "c1")


def test_what_a_closed_pool_has_not_finished_is_cancelled():
    with CodingPool(processes=1, engine="compiled", chart_seconds=60, render=misbehave) as pool:
        futures = [pool.submit(TEXT, chart) for chart in ("hangs", "fine")]

    assert all(future.cancelled() for future in futures)
