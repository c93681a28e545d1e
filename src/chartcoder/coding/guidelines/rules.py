"""The rules in the order they run."""

from __future__ import annotations

from chartcoder.coding.guidelines import chapters, conventions, detail, selection
from chartcoder.coding.guidelines.draft import Rule

RULES: tuple[Rule, ...] = (
    selection.select_candidates,
    conventions.code_uncertain_diagnoses_of_inpatients,
    conventions.code_what_resolved_during_the_stay,
    chapters.code_history,
    chapters.code_exposure,
    chapters.keep_one_type_of_diabetes,
    detail.specify_from_elsewhere,
    chapters.join_diabetes_with_kidney_disease,
    chapters.join_diabetes_with_complications,
    chapters.join_hypertension_with_heart_and_kidney,
    conventions.keep_the_more_specific,
    detail.use_additional_codes,
    chapters.join_receptors,
    conventions.drop_general_words,
    conventions.drop_integral_symptoms,
    conventions.join_both_sides,
    conventions.drop_excluded,
    chapters.set_trimester,
    chapters.set_seventh_character,
    chapters.code_external_causes,
    conventions.keep_billable,
    conventions.sequence,
)
"""First who may be billed, then what is joined, then what is dropped, last the order."""
