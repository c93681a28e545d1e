"""The coder as its users see it."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chartcoder.chart import CodedChart
from chartcoder.coding.coder import Coder

Code = Callable[..., CodedChart]

NOTE = """CHIEF COMPLAINT
Left knee pain.

HISTORY OF PRESENT ILLNESS
Ms. Doe is a 61-year-old woman with a history of hypertension and type 2 diabetes. She
denies fever, chills or chest pain.
Her mother had breast cancer. Possible meniscal tear.

ASSESSMENT AND PLAN
1. Left knee osteoarthritis. Continue naproxen.
2. Hypertension: continue lisinopril.
3. T2DM, well controlled.
"""


def codes(coded: CodedChart) -> list[str]:
    return [item.code for item in coded.codes]


def findings(coded: CodedChart) -> dict[str, str | None]:
    return {finding.text.lower(): finding.code for finding in coded.findings}


def test_a_visit_is_billed_by_its_assessment_in_order(code: Code) -> None:
    assert codes(code(NOTE)) == ["M17.12", "I10", "E11.9"]


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        ("Acute kidney injury on chronic kidney disease stage 4", ["N17.9", "N18.4"]),
        ("AKI on CKD stage 3b", ["N17.9", "N18.32"]),
        ("AKI superimposed on CKD", ["N17.9", "N18.9"]),
        ("Acute-on-chronic renal failure", ["N17.9", "N18.9"]),
    ],
)
def test_acute_on_chronic_kidney_failure_is_two_codes_and_each_has_its_stage(
    code: Code, problem: str, wanted: list[str]
) -> None:
    assert codes(code(f"ASSESSMENT:\n1. {problem}\n")) == wanted


@pytest.mark.parametrize(
    ("chart", "wanted"),
    [("HIV positive, on treatment.", "Z21"), ("HIV positive, with Kaposi sarcoma.", "B20"), ("HIV disease.", "B20")],
)
def test_hiv_positive_is_a_status_until_an_illness_goes_with_it(code: Code, chart: str, wanted: str) -> None:
    """Official Guidelines I.C.1.a.2.d: "HIV positive" without any documentation of symptoms is Z21."""
    assert codes(code(f"ASSESSMENT:\n1. {chart}\n"))[0] == wanted


def test_an_anticoagulant_named_with_a_problem_is_billed(code: Code) -> None:
    assert codes(code("ASSESSMENT:\n1. Paroxysmal atrial fibrillation, on apixaban\n")) == ["I48.0", "Z79.01"]


@pytest.mark.parametrize("word", ["The disease progressed.", "This illness is new."])
def test_an_illness_that_is_not_named_is_a_finding(code: Code, word: str) -> None:
    assert [finding.code for finding in code(word).findings] == ["R69"]


def test_an_illness_that_is_not_named_is_not_billed_beside_one_that_is(code: Code) -> None:
    assert codes(code("ASSESSMENT:\n1. Hypertension\n2. The disease is stable\n")) == ["I10"]


def test_offsets_are_those_of_the_text(code: Code) -> None:
    assert all(NOTE[finding.start : finding.end] == finding.text for finding in code(NOTE).findings)


def test_evidence_points_at_findings_and_findings_have_sections(code: Code) -> None:
    coded = code(NOTE)
    assert all(0 <= place < len(coded.findings) for item in coded.codes for place in item.evidence)
    assert {finding.section for finding in coded.findings} >= {"assessment", "history_of_present_illness"}


def test_a_coded_chart_survives_json(code: Code) -> None:
    coded = code(NOTE)
    assert CodedChart.from_dict(json.loads(json.dumps(coded.as_dict()))) == coded


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("pain in the left knee", "M25.562"),
        ("left knee pain", "M25.562"),
        ("bilateral knee osteoarthritis", "M17.0"),
        ("CKD, stage 3b", "N18.32"),
        ("stage III CKD", "N18.30"),
        ("chronic kidney disease (stage 4)", "N18.4"),
        ("DM2", "E11.9"),
        ("T2DM", "E11.9"),
        ("diabetes mellitus type II", "E11.9"),
        ("oedema", "R60.9"),
        ("acute on chronic diastolic CHF", "I50.33"),
        ("carcinoma of the prostate", "C61"),
        ("BMI of 32.4, obese", "Z68.32"),
    ],
)
def test_a_phrase_is_found_in_any_order_and_made_specific(code: Code, text: str, wanted: str) -> None:
    assert wanted in {finding.code for finding in code(f"Assessment: {text}.").findings}


def test_a_shared_word_is_shared(code: Code) -> None:
    got = {finding.code for finding in code("Metastases to the liver and brain.").findings}
    assert {"C78.7", "C79.31"} <= got


def test_a_word_in_between_does_not_hide_a_phrase(code: Code) -> None:
    assert "K76.9" in {finding.code for finding in code("A hepatic hypodense lesion was seen.").findings}


def test_an_ambiguous_abbreviation_is_read_by_its_case(code: Code) -> None:
    assert "does" not in findings(code("She does well and aids her mother."))


def test_headings_are_not_findings(code: Code) -> None:
    assert not code("HISTORY OF PRESENT ILLNESS\nHe is well.").findings


def test_a_general_word_takes_the_code_of_what_it_means(code: Code) -> None:
    coded = code("Prostate cancer. The tumor was resected.")
    assert findings(coded)["tumor"] == "C61"


def test_no_line_of_the_chart_is_written_to_stderr_or_stdout_by_either_engine() -> None:
    program = (
        "from chartcoder.chart import Chart\nfrom chartcoder.coding.coder import Coder\n"
        "for engine in ('medspacy', 'compiled'):\n"
        "    coded = Coder(engine=engine).code(Chart(id='1', text='Secretname has pneumonia. Denies fever.'))\n"
        "    assert [f.assertion for f in coded.findings] == ['present', 'negated']\n"
    )
    done = subprocess.run([sys.executable, "-W", "default", "-c", program], capture_output=True, text=True, check=True)
    assert "Secretname" not in done.stderr + done.stdout
    assert "pneumonia" not in done.stderr + done.stdout


def test_the_compiled_engine_loads_no_spacy() -> None:
    program = (
        "import sys\nfrom chartcoder.coding.coder import Coder\nfrom chartcoder.chart import Chart\n"
        "Coder(engine='compiled').code(Chart(id='1', text='Pneumonia.'))\n"
        "assert not {'spacy', 'medspacy', 'simple_icd_10_cm', 'boto3'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_both_engines_agree_with_the_same_sentences() -> None:
    from bench.agreement import given as given_sentences
    from chartcoder.coding.conditions import ChartView
    from chartcoder.coding.engine_compiled import CompiledEngine
    from chartcoder.coding.engine_medspacy import MedspacyEngine
    from chartcoder.coding.lexicon.artefact import ARTEFACT, Lexicon
    from chartcoder.coding.matching import Matcher
    from chartcoder.coding.sections import Sections

    from .assertion_sentences import SENTENCES

    stock, compiled, matcher = MedspacyEngine(), CompiledEngine(ARTEFACT), Matcher(Lexicon(ARTEFACT))
    for marked in (NOTE, *(sentence for sentence, _ in SENTENCES[::5])):
        text = marked.replace("[[", "").replace("]]", "")
        text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")  # read by the compiled engine only: a correction
        sections = Sections(text)
        spans = [(term.start, term.end) for term in matcher.find(text, ChartView(text, sections.at))]
        wanted = [set(context.cues) for context in stock.read(text, spans, sections)]
        got = compiled.cues(text, spans, given_sentences(stock.sentences(text), len(text)))
        assert [set(cues) for cues in got] == wanted, text


def test_loading_medspacy_leaves_the_warnings_of_the_process_as_they_were() -> None:
    before = list(warnings.filters)
    Coder(engine="medspacy")
    assert warnings.filters == before


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="one of medspacy, compiled"):
        Coder(engine="quantum")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=400))
def test_no_text_makes_the_coder_fail(code: Code, text: str) -> None:
    assert all(text[finding.start : finding.end] == finding.text for finding in code(text).findings)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(
            ["no", "denies", "history of", "left", "stage 3b", "CKD", "knee pain", "cancer", "and", ",", ".", "\n", ":",
             "ASSESSMENT", "1.", "-", "(", ")", "mother", "if", "possible", "\u0130", "\U0001f9e0", "BMI 30", "tumor"]
        ),
        max_size=60,
    )
)  # fmt: skip
def test_no_order_of_clinical_words_makes_the_coder_fail(code: Code, pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert all(text[finding.start : finding.end] == finding.text for finding in code(text).findings)


@pytest.mark.parametrize("joint", [" ", "\n", ", ", ". "])
def test_a_long_chart_has_as_many_findings_as_its_parts(code: Code, joint: str) -> None:
    coded = code(joint.join(["no pneumonia", "left knee pain", "history of gout"] * 3_000))
    assert len(coded.findings) == 9_000


@pytest.mark.parametrize("piece", ["x", "[", "\n", "A: ", "left ", "ABC ", "no ", "and ", ", ", "BMI ", "1. ", "[ ] "])
def test_a_hundred_thousand_of_the_same_are_read(code: Code, piece: str) -> None:
    assert code(piece * 100_000).codes == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Right ear pain.", "H92.01"),
        ("Bilateral ear pain.", "H92.03"),
        ("Left ankle fracture.", "S82.892A"),
        ("Left rib fracture.", "S22.32XA"),
        ("Left lower extremity DVT.", "I82.402"),
        ("Left sciatica.", "M54.32"),
        ("Baker's cyst of the right knee.", "M71.21"),
        ("Ear pain.", "H92.09"),
    ],
)
def test_a_side_moves_a_code_that_leaves_it_open_to_the_code_of_that_side(code: Code, text: str, wanted: str) -> None:
    assert [finding.code for finding in code(text).findings] == [wanted]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hepatitis A.", ["B15.9"]),
        ("He was found to have hepatitis A and B.", ["B15.9", "B19.10"]),
        ("Influenza A.", ["J10.1"]),
        ("Vitamin A deficiency.", ["E50.9"]),
        ("Type A aortic dissection.", ["I71.010"]),
        ("She recovered from hepatitis. A cough remains.", ["K75.9", "R05.9"]),
        ("PATIENT WITH HEPATITIS A STROKE", ["K75.9", "I63.9"]),
        ("A-fib.", ["I48.91"]),
    ],
)
def test_a_capital_a_is_a_name_within_a_sentence_and_an_article_where_one_begins(
    code: Code, text: str, wanted: list[str]
) -> None:
    assert [finding.code for finding in code(text).findings] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Acute on chronic HFrEF.", ["I50.23"]),
        ("Acute on chronic HFpEF.", ["I50.33"]),
        ("Grade 2 hemorrhoids.", ["K64.1"]),
    ],
)
def test_a_curated_phrase_of_an_abbreviation_and_attributes_counts_with_the_fillers_between_them(
    code: Code, text: str, wanted: list[str]
) -> None:
    assert [finding.code for finding in code(text).findings] == wanted


def test_urosepsis_has_no_default_code(code: Code) -> None:
    """Official Guidelines I.C.1.d.1.a.ii: the provider must be asked."""
    assert not [finding for finding in code("Urosepsis.").findings if finding.code]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Necrotic lesions were removed.", []),
        ("The toe is necrotic.", ["I96"]),
        ("Hemorrhagic cysts.", []),
        ("Carcinoma.", []),
        ("Carcinoma of unknown primary.", ["C80.1"]),
        ("Placed in the decubitus position.", []),
        ("Decubitus on the heel.", ["L89.609"]),
        ("Stress test was done.", []),
    ],
)
def test_a_word_that_names_no_disease_where_it_stands_gives_no_code(code: Code, text: str, wanted: list[str]) -> None:
    assert [finding.code for finding in code(text).findings if finding.code] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "A non-diabetic man.",
        "Non-ischemic cardiomyopathy.",
        "The child of non-consanguineous parents.",
        "He did not present arthritis.",
        "She did not present with fever.",
        "The patient had no history of trauma.",
    ],
)
def test_what_a_prefix_or_a_trigger_that_runs_into_the_term_denies_is_not_present(code: Code, text: str) -> None:
    assert "present" not in {finding.assertion for finding in code(text).findings if finding.code}


def test_a_mother_with_her_child_is_not_pregnant(code: Code) -> None:
    assert not [finding for finding in code("She came with her child.").findings if finding.code]
