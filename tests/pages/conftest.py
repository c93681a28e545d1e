"""The pages in a real Chromium: the embedded cloud with charts that are coded, behind the API's door."""

from __future__ import annotations

import itertools
import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chartcoder.chart import Chart
from chartcoder.cloud.charts import ChartReference
from chartcoder.cloud.results import Outcome, ResultsStore, pack
from chartcoder.coding.coder import Coder
from chartcoder.errors import ChartError, UnreadableChart
from embedded.cloud import EmbeddedCloud

PROJECT = Path(__file__).resolve().parents[2]
SAMPLES = PROJECT / "samples" / "charts"
NO_RUNS = {"BacklogThreshold": "1000"}  # the charts are coded here, without a fleet
SECONDS = 20  # until a page shows what was waited for


class Reviewed:
    """A stack whose charts are coded at once."""

    def __init__(self, cloud: EmbeddedCloud) -> None:
        self.cloud, self.url = cloud, cloud.api_url
        self._bucket = cloud.settings.charts_bucket
        self._s3, self._coder = cloud.client("s3"), Coder()
        self._store = ResultsStore(cloud.table(cloud.settings.results_table), self._s3, cloud.settings.results_bucket)
        self._sequence = itertools.count(1)

    def code(self, batch: str, chart: str, text: str) -> dict[str, Any]:
        """Uploads a chart and stores its result as a worker does; gives the result."""
        result = self._coder.code(Chart(id=f"{batch}/{chart}", text=text)).as_dict()
        self.keep(batch, chart, text, result)
        return result

    def keep(self, batch: str, chart: str, text: str, result: dict[str, Any]) -> None:
        codes = tuple(code["code"] for code in result["codes"])
        self._put(Outcome(self._upload(batch, chart, text), "coded", codes, pack(result)))

    def fail(self, batch: str, chart: str, error: ChartError) -> None:
        self._put(Outcome.failed(self._upload(batch, chart, "x"), error))

    def wait(self, batch: str, chart: str) -> None:
        """A chart that nobody has coded yet."""
        self._upload(batch, chart, "x")

    def _put(self, outcome: Outcome) -> None:
        self._store.store([outcome], worker="i-1", run="run-000001")

    def _upload(self, batch: str, chart: str, text: str) -> ChartReference:
        key, data = f"charts/{batch}/{chart}.txt", text.encode()
        version = self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)["VersionId"]
        return ChartReference(key, version, len(data), f"{next(self._sequence):032x}")

    def samples(self, batch: str, *names: str) -> None:
        for name in names:
            self.code(batch, name, (SAMPLES / f"{name}.txt").read_text())

    def decisions(self, batch: str, chart: str) -> list[tuple[str, str, str | None]]:
        """(code, decision, why) as the API tells them."""
        made = self.get(f"batches/{batch}/charts/{chart}/decisions")["decisions"]
        return [(one["code"], one["decision"], one["why"]) for one in made]

    def decide(self, batch: str, chart: str, code: str, decision: str) -> None:
        """A decision of somebody else's."""
        route = f"{self.url}/batches/{batch}/charts/{chart}/decisions"
        with urllib.request.urlopen(route, timeout=60) as answer:  # noqa: S310 - our own loopback endpoint
            tag = answer.headers["ETag"]
        body = json.dumps({"code": code, "decision": decision}).encode()
        headers = {"If-Match": tag, "Content-Type": "application/json"}
        request = urllib.request.Request(route, body, headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as answer:  # noqa: S310
            return json.load(answer)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewed]:
    with EmbeddedCloud(PROJECT, tmp_path_factory.mktemp("cloud"), parameters=NO_RUNS, persist=False) as cloud:
        reviewed = Reviewed(cloud)
        reviewed.samples("clinic", "dc-001", "ov-001", "ed-001", "hp-001")
        reviewed.fail("clinic", "scan-001", UnreadableChart("the document is a picture; expected text"))
        yield reviewed


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's own; Playwright's are not downloaded."""
    path = shutil.which("chromium")
    assert path, "no chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # everything here is our own page on loopback, and a container's root may not make Chromium's sandbox
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 1360, "height": 850}, reduced_motion="reduce")
    context.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)  # which has five seconds of its own otherwise
    yield context
    context.close()


Visit = Callable[[str], Page]


@pytest.fixture
def visit(context: BrowserContext, stack: Reviewed) -> Iterator[Visit]:
    """Opens a page and waits until it shows what it fetched; what the browser complains of fails the test."""
    complaints: list[str] = []

    def opened(path: str) -> Page:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{stack.url}/{path}")
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    # an answer of 4xx that a page foresaw is logged by the browser itself; the page says it in its own words
    assert [line for line in complaints if "Failed to load resource" not in line] == []
