"""The lexicon: normalising, variants, the curated files' form, the official index."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from chartcoder.chart import Chart
from chartcoder.coding.coder import Coder
from chartcoder.coding.lexicon.curated import FOLDER, read_conditions, read_curated, read_main_terms
from chartcoder.coding.lexicon.index import AlphabeticIndex, drug_table, index_phrases, neoplasm_table
from chartcoder.coding.lexicon.normalise import canonical_word, read_phrase
from chartcoder.coding.lexicon.sides import sided_codes
from chartcoder.coding.lexicon.variants import official_variants, permuted
from chartcoder.coding.terminology import BEYOND, CodeEntry, lies_in, read_references
from chartcoder.errors import LexiconMissing, ReleaseInvalid


@pytest.mark.parametrize(
    ("word", "canonical"),
    [
        ("kidneys", "kidney"),
        ("renal", "kidney"),
        ("oedema", "edema"),
        ("anaemia", "anemia"),
        ("haematuria", "hematuria"),
        ("diarrhoea", "diarrhea"),
        ("tumours", "tumor"),
        ("diabetes", "diabetes"),
        ("stenosis", "stenosis"),
        ("metastases", "metastasis"),
        ("fractured", "fracture"),
        ("diverticula", "diverticulum"),
    ],
)
def test_forms_of_a_word_have_one_spelling(word: str, canonical: str) -> None:
    assert canonical_word(word) == canonical


def test_attributes_and_fillers_are_taken_out_of_a_phrase() -> None:
    assert read_phrase("Pain in the left knee") == (("pain", "knee"), frozenset({"left"}))


def test_an_abbreviation_keeps_its_capitals() -> None:
    assert read_phrase("MS")[0] == ("MS",)
    assert read_phrase("ms")[0] == ("ms",)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("Asthma, unspecified, uncomplicated", "Asthma"),
        ("Systolic (congestive) heart failure", "Systolic heart failure"),
        ("Calculus of kidney", "kidney Calculus"),
        ("Transient cerebral ischemic attack, unspecified", "Transient cerebral ischemic attack"),
        ("Fracture of femur, initial encounter for closed fracture", "Fracture of femur"),
        ("Arthritis, rheumatoid", "rheumatoid Arthritis"),
        ("Elevated prostate specific antigen [PSA]", "Elevated PSA"),
    ],
)
def test_a_chart_may_say_an_official_term_its_own_way(term: str, said: str) -> None:
    assert said in {variant for variant, _ in official_variants(term)}


def test_a_residual_class_has_no_name() -> None:
    assert not list(official_variants("Other specified disorders of kidney"))


def test_a_phrase_with_a_word_that_must_stay_in_place_does_not_turn() -> None:
    assert list(permuted(("no", "show"))) == [("no", "show")]
    assert ("knee", "pain") in permuted(("pain", "knee"))


def test_a_bad_row_is_named_by_file_and_line_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "heart.tsv").write_text(
        "# heart\nI10\thypertension | HTN\nQQ1\tnothing\nI10\n-\tblood pressure\nI10\thigh\tnext: to\n",
        encoding="utf-8",
    )
    rows, faults = read_curated({"I10"}, tmp_path)
    assert [row.codes for row in rows] == [("I10",), ()]
    assert [fault.split(": ")[0] for fault in faults] == ["heart.tsv:3", "heart.tsv:4", "heart.tsv:6"]


def test_conditions_are_read_and_an_unknown_one_is_named_with_the_known_ones() -> None:
    assert read_conditions("near: wheez*, copd; sex: female") == (("near", "wheez*, copd"), ("sex", "female"))
    with pytest.raises(ValueError, match="one of near"):
        read_conditions("beside: copd")


def test_the_projects_own_files_are_well_formed() -> None:
    anything = type("Every", (set,), {"__contains__": lambda self, item: True})()
    assert not [fault for fault in read_curated(anything, FOLDER)[1] if "not in the release" not in fault]
    assert not read_main_terms(anything)[1]


INDEX = """<ICD10CM.index><letter><title>K</title>
<mainTerm><title>Knee trouble<nemod>(chronic)</nemod></title><code>M25.9</code>
  <term level="1"><title>runner's, jogger's</title><code>M22.2X-</code></term>
  <term level="1"><title>with effusion</title><code>M25.46-</code></term>
  <term level="1"><title>old</title><see>Knee trouble, runner's, jogger's</see></term>
  <term level="1"><title>lost</title><see>Nowhere, at all</see></term></mainTerm></letter></ICD10CM.index>"""
TABLE = """<ICD10CM.index><letter><title>N</title><mainTerm><title>Neoplasm, neoplastic</title>
<term level="1"><title>elbow</title><cell col="2">C76.4</cell><cell col="7">D49.2</cell></term>
</mainTerm></letter></ICD10CM.index>"""
DRUGS = """<ICD10CM.index><letter><title>A</title><mainTerm><title>Madeupine</title>
<cell col="2">T36.0X1</cell><cell col="6">T36.0X5</cell></mainTerm></letter></ICD10CM.index>"""


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 (our own)


def test_index_entries_are_phrases_in_both_orders_and_alternatives_of_one_another() -> None:
    phrases = dict(AlphabeticIndex(parsed(INDEX)).phrases())
    assert phrases["knee trouble"] == "M25.9"
    assert phrases["runner's knee trouble"] == "M22.2X"
    assert phrases["jogger's knee trouble"] == "M22.2X"


REFERRING = """<ICD10CM.index><letter><title>D</title>
<mainTerm><title>Creak, bone</title><code>M89.8X9</code></mainTerm>
<mainTerm><title>Bone, creak</title><code>M89.9</code></mainTerm>
<mainTerm><title>Creaking<nemod>(chronic)</nemod></title><code>M25.9</code>
  <term level="1"><title>joint</title><code>M24.9</code>
    <term level="2"><title>with</title><term level="3"><title>swelling</title><code>M25.40</code></term></term></term>
  <term level="1"><title>ankle, inner</title><see>Creaking, joint</see></term></mainTerm>
<mainTerm><title>Groan, first</title><code>R52</code></mainTerm>
<mainTerm><title>Groan, second</title><code>R53.81</code>
  <term level="1"><title>hip</title><code>M25.559</code></term></mainTerm>
<mainTerm><title>Alpha</title><see>Creaking (old), joints NEC</see></mainTerm>
<mainTerm><title>Beta</title><see>Creaking, joint, swelling</see></mainTerm>
<mainTerm><title>Gamma</title><see>Creaking, ankle</see></mainTerm>
<mainTerm><title>Delta</title><see>Groan, hip</see></mainTerm>
<mainTerm><title>Epsilon</title><see>Creak</see></mainTerm>
<mainTerm><title>Zeta</title><see>Eta</see></mainTerm>
<mainTerm><title>Eta</title><see>Zeta</see></mainTerm>
<mainTerm><title>Theta</title><see>Neoplasm, bone, benign</see></mainTerm></letter></ICD10CM.index>"""


@pytest.mark.parametrize(
    ("phrase", "code", "because"),
    [
        ("alpha", "M24.9", "modifiers in parentheses, NEC and a plural are no part of a title"),
        ("beta", "M25.40", 'a reference passes over the level "with"'),
        ("gamma", "M24.9", "it may name a part of a title, and an entry that refers on"),
        ("delta", "M25.559", "of two titles that begin alike it is the one that has the rest"),
        ("epsilon", "M89.8X9", "a title that begins so goes before one that only has such a part"),
    ],
)
def test_a_reference_of_the_index_is_followed_as_a_reader_would(phrase: str, code: str, because: str) -> None:
    assert dict(AlphabeticIndex(parsed(REFERRING)).phrases())[phrase] == code, because


def test_references_in_a_circle_are_lost_and_those_to_the_tables_are_not_counted() -> None:
    index = AlphabeticIndex(parsed(REFERRING))
    phrases = dict(index.phrases())
    assert not {"zeta", "eta", "theta"} & phrases.keys()
    assert index.lost == ["Eta", "Zeta"]


def test_what_relates_to_something_else_and_a_reference_to_nowhere_are_no_phrases() -> None:
    phrases = dict(AlphabeticIndex(parsed(INDEX)).phrases())
    assert not any("effusion" in phrase or "lost" in phrase for phrase in phrases)


def test_the_neoplasm_table_speaks_each_behaviour_of_a_site() -> None:
    phrases = dict(neoplasm_table(parsed(TABLE)))
    assert phrases["cancer elbow"] == "C76.4"
    assert phrases["elbow tumor"] == "D49.2"


def test_the_drug_table_speaks_of_poisoning_and_adverse_effects_and_not_of_the_drug_alone() -> None:
    phrases = dict(drug_table(parsed(DRUGS)))
    assert phrases["madeupine overdose"] == "T36.0X1"
    assert phrases["adverse effect of madeupine"] == "T36.0X5"
    assert "madeupine" not in phrases


def test_a_folder_without_index_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseInvalid, match="no index file in"):
        list(index_phrases(tmp_path, []))


def test_the_tabular_lists_references_are_ranges_of_prefixes() -> None:
    assert read_references("heart failure (O00-O07, O08.8)") == (("O00", "O07"), ("O08.8", "O08.8"))
    ranges = (("O00", f"O07{BEYOND}"),)
    assert all(lies_in(code, ranges) for code in ("O00", "O03.4", "O07", "O07.39"))
    assert not any(lies_in(code, ranges) for code in ("N99", "O08", "O08.1"))


def test_a_coder_without_a_lexicon_names_the_command_that_builds_one(tmp_path: Path) -> None:
    with pytest.raises(LexiconMissing, match="python -m chartcoder"):
        Coder(engine="compiled", lexicon=tmp_path)


@pytest.mark.parametrize("misspelled", ["leukocytoss", "leuocytosis", "leukocyotsis", "leukocitosis", "leukoccytosis"])
def test_a_long_medical_word_is_known_with_one_letter_wrong(coder: Coder, misspelled: str) -> None:
    assert coder.code(Chart(id="1", text=f"{misspelled.capitalize()} was seen.")).findings


@pytest.mark.parametrize("word", ["gour", "fevr", "addition", "presenting", "hypothorxidsm"])
def test_short_words_and_everyday_words_and_words_with_two_errors_are_left_alone(coder: Coder, word: str) -> None:
    assert not coder.code(Chart(id="1", text=f"{word} was noted.")).findings


def test_the_sides_of_a_code_are_those_whose_title_is_the_same_but_for_the_side() -> None:
    entries = [
        CodeEntry("H92.01", "Otalgia, right ear", billable=True),
        CodeEntry("H92.03", "Otalgia, bilateral", billable=True),
        CodeEntry("H92.09", "Otalgia, unspecified ear", billable=True),
        CodeEntry("H92.11", "Otorrhea, right ear", billable=True),
        CodeEntry("S82.892A", "Other fracture of left lower leg, initial encounter for closed fracture", billable=True),
        CodeEntry(
            "S82.899A", "Other fracture of unspecified lower leg, initial encounter for closed fracture", billable=True
        ),
    ]
    sides = sided_codes(entries)
    assert sides["H92.09"]["right"] == "H92.01"
    assert sides["S82.899"] == {"left": "S82.892"}


def test_two_rows_that_give_one_phrase_different_codes_are_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "heart.tsv").write_text("R60.0\tankle swelling\nI10\tHTN\n", encoding="utf-8")
    (tmp_path / "bones.tsv").write_text("M25.473\tswollen foot | swellings, ankle\n", encoding="utf-8")
    (tmp_path / "legs.tsv").write_text("M79.89\tankle swelling\tnear: calf\n", encoding="utf-8")
    assert not read_curated({"R60.0", "I10", "M25.473", "M79.89"}, tmp_path)[1]
    (tmp_path / "bones.tsv").write_text(
        "M25.473\tswollen foot | swelling of the foot | ankle swelling\n", encoding="utf-8"
    )
    (fault,) = read_curated({"R60.0", "I10", "M25.473", "M79.89"}, tmp_path)[1]
    assert "bones.tsv:1" in fault and "heart.tsv:1" in fault and "M25.473" in fault and "R60.0" in fault


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A small lung nodule was seen.", "R91.1"),
        ("Two small lung nodules were seen.", "R91.8"),
        ("She has a thyroid nodule.", "E04.1"),
        ("She has thyroid nodules.", "E04.2"),
        ("He has a rib fracture on the left.", "S22.32XA"),
        ("He has rib fractures on the left.", "S22.42XA"),
        ("Basal cell carcinoma of the left lower eyelid.", "C44.1192"),
        ("Diverticulosis was found.", "K57.90"),
        ("Sigmoid diverticulosis was found.", "K57.30"),
        ("Painful urination for two days.", "R30.9"),
        ("Left ankle swelling.", "M25.472"),
        ("Knee discomfort on the right.", "M25.561"),
        ("Chest discomfort.", "R07.89"),
        ("Chest pain.", "R07.9"),
        ("Nuclear sclerotic cataract, right eye.", "H25.11"),
        ("Nuclear sclerotic cataract of both eyes.", "H25.13"),
        ("Osteoarthritis, left knee.", "M17.12"),
        ("Cellulitis, right leg.", "L03.115"),
        ("Primary open-angle glaucoma, bilateral, moderate stage.", "H40.1132"),
        ("POAG, bilateral, moderate stage.", "H40.1132"),
        ("Osteoarthrits of the left knee.", "M17.12"),
        ("Proliferative diabetic retinopathy.", "E11.3599"),
        ("MDD, recurrent, moderate.", "F33.1"),
        ("Internal hemorrhoids, grade II.", "K64.1"),
    ],
)
def test_number_site_and_wording_choose_the_code(coder: Coder, text: str, code: str) -> None:
    assert [finding.code for finding in coder.code(Chart(id="1", text=text)).findings] == [code]


def test_discomfort_that_is_nowhere_is_no_pain(coder: Coder) -> None:
    assert not coder.code(Chart(id="1", text="The discomfort was treated with ibuprofen.")).findings


def test_words_near_a_phrase_win_over_a_row_that_says_it_means_nothing(coder: Coder) -> None:
    study = coder.code(Chart(id="1", text="CT PE protocol: no PE."))
    assert [(finding.code, finding.assertion) for finding in study.findings] == [("I26.99", "negated")]
    assert not coder.code(Chart(id="1", text="PE: lungs clear, abdomen soft, vitals stable.")).findings


@pytest.mark.parametrize(
    "text",
    [
        "The fracture shows callus.",
        "He lay in the left lateral decubitus position.",
        "TMJ without clicks.",
        "Functional impotence of the arm.",
    ],
)
def test_a_word_for_a_place_a_position_or_healing_names_no_disease(coder: Coder, text: str) -> None:
    codes = {finding.code for finding in coder.code(Chart(id="1", text=text)).findings}
    assert not codes & {"L84", "L89.90", "M26.609", "N52.9"}


def test_a_phrase_with_two_codes_takes_a_side_and_a_stage_too(coder: Coder) -> None:
    def codes_in(text: str) -> list[str | None]:
        return [finding.code for finding in coder.code(Chart(id="1", text=text)).findings]

    assert codes_in("Fractures of the distal radius and ulna, right.") == ["S52.501A", "S52.601A"]
    assert codes_in("Hypertensive CKD stage 4.") == ["I12.9", "N18.4"]
