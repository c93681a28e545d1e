"""Scanned pages with Tesseract beside: `make test-ocr`, which needs Debian's tesseract-ocr and the extra `ocr`."""

from __future__ import annotations

import io
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter

from chartcoder.coding.coder import Coder
from chartcoder.errors import UnreadableChart
from chartcoder.readers import read_chart, recognition
from tests.unit.readers.documents import pdf

NOTE = "ASSESSMENT:\n1. Essential hypertension.\n2. Type 2 diabetes mellitus.\n3. Patient denies chest pain."
LETTER = (2550, 3300)  # 8.5 by 11 inches at 300 dots an inch


def scan(text: str, *, size: tuple[int, int] = LETTER, dots: float = 300.0) -> bytes:
    """A PDF of one page that is the picture of a text."""
    sheet = Image.new("L", size, 255)
    ImageDraw.Draw(sheet).multiline_text((200, 200), text, fill=0, font=ImageFont.load_default(size=48), spacing=24)
    out = io.BytesIO()
    sheet.save(out, "pdf", resolution=dots)
    return out.getvalue()


def joined(*files: bytes) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    for file in files:
        writer.append(PdfReader(io.BytesIO(file)))
    writer.write(out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def tesseract() -> None:
    assert shutil.which("tesseract"), "Debian's tesseract-ocr is not installed"


def test_a_scan_is_coded_with_offsets_true_to_what_was_recognised() -> None:
    chart = read_chart(scan(NOTE), chart_id="b/c1")
    result = Coder().code(chart).as_dict()
    assert {"I10", "E11.9"} <= {code["code"] for code in result["codes"]}
    assert ("chest pain", "negated") in {(found["text"], found["assertion"]) for found in result["findings"]}
    for found in result["findings"]:
        assert chart.text[found["start"] : found["end"]] == found["text"]


def test_scanned_pages_stand_where_they_are_among_the_others() -> None:
    three = joined(pdf("First page."), scan("Second page."), pdf("Third page."))
    lines = read_chart(three, chart_id="c").text.split("\n")
    assert [line for line in lines if line] == ["First page.", "Second page.", "Third page."]


def test_a_page_that_claims_to_be_a_field_is_drawn_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    draw = recognition.pypdfium2.PdfPage.render

    def watched(page: object, **named: object) -> object:
        drawn = draw(page, **named)
        sizes.append(drawn.width * drawn.height)
        return drawn

    monkeypatch.setattr(recognition.pypdfium2.PdfPage, "render", watched)
    field = scan(
        NOTE, size=(1000, 1000), dots=5.0
    )  # 200 inches by 200: 3.6 thousand million pixels at 300 dots an inch
    read_chart(field, chart_id="c")
    assert sizes[0] <= recognition.MOST_PIXELS * 1.01


def test_no_page_is_written_to_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = tmp_path / "trace"
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    real = shutil.which("tesseract")
    program.write_text(
        textwrap.dedent(f"""\
        #!/bin/sh
        echo "$@" > {trace}
        exec {real} "$@"
        """)
    )
    program.chmod(0o700)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(empty))
    assert "hypertension" in read_chart(scan(NOTE), chart_id="c").text
    assert trace.read_text().split()[:2] == ["stdin", "stdout"]
    assert not list(empty.iterdir())


@pytest.mark.parametrize("fault", [FileNotFoundError(), subprocess.TimeoutExpired("tesseract", 60)])
def test_a_page_of_which_nothing_comes_fails_the_chart_and_says_so(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(recognition.subprocess, "run", failing)
    with pytest.raises(UnreadableChart, match="page 1 of the PDF could not be recognised"):
        read_chart(scan(NOTE), chart_id="c")


def test_an_empty_scan_has_no_text_to_code() -> None:
    with pytest.raises(UnreadableChart, match="no text"):
        read_chart(scan(""), chart_id="c")
