"""The rules in the order they run."""

from __future__ import annotations

from chartcoder.coding.guidelines import chapters, combinations, conventions, detail, selection
from chartcoder.coding.guidelines.draft import Rule

RULES: tuple[Rule, ...] = (
    selection.select_candidates,
    conventions.code_uncertain_diagnoses_of_inpatients,
    conventions.code_what_resolved_during_the_stay,
    chapters.code_history,
    chapters.specify_remission,
    chapters.code_exposure,
    chapters.keep_one_type_of_diabetes,
    detail.specify_from_elsewhere,
    chapters.join_diabetes_with_kidney_disease,
    chapters.join_diabetes_with_complications,
    chapters.join_hypertension_with_heart_and_kidney,
    combinations.join_angina_with_coronary_disease,
    combinations.join_copd_with_infection,
    combinations.join_anemia_with_its_cause,
    combinations.keep_one_pattern_of_use,
    conventions.keep_the_more_specific,
    detail.use_additional_codes,
    chapters.join_receptors,
    chapters.code_sepsis_beside_its_severity,
    conventions.drop_general_words,
    conventions.drop_integral_symptoms,
    combinations.keep_the_deepest_burn,
    combinations.drop_superficial_injuries,
    conventions.join_both_sides,
    conventions.drop_excluded,
    chapters.set_trimester,
    chapters.code_weeks_of_gestation,
    chapters.set_seventh_character,
    chapters.code_external_causes,
    conventions.keep_billable,
    conventions.sequence,
)
"""First who may be billed, then what is joined, then what is dropped, last the order."""
