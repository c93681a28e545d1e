"""Where sections begin: each text has one @ where a reader would say which section he is in."""

import pytest

from chartcoder.chart import Section
from chartcoder.coding.sections import Sections

FORMS = (
    "{name}:\n@",
    "{name}: @",
    "{name}\n@",
    "{name} - @",
    "{name} \u2013 @",
    "## {name}\n@",
    "### {name}:\n@",
    "**{name}**\n@",
    "**{name}:** @",
    "**{name}**: @",
    "__{name}__\n@",
    "*{name}*\n@",
    "{name}\n---------\n@",
    "{name}:\n=======\n@",
    "=== {name} ===\n@",
    "[{name}]\n@",
    "1. {name}\n@",
    "3) {name}: @",
    "IV. {name}\n@",
    "B. {name}:\n@",
    "(2) {name}:\n@",
    "\u2022 {name}:\n@",
    "- {name}:\n@",
    "> {name}: @",
    "   {name}:   @",
    "{name} (updated 3/4):\n@",
    "{name} :\r\n@",
    "# 2. **{name}**\n@",
)
NAMES = {
    "Assessment and Plan": "assessment",
    "Past Medical History": "past_medical_history",
    "Family History": "family_history",
    "Physical Examination": "physical_exam",
    "Discharge Diagnoses": "assessment",
    "HPI": "history_of_present_illness",
}


def section_at(text: str) -> str | None:
    place = text.index("@")
    return Sections(text.replace("@", "")).at(place)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_heading_is_known_in_every_common_form(name: str, form: str) -> None:
    for written in (name, name.upper()):
        assert section_at("Seen today.\n\n" + form.format(name=written) + "Gout.") == NAMES[name]


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        ("PC", "chief_complaint"),
        ("Presenting complaint", "chief_complaint"),
        ("Reason for consultation", "chief_complaint"),
        ("HPC", "history_of_present_illness"),
        ("HxPC", "history_of_present_illness"),
        ("Interval HPI", "history_of_present_illness"),
        ("PMH", "past_medical_history"),
        ("PMHx", "past_medical_history"),
        ("PMH/PSH", "past_medical_history"),
        ("Background", "past_medical_history"),
        ("Past Medical & Surgical History", "past_medical_history"),
        ("Significant past medical history", "past_medical_history"),
        ("Updated Problem List", "problem_list"),
        ("Active problems", "problem_list"),
        ("PSH", "past_surgical_history"),
        ("PSHx", "past_surgical_history"),
        ("FH", "family_history"),
        ("FHx", "family_history"),
        ("Fam Hx", "family_history"),
        ("SH", "social_history"),
        ("Social Hx", "social_history"),
        ("ROS", "review_of_systems"),
        ("Systems enquiry", "review_of_systems"),
        ("DHx", "medications"),
        ("Drug history", "medications"),
        ("Meds on admission", "medications"),
        ("TTOs", "medications"),
        ("Home meds", "medications"),
        ("Allergies/Sensitivities", "allergies"),
        ("PE", "physical_exam"),
        ("O/E", "physical_exam"),
        ("On examination", "physical_exam"),
        ("Obs", "physical_exam"),
        ("Mental status exam", "physical_exam"),
        ("Ix", "results"),
        ("Bloods", "results"),
        ("Labs", "results"),
        ("Gross description", "results"),
        ("Microscopic Description", "results"),
        ("Findings", "imaging"),
        ("Comparison", "imaging"),
        ("Technique", "imaging"),
        ("Clinical indication", "indication"),
        ("Reason for exam", "indication"),
        ("Imp", "assessment"),
        ("IMPRESSION", "assessment"),
        ("Dx", "assessment"),
        ("A/P", "assessment"),
        ("A&P", "assessment"),
        ("A & P", "assessment"),
        ("A+P", "assessment"),
        ("Assessment / Plan", "assessment"),
        ("Impression & Recommendations", "assessment"),
        ("Final Pathologic Diagnosis", "assessment"),
        ("Final diagnosis", "assessment"),
        ("ED diagnosis", "assessment"),
        ("Clinical impression", "assessment"),
        ("Principal diagnosis", "assessment"),
        ("Secondary diagnoses", "assessment"),
        ("Diagnoses at discharge", "assessment"),
        ("Problems addressed today", "assessment"),
        ("Visit diagnoses", "assessment"),
        ("Medical decision-making", "assessment"),
        ("Postoperative diagnosis", "postoperative_diagnosis"),
        ("POST-OP DIAGNOSIS", "postoperative_diagnosis"),
        ("Preoperative Diagnosis", "preoperative_diagnosis"),
        ("Pre-op Dx", "preoperative_diagnosis"),
        ("Admitting diagnosis", "admission_diagnosis"),
        ("DDx", "differential_diagnosis"),
        ("Differential diagnosis", "differential_diagnosis"),
        ("Working diagnosis", "differential_diagnosis"),
        ("Plan", "plan"),
        ("Recommendations", "plan"),
        ("Actions for GP", "plan"),
        ("Hospital course", "hospital_course"),
        ("ED Course", "hospital_course"),
        ("Brief hospital course", "hospital_course"),
        ("Procedure performed", "procedure"),
        ("Operative findings", "procedure"),
        ("Return precautions", "patient_instructions"),
        ("Safety netting", "patient_instructions"),
    ],
)
def test_the_usual_names_and_abbreviations_are_known(heading: str, wanted: str) -> None:
    assert section_at(f"{heading}:\n@Gout.") == wanted
    assert section_at(f"{heading.upper()}\n@Gout.") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("S: knee hurts\nO: swollen\nA: @gout\nP: colchicine", "assessment"),
        ("S\nKnee hurts.\nO\nSwollen.\nA\n@Gout.\nP\nColchicine.", "assessment"),
        ("S) sore throat\nO) red\nA) pharyngitis\nP) @rest", "plan"),
        ("S - cough\nO - @clear chest\nA - cold\nP - fluids", "physical_exam"),
        ("Chest CT. Findings: clear lungs. Impression: @no nodule.", "assessment"),
        ("Knee pain for weeks. Dx: @gout. Plan: colchicine.", "assessment"),
        ("Knee pain for weeks. Dx: gout. Plan: @colchicine.", "plan"),
        ("IMPRESSION Acute @gout of the left foot", "assessment"),
        ("ASSESSMENT 1. @Gout 2. Asthma", "assessment"),
        ("FINDINGS The lungs are @clear.\nIMPRESSION Normal.", "imaging"),
        ("word " * 80 + "PLAN: @rest", "plan"),
        ("INDICATION: cough\nCOMPARISON: none\nFINDINGS: clear\nIMPRESSION: @Normal chest.", "assessment"),
        (
            "PREOPERATIVE DIAGNOSIS: cataract.\nPOSTOPERATIVE DIAGNOSIS: @Same.\nPROCEDURE: phaco.",
            "postoperative_diagnosis",
        ),
        ("SPECIMEN: colon\nGROSS DESCRIPTION: polyp\nDIAGNOSIS: @tubular adenoma", "assessment"),
        ("Dear Dr Doe,\nDiagnosis: @Gout\nMany thanks for seeing this man.", "assessment"),
        ("Diagnoses:\n1. Asthma\n2. @Gout\nMedication: none", "assessment"),
    ],
)
def test_notes_letters_and_reports_are_divided_as_they_are_written(text: str, wanted: str) -> None:
    assert section_at(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "The plan was explained and she agreed. @Gout.",
        "He has had an exam before. @Gout.",
        "My impression is that @gout is likely.",
        "A: one line with a letter and @gout",
        "MRI showed @a tear.",
    ],
)
def test_the_same_words_in_running_text_are_no_heading(text: str) -> None:
    assert section_at(text) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FAMILY HISTORY:\nMother: gout\n\nTHOUGHTS\n@Gout.", None),
        ("MEDICATIONS\naspirin\n\n## Where we stand\n@Gout.", None),
        ("PHYSICAL EXAM\nGENERAL\nWell.\nLUNGS\n@Clear.", "physical_exam"),
        ("ASSESSMENT\n\nHYPERTENSION\nStable.\n\nDIABETES\n@Stable.", "assessment"),
        ("HOSPITAL COURSE\n\nRENAL\n@Kidney injury.", "hospital_course"),
        ("Family history: deceased uncle with gout.\nOn arrival he had @fever.", None),
        ("Family history: gout in an uncle.\nHis mother had @asthma.", "family_history"),
        ("Exam\nKnee swollen.\n\nWhat I think is going on:\n1. @Gout\n2. Obesity", None),
        ("Cough. Exam: wheezing. Labs: high white count.\nSo, @pneumonia.", None),
        ("Family history:\n- uncle: gout\n- @asthma", "family_history"),
    ],
)
def test_an_unknown_heading_ends_what_cannot_go_on_under_it(text: str, wanted: str | None) -> None:
    assert section_at(text) == wanted


def test_a_label_at_a_bullet_with_its_text_is_no_heading() -> None:
    assert section_at("ASSESSMENT\n1. Gout.\n- Exam: tender toe.\n2. @Asthma.") == "assessment"


def test_a_given_section_is_what_it_is_called() -> None:
    text = "Diagnosis\nGout"
    assert Sections(text, [Section("family_history", 0, len(text))]).at(12) == "family_history"
