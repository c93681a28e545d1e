"""The chapters of ICD-10-CM, by the first and last category of each (the tabular list's own table of contents)."""

from __future__ import annotations

from bisect import bisect_right

CHAPTERS = (
    ("A00", "1 Infectious and parasitic diseases"),
    ("C00", "2 Neoplasms"),
    ("D50", "3 Blood and immune mechanism"),
    ("E00", "4 Endocrine, nutritional and metabolic diseases"),
    ("F01", "5 Mental and behavioral disorders"),
    ("G00", "6 Nervous system"),
    ("H00", "7 Eye and adnexa"),
    ("H60", "8 Ear and mastoid process"),
    ("I00", "9 Circulatory system"),
    ("J00", "10 Respiratory system"),
    ("K00", "11 Digestive system"),
    ("L00", "12 Skin and subcutaneous tissue"),
    ("M00", "13 Musculoskeletal system"),
    ("N00", "14 Genitourinary system"),
    ("O00", "15 Pregnancy, childbirth and the puerperium"),
    ("P00", "16 Perinatal period"),
    ("Q00", "17 Congenital malformations"),
    ("R00", "18 Symptoms, signs and abnormal findings"),
    ("S00", "19 Injury and poisoning"),
    ("U00", "22 Special purposes"),
    ("V00", "20 External causes of morbidity"),
    ("Z00", "21 Health status and contact with health services"),
)
"""First category of each chapter and its number and (shortened) title, in the order of the codes."""

FIRSTS = [first for first, _ in CHAPTERS]


def chapter_of(code: str) -> str:
    """The chapter that a code stands in, with its number."""
    return CHAPTERS[max(0, bisect_right(FIRSTS, code[:3]) - 1)][1]
