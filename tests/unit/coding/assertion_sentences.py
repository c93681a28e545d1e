"""Sentences with one marked term each, and how a careful reader says it is asserted. Written for these tests."""

TERMS = ("chest pain", "pneumonia", "fever", "seizure", "hematuria")

PATTERNS: dict[str, tuple[str, ...]] = {
    "present": (
        "The patient has [[{term}]].",
        "She presents with [[{term}]] for two days.",
        "He reports [[{term}]] and has no known allergies.",
        "Positive for [[{term}]].",
        "Assessment: [[{term}]].",
        "1. [[{term}]]: start treatment today.",
        "No rash, but [[{term}]] is present.",
        "Without change, [[{term}]] persists.",
        "CT without contrast confirmed [[{term}]].",
        "He came in because of [[{term}]].",
        "She denies nausea; however, she has [[{term}]].",
        "[[{term}]] has not resolved.",
        "[[{term}]]: yes",
        "[x] [[{term}]]",
        "A three-day course of worsening [[{term}]] brought him in.",
    ),
    "negated": (
        "No [[{term}]].",
        "The patient denies [[{term}]].",
        "He denies nausea, vomiting, or [[{term}]].",
        "There is no evidence of [[{term}]].",
        "Negative for [[{term}]].",
        "Patient doesn\N{RIGHT SINGLE QUOTATION MARK}t have [[{term}]].",
        "[[{term}]]: none.",
        "[[{term}]]: denies",
        "[[{term}]] was ruled out.",
        "She never had [[{term}]].",
        "Without [[{term}]].",
        "ROS: denies cough, [[{term}]], and dizziness.",
        "No signs of [[{term}]] today.",
        "[ ] [[{term}]]",
        "The workup did not reveal [[{term}]].",
    ),
    "possible": (
        "Possible [[{term}]].",
        "Concern for [[{term}]].",
        "Findings are suspicious for [[{term}]].",
        "Rule out [[{term}]].",
        "R/o [[{term}]].",
        "This is most likely [[{term}]].",
        "Probable [[{term}]].",
        "[[{term}]] cannot be ruled out.",
        "Findings consistent with [[{term}]].",
        "Differential includes [[{term}]].",
        "Suspected [[{term}]].",
        "The picture is suggestive of [[{term}]].",
    ),
    "family": (
        "There is a family history of both gout and [[{term}]].",
        "Mother had [[{term}]].",
        "Father with [[{term}]].",
        "His brother has [[{term}]].",
        "Family history is significant for [[{term}]] in his sister.",
        "FAMILY HISTORY:\n[[{term}]] in an uncle.",
        "[[{term}]] runs in the family.",
    ),
    "hypothetical": (
        "Return if you develop [[{term}]].",
        "Call if [[{term}]] occurs.",
        "Come back for [[{term}]].",
        "She is at risk for [[{term}]].",
        "Watch for [[{term}]].",
        "INSTRUCTIONS:\nSeek care for [[{term}]].",
        "Should you develop [[{term}]], call us.",
        "Screening for [[{term}]] was discussed.",
    ),
}

HISTORICAL = (
    "[[Pneumonia]] has resolved.",
    "[[Fever]] has resolved.",
    "[[Hematuria]] has resolved.",
    "History of [[cellulitis]].",
    "Past medical history of [[cellulitis]].",
    "H/o [[cellulitis]] in 2011.",
    "PAST MEDICAL HISTORY:\n[[Cellulitis]] in 2009.",
    "He had [[cellulitis]] three years ago.",
    "Status post [[cellulitis]].",
    "Previous episode of [[cellulitis]].",
    "Remote [[cellulitis]].",
    "PMH: [[cellulitis]], appendicitis.",
    "She previously had [[cellulitis]].",
    "[[Cellulitis]] in childhood.",
    "[[Cellulitis]] as a child.",
    "Prior episodes of [[cellulitis]].",
    "[[Cellulitis]] last year.",
    "Past history: [[cellulitis]].",
)
"""Of an acute disease only: "history of hypertension" means that the patient has it."""

LASTING = (
    "History of [[hypertension]].",
    "Past medical history significant for [[asthma]].",
    "PAST MEDICAL HISTORY:\n[[Type 2 diabetes]].",
    "H/o [[COPD]].",
    "She has a history of [[atrial fibrillation]].",
    "PMH: [[CKD stage 3]].",
    "HTN: yes. [[Gout]]: yes",
    "He has a long history of [[rheumatoid arthritis]].",
)

SENTENCES: tuple[tuple[str, str], ...] = (
    *(
        (pattern.format(term=term), assertion)
        for assertion, patterns in PATTERNS.items()
        for pattern in patterns
        for term in TERMS
    ),
    *((sentence, "historical") for sentence in HISTORICAL),
    *((sentence, "present") for sentence in LASTING),
)
