"""What breaks a promise is named."""

from pathlib import Path

from chartcoder import Coder
from chartcoder.cloud.results import pack
from chartcoder.readers import read_chart
from embedded.chaos import promises
from embedded.chaos.charts import Writer
from embedded.chaos.memory import Memory
from embedded.chaos.promises import Found
from embedded.chaos.records import Journal

WRITER = Writer(Path(__file__).parents[3] / "samples" / "charts", 1)
BAD = next(number for number in range(100) if WRITER.is_bad(number))


def item(state="coded", **more):
    return {"state": state, "receives": 1, **more}


def journal(**latest):
    made = Journal()
    for id_, number in latest.items():
        made.uploaded(f"b/{id_}", number, 0)
    return made


def test_more_messages_than_charts_and_the_test_event_in_the_calm_break_it():
    quiet = Journal(handed_out=25)
    assert promises.of_calm(quiet, 24).held
    (broken,) = promises.of_calm(Journal(handed_out=26), 24).broken_by
    assert "26 messages" in broken


def test_after_a_redrive_a_readable_chart_that_has_failed_and_an_unreadable_one_that_has_not_are_named():
    submitted = journal(good=0, bad=BAD)
    right = Found({"b/good": item(), "b/bad": item("failed", reason="unreadable")}, {})
    assert promises.after_redrive(submitted, right, WRITER).held
    wrong = Found({"b/good": item("failed", reason="coding_failed"), "b/bad": item()}, {})
    assert [said.split(":")[0] for said in promises.after_redrive(submitted, wrong, WRITER).broken_by] == [
        "still failed",
        "coded, though unreadable",
    ]


def test_a_result_of_another_text_is_told_from_the_coders_own():
    def found(number):
        coded = Coder(engine="compiled").code(read_chart(WRITER.write(number), chart_id="b/one"))
        return Found({"b/one": item(result=pack(coded.as_dict()))}, {})

    def check(found):
        return promises.of_the_coder(found, journal(one=0), WRITER, "compiled", sample=10, seed=1)

    assert check(found(0)).held
    assert "b/one" in check(found(1)).broken_by[0]


def test_a_process_that_goes_on_growing_is_named_and_the_store_itself_is_not():
    memory = Memory()
    flat, growing = [80_000_000] * 20, [50_000_000 + 5_000_000 * n for n in range(20)]
    memory.samples["worker"][1] = flat
    assert promises.of_memory(memory).held
    memory.samples["emulator"][2] = growing
    assert promises.of_memory(memory).held
    memory.samples["master"][3] = growing
    (broken,) = promises.of_memory(memory).broken_by
    assert broken.startswith("master: ")
