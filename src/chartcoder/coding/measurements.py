"""Codes that stand for a number or a sign in the chart: body mass index (Z68), weeks of gestation (Z3A), pounds lost
(R63.4), the score of a stroke (R29.7), receptors of a tumor (Z17).

I.B.14: a body mass index is coded only beside a diagnosis that it belongs to, which `guidelines` sees to.
I.C.21.c.11: weeks of gestation are coded with pregnancy codes. I.C.18.i: the score of the NIH stroke scale is coded
with the stroke.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chartcoder.coding.conditions import ChartView
from chartcoder.coding.inner.any_word import AnyWord

ADULT = 20  # years: body mass index is coded by number for adults only
# patterns are of text in lower case and begin with letters, so that a search skips to them
BMI = re.compile(r"(?:bmi(?<!\wbmi)|body mass index(?<!\wbody mass index))\b\D{0,25}?(\d{2})(?:[.,](\d))?(?!\d|/)")
GESTATION = re.compile(
    r"\b(\d{1,2})(?:\s*(?:\+|and)\s*\d(?:/7)?)?[\s-]*(?:weeks?|wks?)(?:\s+and\s+\d\s+days?)?[\s-]*(?:of\s+|')?"
    r"(?:gestation|pregnan|gestational|intrauterine)|\bgestational age\D{0,15}?(\d{1,2})[\s-]*(?:weeks?|wks?)"
    r"|\b(?:IUP|pregnan(?:cy|t)|EGA)(?: at|:)? (\d{1,2})[\s-]*(?:weeks?|wks?|w ?\d ?d)",
    re.I,
)
WEEKS_OF_GESTATION = re.compile(
    r"(?:weeks?|wks?|days?)[\s-]*(?:of\s+|')?(?:gestation|pregnan|intrauterine)|gestational age"
    r"|(?:iup|pregnan(?:cy|t)|ega)(?: at|:)? \d"
)
"""What that one cannot do without, in lower case, and so begun by letters that a search can skip to."""

WORDS_OF_GESTATION = AnyWord(["gestation*", "pregnan*", "uterine", "intrauterine", "iup", "ega"])
"""What both cannot do without, quickest to look for."""

WEIGHT_LOST = re.compile(
    r"(?:loss of(?<!\wloss of)|lost(?<!\wlost)|losing(?<!\wlosing))"
    r"(?: (?:about|approximately|around|over|nearly|another|some|up to|at least)){0,2} "
    r"(?:\d+(?:[.,]\d+)?(?: (?:to|-) \d+)?|five|ten|fifteen|twenty|thirty|forty|fifty)[ -]?"
    r"(?:kg|kgs|kilos?|kilograms?|lbs?|pounds?"
    r"|% of (?:(?:his|her|their|total) )?(?:body )?weight)(?!\w)"
    r"(?! (?:on purpose|intentionally|(?:by|with) diet\w*|on (?:a|the|his|her) diet|since (?:the )?surgery))"
)
WORDS_OF_BODY_MASS = AnyWord(["bmi", "body mass"])
WORDS_OF_THE_SCALE = AnyWord(["nih*"])
WORDS_OF_LOSS = AnyWord(["loss of", "lost", "losing"])
UNITS_OF_LOSS = ("kg", "kilo", "lb", "pound", "weight")
"""What the pattern cannot do without, quicker to look for."""
STROKE_SCALE = re.compile(r"\bNIH ?SS\b(?: score)?[ \t]*(?:is|was|of|:|=)?[ \t]*(\d{1,2})\b(?!\s*[-/]\s*\d)")
# begun by its letters and not by \b, so that a search skips to them: ER, PR, HER2
RECEPTOR = re.compile(
    r"([EHP](?<!\w[EHP])(?:(?<=[EP])R|(?<=H)ER-?2(?:/neu)?))(?:(\+{1,3}|[ \t]*(?:is |was |: ?|- ?)?(?:positive|pos)\b)"
    r"|((?:-|\u2212|\u2013)(?=[\s,;/.)]|$)|[ \t]*(?:is |was |: ?|- ?)?(?:negative|neg)\b))"
)
RECEPTORS = {"ER": ("Z17.0", "Z17.1"), "PR": ("Z17.21", "Z17.22"), "HER2": ("Z17.31", "Z17.32")}
"""Receptor -> its positive and its negative status."""


def measured_codes(view: ChartView) -> Iterator[tuple[int, int, str]]:
    """(start, end, code) of every measurement of a chart that is a code."""
    text, low = view.text, view.lower
    if view.says(WORDS_OF_BODY_MASS) and (view.age is None or view.age >= ADULT):
        for found in BMI.finditer(low):
            code = bmi_code(int(found[1]))
            if code:
                yield found.start(), found.end(), code
    if view.says(WORDS_OF_GESTATION) and WEEKS_OF_GESTATION.search(low):
        for found in GESTATION.finditer(text):
            weeks = int(found[1] or found[2] or found[3])
            if 8 <= weeks <= 42:
                yield found.start(), found.end(), f"Z3A.{weeks:02d}"
    if view.says(WORDS_OF_LOSS) and any(unit in low for unit in UNITS_OF_LOSS):
        yield from ((found.start(), found.end(), "R63.4") for found in WEIGHT_LOST.finditer(low))
    if view.says(WORDS_OF_THE_SCALE):
        for found in STROKE_SCALE.finditer(text):
            if int(found[1]) <= 42:
                yield found.start(), found.end(), f"R29.7{int(found[1]):02d}"
    if "ER" in text:
        for found in RECEPTOR.finditer(text):
            positive, negative = RECEPTORS[found[1].removesuffix("/neu").replace("-", "")]
            yield found.start(), found.end(), positive if found[2] else negative


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
