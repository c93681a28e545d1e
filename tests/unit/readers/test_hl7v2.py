import pytest

from chartcoder.chart import GivenCode
from chartcoder.errors import SeveralCharts, UnreadableChart
from chartcoder.readers import read_chart
from tests.unit.readers.documents import base64_of, kept, pdf

HEADER = "MSH|^~\\&|A|B|C|D|20260101||{kind}|1|P|2.5.1\r"


def message(*segments, kind="ORU^R01"):
    return (HEADER.format(kind=kind) + "\r".join(segments)).encode()


def text_of(*segments):
    return read_chart(message(*segments), chart_id="c").text


def test_observations_of_one_document_are_its_lines_in_the_declared_character_set():
    chart = read_chart(kept("discharge.mdm.hl7"), chart_id="b/c1")

    assert chart.text == (
        "Discharge summary\nAdmitted with fever & cough.\nSjögren syndrome, 38.5 °C.\nDiagnoses: pneumonia\nGout"
    )


def test_a_deleted_observation_is_not_read():
    assert "Stroke" not in read_chart(kept("discharge.mdm.hl7"), chart_id="c").text


def test_the_message_says_date_setting_kind_and_given_codes():
    chart = read_chart(kept("discharge.mdm.hl7"), chart_id="c")

    assert (chart.date, chart.setting, chart.kind, chart.format) == ("2026-03-11", "inpatient", "DS", "hl7v2")
    assert chart.given == (GivenCode("http://hl7.org/fhir/sid/icd-10-cm", "J18.9", "Pneumonia"),)


def test_results_stand_with_name_unit_and_flag_and_reports_under_their_headings():
    chart = read_chart(kept("results.oru.hl7"), chart_id="c")

    assert chart.text == (
        "Potassium: 5.9 mmol/L (high)\nBlood group: Group A\nRepeat if symptomatic.\n\n"
        "Findings\nRight lower lobe\nopacity\nand a second line\n\nImpression\nPneumonia; café au lait spots\\"
    )
    assert [(one.name, chart.text[one.start :][:5]) for one in chart.sections] == [
        ("results", "Potas"),
        ("imaging", "Right"),
        ("assessment", "Pneum"),
    ]


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"a \T\ b", "a & b"),
        (r"\F\\S\\R\\E\ ", "|^~\\"),
        (r"one\.br\two", "one\ntwo"),
        (r"one\X0D0A\two", "one\ntwo"),
        (r"\H\bold\N\ ", "bold"),
        (r"C:\temp\notes", r"C:\temp\notes"),
        (r"5 \ 6", r"5 \ 6"),
    ],
)
def test_escapes_are_resolved_and_what_is_none_stays(escaped, plain):
    assert text_of(f"OBX|1|TX|x^Note||{escaped}||||||F").removeprefix("Note\n").strip() == plain.strip()


def test_an_added_segment_continues_the_one_before():
    assert text_of("OBX|1|TX|x^Note||Gout and ", "ADD|asthma||||||F") == "Note\nGout and asthma"


def test_the_messages_own_separators_are_obeyed():
    data = b"MSH#*!?@#A#B#C#D#20260101##ORU*R01#1#P#2.5.1\rOBX#1#TX#x*Note##Gout!A ?S? B######F"

    assert read_chart(data, chart_id="c").text == "Note\nGout\nA * B"


@pytest.mark.parametrize("way", ["Base64", "Hex"])
def test_an_embedded_document_is_read_as_what_it_is(way):
    data = pdf("Gout.")
    held = base64_of(data) if way == "Base64" else data.hex()

    assert text_of(f"OBX|1|ED|x^Report||^application^pdf^{way}^{held}||||||F").strip() == "Gout."


def test_framing_and_line_feeds_do_no_harm():
    data = b"\x0b" + message("OBX|1|TX|x^Note||Gout||||||F").replace(b"\r", b"\r\n") + b"\r\n\x1c\r"

    assert read_chart(data, chart_id="c").text == "Note\nGout"


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (message("PID|1", kind="ADT^A01"), "type ADT; expected MDM or ORU"),
        (message("OBX|1|TX|x||Gout||||||F", kind="MDM^T11"), "cancels a document"),
        (message("OBX|1|RP|x||file^HOSP^text||||||F"), "only points at its document"),
        (message("OBX|1|ED|x||^text^plain^Base64^%%%||||||F"), "not in the encoding"),
        (message("PID|1"), "no text to code"),
        (b"MSH|", "cannot be parsed|type unknown"),
        (b"MSH|^^\\&|A|B|C|D|1||ORU^R01|1|P|2.5\rOBX|1|TX|x||Gout", "cannot be parsed"),
        (b"FHS|^~\\&|A\rBTS|0", "holds no message"),
    ],
)
def test_a_message_that_cannot_be_read_says_why(data, complaint):
    with pytest.raises(UnreadableChart, match=complaint):
        read_chart(data, chart_id="c")


def test_a_batch_of_one_message_is_that_message():
    data = b"BHS|^~\\&|A\r" + message("OBX|1|TX|x^Note||Gout||||||F") + b"\rBTS|1"

    assert read_chart(data, chart_id="c").text == "Note\nGout"


def test_a_batch_or_several_patients_are_no_chart():
    one = message("PID|1", "OBX|1|TX|x||Gout||||||F")
    with pytest.raises(SeveralCharts, match="2 messages"):
        read_chart(one + b"\r" + one, chart_id="c")
    with pytest.raises(SeveralCharts, match="2 patients"):
        read_chart(message("PID|1", "OBX|1|TX|x||Gout", "PID|2", "OBX|1|TX|x||Asthma"), chart_id="c")
