"""No line that begins with a heading is passed over, and those of the plain forms are what the patterns say."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from chartcoder.coding.sections import BEFORE_ITS_TEXT, BEHIND_A_SENTENCE, HEADING, LONGEST_HEADING, SOAP
from tests.unit.coding.inner.sources import both

MODULES = both("heading_lines")
BEHIND = re.compile(
    r"(?:\(?\d{1,2}[.)][ \t]+|[-\u2013\u2022*\u00b7][ \t]+)?(?P<name>[A-Za-z][A-Za-z /&+,'\u2019]{0,58})"
)
LABEL = re.compile(BEHIND.pattern + r"(?<! ):")
BARE = re.compile(BEHIND.pattern + r"[ \t]*\r?")
PIECES = st.lists(
    st.sampled_from(
        [
            *"SAPx1#*_[]()-=:.;,\u2013\u2022 \t\r\n",
            "Plan",
            "PLAN",
            "History of",
            "HISTORY ",
            "IV. ",
            "12. ",
            "- ",
            " - ",
            "fever",
        ]
    ),
    max_size=24,
)


@given(PIECES)
def test_lines_that_begin_with_a_heading_are_there(pieces: list[str]) -> None:
    text = "".join(pieces)
    lines = MODULES[0].heading_lines(text)
    assert lines == MODULES[1].heading_lines(text)
    seen = {start: line for start, *line in lines}
    for found in re.finditer(r"[^\s][^\n]*", text):
        start, end = found.span()
        assert start not in seen or seen[start][0] == end
        form, name = (seen[start][1], tuple(seen[start][2:])) if start in seen else ("none", (0, 0))
        label, bare, heading = LABEL.match(text, start), BARE.fullmatch(text, start, end), HEADING.match(text, start)
        assert (form == "label") == (label is not None)
        assert (form == "bare") == (bare is not None)
        if form in {"label", "bare"} and heading:
            assert heading.span("name") == name
        if heading or BEFORE_ITS_TEXT.match(text, start) or SOAP.match(text, start):
            assert form != "none"


@given(PIECES)
def test_names_behind_the_end_of_a_sentence_are_there(pieces: list[str]) -> None:
    text = "".join(pieces)
    colons = MODULES[0].names_before_colons(text)
    assert colons == MODULES[1].names_before_colons(text)
    for colon in (found.start() for found in re.finditer(":", text)):
        begin = max(0, colon - LONGEST_HEADING)
        end_of_sentence = max(text.rfind(".", begin, colon), text.rfind(";", begin, colon))
        if end_of_sentence >= 0 and BEHIND_A_SENTENCE.match(text, end_of_sentence, colon):
            assert (end_of_sentence, colon) in colons
        elif text[colon - 1 : colon].isupper():
            assert colon in {place for _, place in colons}
