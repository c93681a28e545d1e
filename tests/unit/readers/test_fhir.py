import json

import pytest

from chartcoder.chart import GivenCode
from chartcoder.errors import ChartTooLarge, SeveralCharts, UnreadableChart
from chartcoder.readers import read_chart
from tests.unit.readers.documents import NOTE, attachment, base64_of, bundle, document_reference, kept, pdf

LOINC = "http://loinc.org"
ENCOUNTER = {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "IMP"}}


def read(value):
    return read_chart(json.dumps(value).encode(), chart_id="b/c1")


def concept(code, system=LOINC):
    return {"coding": [{"system": system, "code": code}]}


def narrative(html):
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{html}</div>'}


def composition(*sections, **more):
    return {
        "resourceType": "Composition",
        "status": "final",
        "type": concept("11506-3"),
        "date": "2026-03-11T08:00:00Z",
        "author": [{"reference": "PractitionerRole/r1"}],
        "title": "Progress note",
        "section": list(sections),
    } | more


def report(**more):
    return {"resourceType": "DiagnosticReport", "status": "final", "code": concept("36643-5")} | more


class TestADocumentReference:
    def test_is_its_attachment(self):
        chart = read(document_reference())

        assert (chart.text, chart.format) == (NOTE, "fhir")

    def test_says_date_setting_and_kind_with_what_it_contains(self):
        chart = read(
            document_reference(
                contained=[ENCOUNTER],
                type=concept("18842-5"),
                date="2026-03-12T10:00:00Z",
                context={"encounter": [{"reference": "#e1"}], "period": {"start": "2026-03-01"}},
            )
        )

        assert (chart.date, chart.setting, chart.kind) == ("2026-03-01", "inpatient", "18842-5")

    def test_of_several_content_types_the_best_structured_is_read_wherever_it_stands(self):
        chart = read(
            document_reference(
                attachment(pdf("Gout."), "application/pdf"), attachment(b"<p>Gout.<p>Asthma.", "text/html")
            )
        )

        assert chart.text == "Gout.\nAsthma."

    def test_an_attachment_is_known_by_its_content_and_not_by_what_it_is_called(self):
        chart = read(document_reference(attachment(kept("visit.ccda.xml"), "application/octet-stream")))

        assert chart.setting == "outpatient"
        assert "family_history" in [section.name for section in chart.sections]
        assert "I10" in [code.code for code in chart.given]

    def test_text_in_a_declared_character_set_is_read_in_it(self):
        chart = read(document_reference(attachment(NOTE.encode("utf-16-le"), "text/plain; charset=utf-16le")))

        assert chart.text == NOTE

    def test_a_link_is_followed_to_a_binary_that_came_along_and_nowhere_else(self):
        there = document_reference({"contentType": "text/plain", "url": "https://ehr.example/fhir/Binary/b1"})
        binary = {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": base64_of(NOTE.encode())}

        assert read(bundle(there, binary)).text == NOTE
        with pytest.raises(UnreadableChart, match="content is a link; expected it inline"):
            read(there)

    def test_one_entered_in_error_is_not_coded(self):
        with pytest.raises(UnreadableChart, match="withdrawn"):
            read(document_reference(status="entered-in-error"))

    def test_what_is_not_r4_is_refused_with_the_path_and_without_the_value(self):
        secret = "Zebedee"
        with pytest.raises(UnreadableChart) as refused:
            read(document_reference(date=secret, status=7, **{secret: secret}))

        assert "DocumentReference.date" in str(refused.value)
        assert secret not in str(refused.value)

    def test_an_attachment_that_is_no_base64_or_empty_is_refused(self):
        with pytest.raises(UnreadableChart, match="base64"):
            read(document_reference({"data": "####"}))
        with pytest.raises(UnreadableChart):
            read(document_reference({"data": ""}))


class TestADiagnosticReport:
    def test_is_its_presented_form(self):
        chart = read(report(presentedForm=[attachment(NOTE.encode())], effectiveDateTime="2026-02"))

        assert (chart.text, chart.date) == (NOTE, "2026-02")

    def test_without_one_it_is_its_narrative_and_conclusion_and_its_codes_are_given(self):
        chart = read(
            report(
                text=narrative("<p>Right lower lobe opacity.</p>"),
                conclusion="Pneumonia.",
                conclusionCode=[concept("J18.9", "http://hl7.org/fhir/sid/icd-10-cm")],
            )
        )

        assert chart.text == "Right lower lobe opacity.\n\nConclusion:\nPneumonia."
        assert [section.name for section in chart.sections] == ["assessment"]
        assert [code.code for code in chart.given] == ["J18.9"]

    def test_without_any_text_it_is_refused(self):
        with pytest.raises(UnreadableChart, match="no text to code"):
            read(report())


class TestAComposition:
    def test_is_its_sections_under_their_titles(self):
        inner = {"title": "Relatives", "code": concept("10157-6"), "text": narrative("<ul><li>Gout</li></ul>")}
        outer = {"title": "Impression", "code": concept("51848-0"), "text": narrative("A &amp; B"), "section": [inner]}

        chart = read(composition(outer))

        assert chart.text == "Impression\nA & B\n\nRelatives\n- Gout"
        assert [chart.text[one.start : one.end] for one in chart.sections] == ["A & B", "- Gout"]

    def test_in_a_bundle_of_type_document_it_is_the_chart_whatever_else_is_there(self):
        role = {"resourceType": "PractitionerRole", "id": "r1", "specialty": [{"text": "Cardiology"}]}
        condition = {
            "resourceType": "Condition",
            "code": concept("I10", "urn:x"),
            "subject": {"reference": "Patient/1"},
        }
        body = composition({"title": "Plan", "text": narrative("Rest.")}, encounter={"reference": "Encounter/e1"})

        chart = read(bundle(body, role, condition, ENCOUNTER, document_reference(), kind="document"))

        assert chart.text == "Plan\nRest."
        assert (chart.author_role, chart.setting) == ("Cardiology", "inpatient")
        assert chart.given == (GivenCode("urn:x", "I10"),)


class TestABundle:
    def test_of_several_documents_is_no_chart(self):
        with pytest.raises(SeveralCharts, match=r"holds 2 documents.*chartcoder submit"):
            read(bundle(document_reference(), report(conclusion="Gout.")))

    def test_a_report_of_values_alone_is_no_document(self):
        assert read(bundle(document_reference(), report())).text == NOTE

    def test_without_a_document_is_refused(self):
        with pytest.raises(UnreadableChart, match="holds no document"):
            read(bundle({"resourceType": "Patient"}))

    @pytest.mark.parametrize("entry", [None, "x", [1], {"resource": {}}])
    def test_that_is_malformed_is_refused(self, entry):
        with pytest.raises(UnreadableChart):
            read({"resourceType": "Bundle", "entry": entry})


@pytest.mark.parametrize("value", [{"resourceType": "Patient"}, {"a": 1}, [{"text": "x"}], {"text": ["x"]}])
def test_other_json_is_refused(value):
    with pytest.raises(UnreadableChart, match="FHIR resource"):
        read(value)


def test_a_plain_json_object_is_a_chart_with_what_it_says_of_itself():
    chart = read({"text": NOTE, "setting": "inpatient", "date": "2026-03-01T00:00", "kind": "discharge", "id": "x"})

    assert (chart.text, chart.setting, chart.date, chart.kind) == (NOTE, "inpatient", "2026-03-01", "discharge")
    with pytest.raises(UnreadableChart, match="setting is none of inpatient, outpatient"):
        read({"text": NOTE, "setting": "home"})


def test_half_a_surrogate_pair_which_json_can_say_becomes_text_that_can_be_written():
    chart = read_chart(b'{"text": "Gout \\ud83d and \\ud83d\\ude00."}', chart_id="c")

    assert chart.text.encode().decode() == chart.text
    assert "\U0001f600" in chart.text


def test_damaged_json_is_not_coded_as_if_it_were_prose():
    with pytest.raises(UnreadableChart, match="begins as JSON but cannot be read"):
        read_chart(json.dumps(document_reference()).encode()[:-9], chart_id="c")


def test_text_in_braces_is_text():
    assert read_chart(b'{"quoted"} asthma', chart_id="c").text == '{"quoted"} asthma'


def test_json_nested_without_end_is_refused():
    with pytest.raises(UnreadableChart, match="nested too deeply"):
        read_chart(b'{"a":' + b"[" * 200_000, chart_id="c")


def test_documents_in_documents_without_end_are_refused():
    value = document_reference()
    for _ in range(5):
        value = document_reference(attachment(json.dumps(value).encode(), "application/json"))
    with pytest.raises(ChartTooLarge, match="more than 4 deep"):
        read(value)
