import pytest

from chartcoder.chart import GivenCode
from chartcoder.errors import ChartTooLarge, NoTextLayer, UnreadableChart
from chartcoder.readers import read_chart
from tests.unit.readers.documents import base64_of, kept, pdf

VISIT = kept("visit.ccda.xml")
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


@pytest.fixture(scope="module")
def visit():
    return read_chart(VISIT, chart_id="b/c1")


def section(chart, name):
    (found,) = [one for one in chart.sections if one.name == name]
    return chart.text[found.start : found.end]


def with_body(body):
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3"><component>{body}</component></ClinicalDocument>'.encode()


def test_a_sections_narrative_stands_below_its_title_and_white_space_is_as_a_browser_shows_it(visit):
    assert visit.text.startswith(
        "History of present illness\nSeen for Sjögren syndrome with dry eyes & mouth.\nDenies chest pain.\n\nProblems\n"
    )


def test_sections_are_known_by_their_codes_whatever_their_titles_say(visit):
    assert section(visit, "family_history") == "Diagnosis:\nBreast cancer"


def test_a_table_has_a_line_a_row_and_a_bar_between_cells(visit):
    assert section(visit, "problem_list") == "Problem | Status\nEssential hypertension | Active\n- Gout\nActive"


def test_line_ends_of_preformatted_notes_stay(visit):
    assert section(visit, "assessment") == "1. Sjögren syndrome\n2. Migraine, not intractable"


def test_what_was_deleted_from_a_narrative_is_not_read(visit):
    assert "Pneumonia" not in visit.text


def test_a_section_within_a_section_is_read_after_it(visit):
    assert "\n\nMore about relatives\nNothing else.\n\n" in visit.text


def test_the_header_says_date_of_service_setting_kind_and_the_authors_role(visit):
    assert (visit.date, visit.setting, visit.kind) == ("2026-03-10", "outpatient", "11506-3")
    assert visit.author_role == "Internal Medicine Physician"


def test_codes_of_the_entries_are_kept_as_given_but_not_what_was_ruled_out(visit):
    assert visit.given == (
        GivenCode("http://snomed.info/sct", "59621000", "Essential hypertension"),
        GivenCode(ICD_10_CM, "I10", "Essential (primary) hypertension"),
    )
    assert "I10" not in visit.text


def test_a_body_that_is_a_file_is_read_as_that_file():
    held = base64_of(pdf("Gout."))
    chart = read_chart(
        with_body(f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{held}</text></nonXMLBody>'),
        chart_id="c",
    )

    assert (chart.text.strip(), chart.format) == ("Gout.", "ccda")


def test_a_scan_in_a_body_is_still_a_scan():
    held = base64_of(pdf("", picture_pages=[0]))
    with pytest.raises(NoTextLayer):
        read_chart(with_body(f'<nonXMLBody><text representation="B64">{held}</text></nonXMLBody>'), chart_id="c")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (VISIT[:900], "not well-formed: line"),
        (VISIT.replace(b"ClinicalDocument", b"ClinicalTrial"), "root is not ClinicalDocument"),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "send FHIR as JSON"),
        (with_body(""), "has no body"),
        (with_body('<nonXMLBody><text><reference value="a.pdf"/></text></nonXMLBody>'), "a link to another file"),
        (with_body('<nonXMLBody><text representation="B64">?</text></nonXMLBody>'), "not valid base64"),
        (with_body("<structuredBody/>"), "has no text to code"),
        (VISIT.replace(b"UTF-8", b"UTF-99"), "encoding that is not known"),
    ],
)
def test_a_document_that_cannot_be_read_says_why(document, complaint):
    with pytest.raises(UnreadableChart, match=complaint):
        read_chart(document, chart_id="c")


def test_entities_are_refused_so_that_none_unfolds_or_reads_a_file():
    declared = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    with pytest.raises(UnreadableChart, match="declares a document type or entities"):
        read_chart(declared + b'<ClinicalDocument xmlns="urn:hl7-org:v3">&a;</ClinicalDocument>', chart_id="c")


def test_xml_without_end_is_refused_before_it_fills_the_memory():
    with pytest.raises(ChartTooLarge, match="more than 100 deep"):
        read_chart(with_body("<structuredBody>" + "<a>" * 5_000), chart_id="c")
