"""Codes that stand for a number in the chart: body mass index (Z68), weeks of gestation (Z3A).

I.B.14: a body mass index is coded only beside a diagnosis that it belongs to, which `guidelines` sees to.
I.C.21.c.11: weeks of gestation are coded with pregnancy codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

BMI = re.compile(r"\b(?:BMI|body mass index)\b\D{0,25}?(\d{2})(?:[.,](\d))?(?!\d|/)", re.I)
GESTATION = re.compile(
    r"\b(\d{1,2})(?:\s*(?:\+|and)\s*\d(?:/7)?)?[\s-]*(?:weeks?|wks?)(?:\s+and\s+\d\s+days?)?[\s-]*(?:of\s+|')?"
    r"(?:gestation|pregnan|gestational|intrauterine)|\bgestational age\D{0,15}?(\d{1,2})[\s-]*(?:weeks?|wks?)",
    re.I,
)


def measured_codes(text: str, *, adult: bool) -> Iterator[tuple[int, int, str]]:
    """(start, end, code) of every measurement that is a code.

    Args:
        text: the chart.
        adult: body mass index is coded by number for adults (20 and older) only.
    """
    low = text.lower()
    if adult and ("bmi" in low or "body mass" in low):
        for found in BMI.finditer(text):
            code = bmi_code(int(found[1]))
            if code:
                yield found.start(), found.end(), code
    for found in GESTATION.finditer(text) if "gestation" in low or "pregnan" in low or "uterine" in low else ():
        weeks = int(found[1] or found[2])
        if 8 <= weeks <= 42:
            yield found.start(), found.end(), f"Z3A.{weeks:02d}"


def bmi_code(value: int) -> str | None:
    """Z68 by whole units of body mass index (kg/m2); None for a number that is none."""
    if not 10 <= value <= 99:
        return None
    if value < 20:
        return "Z68.1"
    if value < 40:
        return f"Z68.{value}"
    return (
        "Z68.41"
        if value < 45
        else "Z68.42"
        if value < 50
        else "Z68.43"
        if value < 60
        else "Z68.44"
        if value < 70
        else "Z68.45"
    )
