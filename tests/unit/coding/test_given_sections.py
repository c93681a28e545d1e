"""Sections that a document's format gave, beside those found by their headings."""

from chartcoder.chart import Chart, GivenCode, Section
from chartcoder.coding.sections import Sections


def test_a_given_section_needs_no_heading_and_ends_where_it_ends():
    text = "asthma in mother. gout"
    sections = Sections(text, [Section("family_history", 0, 17)])

    assert sections.at(0) == "family_history"
    assert sections.at(text.index("gout")) is None


def test_a_column_of_a_given_family_history_is_no_heading():
    text = "Diagnosis:\nbreast cancer"

    assert Sections(text, [Section("family_history", 0, len(text))]).at(15) == "family_history"
    assert Sections(text).at(15) == "assessment"


def test_a_given_section_of_prose_may_have_parts_of_its_own():
    text = "Seen for gout.\nFamily history:\nbreast cancer"
    sections = Sections(text, [Section("assessment", 0, len(text))])

    assert sections.at(10) == "assessment"
    assert sections.at(len(text) - 2) == "family_history"


def test_a_heading_before_a_given_section_does_not_reach_beyond_it():
    text = "Family history:\nnone\nasthma\ngout"
    start = text.index("asthma")
    sections = Sections(text, [Section("assessment", start, start + 6)])

    assert [sections.at(16), sections.at(start), sections.at(len(text) - 1)] == ["family_history", "assessment", None]


def test_the_coder_goes_by_given_sections_and_hands_on_what_the_document_brought_along(coder):
    given = (GivenCode("http://hl7.org/fhir/sid/icd-10-cm", "I10"),)
    text = "Breast cancer. Type 2 diabetes."
    chart = Chart("c1", text, sections=(Section("family_history", 0, 14),), date="2026-03-01", given=given)

    coded = coder.code(chart)

    assert [(finding.assertion, finding.section) for finding in coded.findings] == [
        ("family", "family_history"),
        ("present", None),
    ]
    assert "I10" not in [code.code for code in coded.codes]
    assert coded.given == given
    assert coded.about == {"format": "text", "date": "2026-03-01"}
    assert type(coded).from_dict(coded.as_dict()) == coded
