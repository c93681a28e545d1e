"""PDF, RTF, Word, HTML, and what is no document."""

import logging

import pytest

from chartcoder.errors import ChartTooLarge, NoTextLayer, UnreadableChart
from chartcoder.readers import limits, read_chart
from chartcoder.readers import pdf as pdf_reader
from tests.unit.readers.documents import docx, paragraph, pdf


def read(data):
    return read_chart(data, chart_id="c")


class TestAPdf:
    def test_is_its_text_layer_page_by_page(self):
        chart = read(pdf("Sj\xf6gren syndrome.", "Denies chest pain."))

        assert [line.strip() for line in chart.text.splitlines()] == ["Sjögren syndrome.", "Denies chest pain."]
        assert chart.format == "pdf"

    def test_a_scan_says_that_it_is_one(self):
        with pytest.raises(NoTextLayer, match="1 of the PDF's 1 pages are pictures"):
            read(pdf("", picture_pages=[0]))

    def test_one_scanned_page_among_others_is_not_passed_over(self):
        with pytest.raises(NoTextLayer, match="1 of the PDF's 3 pages"):
            read(pdf("Gout.", "", "Asthma.", picture_pages=[1]))

    def test_without_any_text_or_picture_it_has_no_text(self):
        with pytest.raises(UnreadableChart, match="no text to code"):
            read(pdf(""))

    def test_a_scan_is_recognised_where_that_is_installed(self, monkeypatch):
        monkeypatch.setattr(pdf_reader, "_recogniser", lambda: lambda data, page: f"page {page} recognised")

        assert read(pdf("Gout.", "", picture_pages=[1])).text.splitlines()[-1] == "page 1 recognised"

    def test_ligatures_are_spelt_out(self, monkeypatch):
        monkeypatch.setattr(pdf_reader.PageObject, "extract_text", lambda page: "atrial \ufb01brillation")

        assert read(pdf("x")).text == "atrial fibrillation"

    @pytest.mark.parametrize("cut", [20, 200, 400])
    def test_a_damaged_one_says_so_and_nothing_is_logged(self, cut, caplog, capfd):
        with caplog.at_level(logging.DEBUG), pytest.raises(UnreadableChart, match=r"damaged|no text"):
            read(pdf("Zebedee")[:cut])
        assert "Zebedee" not in caplog.text + "".join(capfd.readouterr())

    def test_too_many_pages_are_refused(self, monkeypatch):
        monkeypatch.setattr(pdf_reader, "MOST_PAGES", 2)
        with pytest.raises(ChartTooLarge, match="3 pages; a chart has at most 2"):
            read(pdf("a", "b", "c"))


class TestAWordDocument:
    def test_is_its_body_with_tables_a_line_a_row(self):
        table = "".join(
            f"<w:tr>{''.join(f'<w:tc>{paragraph(cell)}</w:tc>' for cell in row)}</w:tr>"
            for row in (("Problem", "Status"), ("Gout", "active"))
        )

        chart = read(docx(paragraph("Sjögren syndrome") + f"<w:tbl>{table}</w:tbl>" + paragraph("Rest.")))

        assert chart.text == "Sjögren syndrome\nProblem | Status\nGout | active\nRest."

    def test_insertions_and_content_controls_count_and_deletions_do_not(self):
        inserted = '<w:ins w:id="1" w:author="x"><w:r><w:t>gout </w:t></w:r></w:ins>'
        deleted = '<w:del w:id="2" w:author="x"><w:r><w:delText>stroke</w:delText></w:r></w:del>'
        moved = '<w:moveFrom w:id="3" w:author="x"><w:r><w:t>fever</w:t></w:r></w:moveFrom>'
        control = f"<w:sdt><w:sdtContent>{paragraph('asthma')}</w:sdtContent></w:sdt>"

        assert read(docx(f"<w:p>{inserted}{deleted}{moved}</w:p>{control}")).text.split() == ["gout", "asthma"]

    def test_an_archive_of_another_kind_says_what_to_send(self):
        with pytest.raises(UnreadableChart, match=r"no Word document \(\.docx\)"):
            read(docx("", main="xl/workbook.xml"))

    def test_a_small_file_that_unpacks_to_a_large_one_is_refused_before_it_is_unpacked(self, monkeypatch):
        bomb = docx(paragraph("0" * 1_000_000))
        monkeypatch.setattr("chartcoder.readers.docx.MOST_INFLATED", 500_000)

        assert len(bomb) < 10_000
        with pytest.raises(ChartTooLarge, match="unpacks to more than 500,000 bytes"):
            read(bomb)
        monkeypatch.undo()
        monkeypatch.setattr("chartcoder.readers.docx.MOST_INFLATED_XML", 500_000)
        with pytest.raises(ChartTooLarge, match="500,000 bytes of text"):
            read(bomb)

    def test_entities_and_damage_are_refused(self):
        with pytest.raises(UnreadableChart, match="document type"):
            read(docx("", **{"word/footnotes.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x/>'}))
        with pytest.raises(UnreadableChart, match="damaged"):
            read(docx(paragraph("gout"))[:-40])


class TestRichText:
    def test_is_its_text_with_every_character_it_can_say(self):
        data = rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0 Sj\'f6gren \u956?g\par Denies \b chest\b0  pain.\par}"

        assert read(data).text.strip() == "Sjögren μg\nDenies chest pain."

    def test_two_halves_of_a_character_are_one(self):
        assert read(rb"{\rtf1\ansi gout \u-10179?\u-8704?}").text == "gout \U0001f600"

    def test_damage_is_an_error_of_the_chart(self):
        with pytest.raises(UnreadableChart):
            read(rb"{\rtf1\ansi\u99999999999999999999 x}")


def test_a_page_of_html_is_what_a_browser_shows():
    page = (
        b"<!DOCTYPE html><html><head><title>x</title><style>p{}</style></head><body><h1>Plan</h1>"
        b"<p>Sj&ouml;gren\n  syndrome<script>alert(1)</script></p>"
        b"<table><tr><td>Gout<td>active</table><pre>a\n b</pre></body></html>"
    )
    assert read(page).text == "Plan\nSjögren syndrome\nGout | active\na\n b"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG picture"),
        (b"\xff\xd8\xff\xe0", "JPEG picture"),
        (bytes(128) + b"DICM", "DICOM object"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word document of before 2007"),
        (b"\x1f\x8b\x08", "gzip archive"),
    ],
)
def test_what_is_no_document_is_called_by_its_name(data, what):
    with pytest.raises(UnreadableChart, match=what):
        read(data)


def test_a_text_longer_than_a_chart_may_be_is_refused(monkeypatch):
    monkeypatch.setattr(limits, "MOST_CHARACTERS", 10)
    with pytest.raises(ChartTooLarge, match="11 characters"):
        read(b"hello world")


def test_a_reader_whose_library_is_missing_says_how_to_add_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "striprtf.striprtf", None)
    monkeypatch.delitem(__import__("sys").modules, "chartcoder.readers.rtf", raising=False)
    with pytest.raises(UnreadableChart, match=r"pip install 'chartcoder\[formats\]'"):
        read(rb"{\rtf1 x}")


@pytest.mark.parametrize("text", ["<Patient> has gout", "[x] gout", "{gout}", "MSHORT of breath", "Plan: see %PDF"])
def test_text_that_begins_like_a_format_is_text(text):
    assert read(text.encode()).text == text
