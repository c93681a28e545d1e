import pytest

from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import INLINE_BYTES, Outcome, ResultsStore, Stored, pack
from chartcoder.errors import BadRequest, NotFound, UnreadableChart


@pytest.fixture
def store(aws):
    return ResultsStore(aws.results_table, aws.s3, "results")


def reference(chart="c1", *, batch="b1", sequencer="1", extension=".txt"):
    return ChartReference(f"charts/{batch}/{chart}{extension}", "v1", None, sequencer)


def coded(chart="c1", *, codes=("I10",), **more):
    return Outcome(reference(chart, **more), "coded", codes, pack({"id": f"b1/{chart}", "codes": list(codes)}))


def failed(chart="c1", **more):
    return Outcome.failed(reference(chart, **more), UnreadableChart("the chart has no text"))


def put(store, *outcomes, worker="i-1"):
    return store.store(outcomes, worker=worker, run="run-1")


def test_a_stored_result_is_read_back_whole(store):
    assert put(store, coded()) == Stored(coded=1)

    item = store.chart("b1", "c1")

    assert item["result"] == {"id": "b1/c1", "codes": ["I10"]}
    assert (item["state"], item["run"]) == ("coded", "run-1")


def test_a_chart_coded_twice_has_one_result_and_is_counted_once(store):
    put(store, coded(codes=("I10",)))

    assert put(store, coded(codes=("E11.9",)), worker="i-2") == Stored(duplicates=1)

    assert store.chart("b1", "c1")["result"]["codes"] == ["I10"]
    assert store.tally("b1") == {"coded": 1, "failed": 0}


def test_a_duplicate_among_others_does_not_hold_them_up(store):
    put(store, coded("c1"))

    assert put(store, coded("c1"), coded("c2"), failed("c3")) == Stored(
        coded=1, failed=1, duplicates=1, reasons=("unreadable",)
    )

    assert store.tally("b1") == {"coded": 2, "failed": 1}


def test_the_same_chart_twice_in_one_call_is_stored_once(store):
    assert put(store, coded("c1"), coded("c1"), coded("c2")) == Stored(coded=2, duplicates=1)


def test_outcomes_of_several_batches_are_counted_each_in_its_own(store):
    put(store, coded("c1"), coded("c1", batch="b2"), failed("c2", batch="b2"))

    assert store.tally("b1") == {"coded": 1, "failed": 0}
    assert store.tally("b2") == {"coded": 1, "failed": 1}


def test_a_later_upload_replaces_the_result_and_an_earlier_one_does_not(store):
    put(store, coded(codes=("I10",), sequencer="2"))
    put(store, coded(codes=("E11.9",), sequencer="3"))
    put(store, coded(codes=("J45.909",), sequencer="1"))

    assert store.chart("b1", "c1")["codes"] == ["E11.9"]
    assert store.tally("b1") == {"coded": 1, "failed": 0}


def test_what_is_known_of_a_chart_is_its_version_and_neither_its_result_nor_what_else_its_record_says(store):
    put(store, coded(codes=("I10",)))

    assert store.known("b1", "c1") == {
        "state": "coded",
        "key": "charts/b1/c1.txt",
        "sequencer": reference().sequencer,
        "codes": ["I10"],
    }
    assert store.known("b1", "c2") is None


def test_who_may_not_read_codes_replaces_a_result_by_a_failure_and_the_code_leads_there_no_more(store, aws):
    put(store, coded(codes=("I10",), sequencer="1"))
    watchdogs = ResultsStore(aws.results_table, aws.s3, "results", reads_codes=False)

    assert put(watchdogs, failed(sequencer="2"), worker="watchdog") == Stored(
        coded=-1, failed=1, reasons=("unreadable",)
    )

    assert "codes" not in watchdogs.known("b1", "c1")
    assert store.codes.charts("I10", batch=None, limit=10, token=None) == ([], None)


def test_a_result_replaces_a_failure_of_the_same_upload_but_not_the_reverse(store):
    put(store, failed())
    put(store, coded())
    put(store, failed())

    assert store.chart("b1", "c1")["state"] == "coded"
    assert store.tally("b1") == {"coded": 1, "failed": 0}
    assert store.failures() == ([], None)


def test_two_objects_that_differ_in_extension_only_both_end(store):
    put(store, coded("c1", extension=".txt"))
    put(store, coded("c1", extension=".json"))

    assert store.chart("b1", "c1")["state"] == "coded"
    assert store.chart("b1", "c1.json")["reason"] == "name_taken"
    assert store.tally("b1") == {"coded": 1, "failed": 1}
    put(store, coded("c1", extension=".json"))
    assert store.tally("b1") == {"coded": 1, "failed": 1}


def test_a_result_too_long_for_an_item_is_kept_in_the_bucket(store, aws):
    import os

    result = {"id": "b1/c1", "codes": [], "noise": os.urandom(INLINE_BYTES).hex()}
    outcome = Outcome(reference(), "coded", (), pack(result))

    put(store, outcome)

    assert store.chart("b1", "c1")["result"] == result
    assert aws.s3.list_objects_v2(Bucket="results")["KeyCount"] == 1


def test_what_is_not_stored_is_not_found(store):
    with pytest.raises(NotFound, match="no result yet"):
        store.chart("b1", "c1")
    with pytest.raises(NotFound, match="no such batch"):
        store.tally("b1")


def test_a_batch_is_known_from_its_submission_on(store):
    store.know_batch("b1")

    assert [batch["batch"] for batch in store.batches()[0]] == ["b1"]
    assert store.tally("b1") == {"coded": 0, "failed": 0}


def test_charts_of_a_batch_come_in_pages(store):
    put(store, *(coded(f"c{number}") for number in range(7)))

    first, token = store.charts("b1", limit=4)
    second, end = store.charts("b1", limit=4, token=token)

    assert [chart["id"] for chart in first + second] == [f"b1/c{number}" for number in range(7)]
    assert first[0]["codes"] == ["I10"]
    assert end is None


def test_a_token_of_another_list_is_refused(store):
    put(store, *(coded(f"c{number}") for number in range(3)))
    put(store, *(coded(f"c{number}", batch="b2") for number in range(3)))
    _, token = store.charts("b1", limit=2)

    with pytest.raises(BadRequest, match="next_token"):
        store.charts("b2", limit=2, token=token)
    with pytest.raises(BadRequest, match="next_token"):
        store.charts("b1", limit=2, token="nonsense")


def test_failures_are_listed_with_what_a_redrive_needs_and_leave_the_list_when_forgotten(store):
    put(store, failed("c1"), failed("c2"), coded("c3"))

    failures, _ = store.failures()
    assert {failure["id"] for failure in failures} == {"b1/c1", "b1/c2"}
    assert failures[0]["reason"] == "unreadable"
    assert failures[0]["reference"].key.startswith("charts/b1/")

    store.forget_failure(failures[0], worker="redrive")
    store.forget_failure(failures[0], worker="redrive")

    assert len(store.failures()[0]) == 1
    assert store.tally("b1") == {"coded": 1, "failed": 1}


def test_a_failure_mended_meanwhile_is_not_forgotten(store):
    put(store, failed("c1"))
    (failure,), _ = store.failures()
    put(store, coded("c1"))

    store.forget_failure(failure, worker="redrive")

    assert store.tally("b1") == {"coded": 1, "failed": 0}
