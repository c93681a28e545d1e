"""The page to review a chart on."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.pages.conftest import Reviewed, Visit

NOTE = "ASSESSMENT:\n1. Hypertension.\n2. Type 2 diabetes mellitus.\n3. Hypothyroidism.\nDenies chest pain.\n"
HOSTILE = '<script>window.hit = 1</script><img src=x onerror="window.hit = 1">&amp;'
FINDING = {"section": None, "assertion": "present", "cue": None, "code": "I10", "description": "Hypertension"}
RESULT = {"rejected": [], "release": "2026-04", "coder": "x", "engine": "compiled", "about": {}, "given": []}


def codes_of(page: Page) -> list[str]:
    return page.locator("#billed .card-head .code").all_inner_texts()


def marked(page: Page) -> list[str]:
    return page.locator("#text mark").all_text_contents()


def result(chart_id: str, text: str, *terms: str, **more: str) -> dict:
    """A result that finds each term once and bills all of them as I10."""
    findings = [{**FINDING, "text": t, "start": text.index(t), "end": text.index(t) + len(t)} for t in terms]
    billed = {"code": "I10", "description": "Hypertension", "evidence": [*range(len(terms))], "rules": [], "hcc": None}
    return {**RESULT, "id": chart_id, "codes": [billed | more], "findings": findings}


def test_a_chart_is_reviewed_with_the_keyboard_alone(stack: Reviewed, visit: Visit) -> None:
    billed = [code["code"] for code in stack.code("keyboard", "c1", NOTE)["codes"]]
    assert len(billed) == 3
    page = visit("batches/keyboard/charts/c1/review")
    press = page.keyboard.press
    press("a")
    expect(page.locator("#decided")).to_have_text("1 of 3 decided")
    press("r")  # the next one that is open is chosen by itself
    page.keyboard.type("on the problem list only")
    press("Enter")
    expect(page.locator("#decided")).to_have_text("2 of 3 decided")
    press("k")
    press("j")
    press("j")
    press("w")
    page.keyboard.type("seen")
    press("Enter")
    expect(page.locator("#decided")).to_have_text("3 of 3 decided")
    press("+")
    page.keyboard.type("z7982")
    expect(page.locator("#add-said")).to_contain_text("aspirin")
    press("Enter")
    expect(page.locator("#decided")).to_have_text("4 of 4 decided")
    assert stack.decisions("keyboard", "c1") == [
        (billed[0], "accept", None),
        (billed[1], "reject", "on the problem list only"),
        (billed[2], "accept", "seen"),
        ("Z79.82", "add", None),
    ]
    page.reload()
    expect(page.locator("#decided")).to_have_text("4 of 4 decided")
    press("b")
    expect(page.locator("#rows")).to_contain_text("4 decisions")


def test_whatever_a_chart_holds_is_shown_as_text(stack: Reviewed, visit: Visit) -> None:
    text = f"ASSESSMENT: {HOSTILE} Hypertension."
    hostile = result("hostile/c1", text, HOSTILE, code="I10", description=HOSTILE)
    hostile["rejected"] = [{"code": HOSTILE, "evidence": [0], "reason": HOSTILE}]
    hostile["codes"][0]["rules"] = [HOSTILE]
    hostile["findings"][0] |= {"section": HOSTILE, "cue": HOSTILE, "assertion": "possible"}
    stack.keep("hostile", "c1", text, hostile)
    page = visit("batches/hostile/charts/c1/review")
    assert page.locator("#text").text_content() == text
    assert marked(page) == [HOSTILE]
    assert HOSTILE in str(page.locator("#billed").text_content())
    page.locator("#text mark").click()
    page.locator("#rejected summary").click()
    assert page.evaluate("window.hit") is None
    assert page.locator("main script, main img").count() == 0


def test_a_chart_that_is_not_there_is_told_in_the_apis_words(visit: Visit) -> None:
    page = visit("batches/none/charts/none/review")
    expect(page.get_by_role("alert")).to_be_visible()


def test_what_is_no_id_has_no_page_and_is_not_repeated(stack: Reviewed, context: BrowserContext) -> None:
    page = context.new_page()
    reply = page.goto(f"{stack.url}/batches/%3Cimg%20src%3Dx%3E/charts/c1/review")
    assert reply is not None and reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert "img" not in reply.text()


def test_characters_beyond_the_basic_plane_move_no_mark(stack: Reviewed, visit: Visit) -> None:
    text = "👩‍⚕️ Señora 🙂🙂: hypertension 💊, then 糖尿病 and \U0001d489ypothyroidism."
    terms = ("hypertension", "糖尿病", "\U0001d489ypothyroidism")
    stack.keep("emoji", "c1", text, result("emoji/c1", text, *terms))
    page = visit("batches/emoji/charts/c1/review")
    assert marked(page) == [*terms]
    assert page.locator("#text").text_content() == text


def test_findings_that_overlap_share_the_stretch_that_both_cover(stack: Reviewed, visit: Visit) -> None:
    text = "Acute kidney injury on chronic kidney disease."
    terms = ("Acute kidney injury", "kidney injury on chronic kidney disease", "chronic")
    stack.keep("overlap", "c1", text, result("overlap/c1", text, *terms))
    page = visit("batches/overlap/charts/c1/review")
    marks = page.locator("#text mark").evaluate_all("all => all.map(m => [m.textContent, m.dataset.findings])")
    assert marks == [
        ["Acute ", "0"],
        ["kidney injury", "0 1"],
        [" on ", "1"],
        ["chronic", "1 2"],
        [" kidney disease", "1"],
    ]
    assert page.locator("#text").text_content() == text


def test_who_has_not_seen_a_colleagues_decision_is_told_so_and_loses_nothing(stack: Reviewed, visit: Visit) -> None:
    stack.code("conflict", "c1", NOTE)
    page = visit("batches/conflict/charts/c1/review")
    first = codes_of(page)[0]
    stack.decide("conflict", "c1", first, "accept")
    page.keyboard.press("r")
    page.keyboard.type("not meant")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(f"accepted {first}")
    expect(page.locator("#why")).to_have_value("not meant")
    assert [made[1] for made in stack.decisions("conflict", "c1")] == ["accept"]
    page.keyboard.press("Enter")  # decided again, on what is there now
    expect(page.get_by_role("alert")).to_be_hidden()
    assert stack.decisions("conflict", "c1")[-1] == (first, "reject", "not meant")


def test_a_decision_that_does_not_arrive_stays_on_the_page(
    stack: Reviewed, visit: Visit, context: BrowserContext
) -> None:
    stack.code("offline", "c1", NOTE)
    page = visit("batches/offline/charts/c1/review")
    context.set_offline(True)
    page.keyboard.press("w")
    page.keyboard.type("seen")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not saved")
    expect(page.locator("#why")).to_have_value("seen")
    context.set_offline(False)
    page.keyboard.press("Enter")
    expect(page.locator("#decided")).to_have_text("1 of 3 decided")
    assert stack.decisions("offline", "c1")[0][1:] == ("accept", "seen")


@pytest.mark.parametrize(
    ("code", "said"), [("ZZZ", "not in the release"), ("E11", "divided further"), ("I10", "already")]
)
def test_a_code_that_cannot_be_billed_is_not_added(stack: Reviewed, visit: Visit, code: str, said: str) -> None:
    stack.code("adding", code, NOTE)
    page = visit(f"batches/adding/charts/{code}/review")
    page.keyboard.press("+")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator("#add-said")).to_contain_text(said)
    assert stack.decisions("adding", code) == []


def test_an_added_code_can_be_taken_back_and_added_again(stack: Reviewed, visit: Visit) -> None:
    stack.code("back", "c1", NOTE)
    page = visit("batches/back/charts/c1/review")
    page.keyboard.press("+")
    page.keyboard.type("Z79.82")
    page.keyboard.press("Enter")
    expect(page.locator("#billed .state.add")).to_have_count(1)
    page.keyboard.press("r")
    page.keyboard.type("a mistake")
    page.keyboard.press("Enter")
    expect(page.locator("#billed .state.reject")).to_have_count(1)
    page.locator('[data-code="Z79.82"]').click()
    page.keyboard.press("a")
    expect(page.locator("#billed .state.add")).to_have_count(1)
    assert [made[1:] for made in stack.decisions("back", "c1")] == [
        ("add", None),
        ("reject", "a mistake"),
        ("add", None),
    ]


def test_single_keys_can_be_turned_off(stack: Reviewed, visit: Visit) -> None:
    stack.code("keys", "c1", NOTE)
    page = visit("batches/keys/charts/c1/review")
    page.keyboard.press("?")
    page.get_by_label("Single keys act").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Add a code").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_click_on_the_text_shows_what_became_of_a_finding(stack: Reviewed, visit: Visit) -> None:
    stack.code("click", "c1", NOTE)
    page = visit("batches/click/charts/c1/review")
    page.locator("#text mark", has_text="chest pain").click()
    expect(page.locator("#finding")).to_contain_text("negated")
    expect(page.locator("#finding")).to_contain_text("R07.9")


def test_a_chart_of_five_megabytes_can_be_read_to_its_end(stack: Reviewed, visit: Visit) -> None:
    line = "The patient was seen on the ward, and nothing of note was found there.\n"
    text = "Hypertension at first.\n" + line * (5_000_000 // len(line)) + "Hypothyroidism at last.\n"
    long = result("long/c1", text, "Hypertension", "Hypothyroidism")
    stack.keep("long", "c1", text, long)
    page = visit("batches/long/charts/c1/review")
    page.keyboard.press("n")
    page.keyboard.press("n")
    last = page.locator("#text mark", has_text="Hypothyroidism")
    expect(last).to_be_in_viewport()
    page.keyboard.press("p")
    expect(page.locator("#text mark", has_text="Hypertension")).to_be_in_viewport()


def test_a_chart_that_failed_says_why(visit: Visit) -> None:
    page = visit("batches/clinic/charts/scan-001/review")
    expect(page.get_by_role("alert")).to_contain_text("unreadable")


@pytest.mark.parametrize("page_of", ["batches/clinic/review", "batches/clinic/charts/dc-001/review"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_to_say(visit: Visit, context: BrowserContext, page_of: str, colours: str) -> None:
    page = visit(page_of)
    page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
    found = Axe().run(page).response["violations"]
    assert [(violation["id"], [node["target"] for node in violation["nodes"]]) for violation in found] == []


@pytest.mark.parametrize("page_of", ["batches/clinic/review", "batches/clinic/charts/dc-001/review"])
@pytest.mark.parametrize(("width", "height"), [(320, 640), (680, 425)])  # a phone; 1360 by 850 at 200 %
def test_nothing_scrolls_sideways_where_there_is_little_room(
    visit: Visit, page_of: str, width: int, height: int
) -> None:
    page = visit(page_of)
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", ["batches/clinic/review", "batches/clinic/charts/dc-001/review", "pages/chart.js"])
def test_nothing_is_cached_framed_or_fetched_from_elsewhere(stack: Reviewed, path: str) -> None:
    with urllib.request.urlopen(f"{stack.url}/{path}", timeout=60) as answer:  # noqa: S310 - our own loopback endpoint
        headers, body = answer.headers, answer.read().decode()
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "//" not in body.replace("http://www.w3.org/2000/svg", "") or path.endswith(".js")


def test_a_file_that_is_none_of_the_pages_is_not_found(stack: Reviewed) -> None:
    for name in ("__init__.py", "chart.html", "nothing.js", "..%2Fapp.py"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{stack.url}/pages/{name}", timeout=60)  # noqa: S310
        assert refused.value.code in (403, 404)
