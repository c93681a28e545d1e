"""`python -m tests.pages.pictures`: docs' pictures of both pages, taken anew, of the sample charts.

Look at them before you commit them: a page may be whole to its tests and ugly to the eye.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chartcoder.errors import UnreadableChart
from embedded.cloud import EmbeddedCloud
from tests.pages.conftest import NO_RUNS, PROJECT, SAMPLES, Reviewed

DOCS = PROJECT / "docs"
SIZE = {"width": 1360, "height": 850}


def main(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="chartcoder-pictures-") as data,
        EmbeddedCloud(PROJECT, Path(data), parameters=NO_RUNS, persist=False) as cloud,
        sync_playwright() as playwright,
    ):
        stack = Reviewed(cloud)
        stack.samples("clinic", *sorted(path.stem for path in SAMPLES.glob("*.txt")))
        stack.fail("clinic", "scan-001", UnreadableChart("the document is a picture; expected text"))
        stack.wait("clinic", "tel-002")
        billed = [code["code"] for code in stack.get("batches/clinic/charts/dc-001")["codes"]]
        stack.decide("clinic", "dc-001", billed[0], "accept")
        stack.decide("clinic", "dc-001", billed[2], "reject")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(viewport=SIZE, reduced_motion="reduce", color_scheme="light").new_page()
        for name, path in {"batch": "batches/clinic/review", "chart": "batches/clinic/charts/dc-001/review"}.items():
            page.goto(f"{stack.url}/{path}")
            page.wait_for_selector("body[data-ready]")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"review-{name}.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
