# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Which lines of a chart may begin with a heading, told by a look at their first characters.

Most headings are a name and nothing else, which is seen here; of the others only that they may be one: `sections.py`
reads those. Few lines of prose pass. As `scanning.py`, this file is Python with types for Cython.
"""

from __future__ import annotations

import cython

LABEL, BARE, OTHER = "label", "bare", "other"
"""A name before a colon; a name alone in its line; anything else that may be a heading. The first two may be numbered
or stand at a bullet."""

LONGEST_NAME = cython.declare(cython.int, 59)  # characters
LONGEST_LEAD = cython.declare(cython.int, 110)  # characters from the end of a sentence to the colon behind a name
LONGEST_ENUMERATOR = cython.declare(cython.int, 4)  # letters: "VIII."
MOST_MARKS = cython.declare(cython.int, 8)  # behind a name: "**"
CAPITALS_OF_A_NAME = cython.declare(cython.int, 7)  # that may be a heading right before its text


def heading_lines(text: str) -> list[tuple[int, int, str, int, int]]:
    """The lines that may begin with a heading, as (start, end, form, start and end of the name), in order.

    A line starts with its first character that is no space and ends before its line feed. The name is that of a label
    or a bare name, without any blanks behind it; its ends are 0 for other forms.
    """
    lines: list = []
    length: cython.Py_ssize_t = len(text)
    start: cython.Py_ssize_t = 0
    end: cython.Py_ssize_t
    name: cython.Py_ssize_t
    place: cython.Py_ssize_t
    while start < length:
        if text[start].isspace():
            start += 1
            continue
        end = text.find("\n", start)
        if end < 0:
            end = length
        name = _behind_number_or_bullet(text, start, end)
        place = _behind_name(text, name, end)
        if place > name and place < end and text[place] == ":" and text[place - 1] != " ":
            lines.append((start, end, LABEL, name, place))
        elif place > name and _behind_blanks(text, place, end) == end:
            while text[place - 1] == " ":
                place -= 1
            lines.append((start, end, BARE, name, place))
        elif _may_be_adorned(text, start, end) or _in_capitals(text, start, end) or _is_letter(text, start, end):
            lines.append((start, end, OTHER, 0, 0))
        start = end
    return lines


def names_before_colons(text: str) -> list[tuple[int, int]]:
    """Colons that may end a heading within a line, as (where the name before it ends a sentence, colon), in order.

    Either only what may be a name and blanks stand between a period or a semicolon and the colon, or the colon is
    directly behind a capital; the first place is -1 there.
    """
    colons: list = []
    length: cython.Py_ssize_t = len(text)
    colon: cython.Py_ssize_t = text.find(":")
    place: cython.Py_ssize_t
    floor: cython.Py_ssize_t
    while colon >= 0:
        floor = max(colon - LONGEST_LEAD, -1)
        place = colon - 1
        while place > floor and (_is_ascii_letter(text[place]) or text[place] in " /&'-\t"):
            place -= 1
        if place > floor and text[place] in ".;":
            colons.append((place, colon))
        elif colon and text[colon - 1].isupper():
            colons.append((-1, colon))
        colon = text.find(":", colon + 1, length)
    return colons


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _is_capital(character: cython.Py_UCS4) -> cython.bint:
    return "A" <= character <= "Z"


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _is_ascii_letter(character: cython.Py_UCS4) -> cython.bint:
    return "a" <= character <= "z" or "A" <= character <= "Z"


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _may_be_capital(character: cython.Py_UCS4) -> cython.bint:
    return _is_capital(character) or character in "/&-"


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _in_name(character: cython.Py_UCS4) -> cython.bint:
    return _is_ascii_letter(character) or character in " /&+,'\u2019"


@cython.cfunc
@cython.exceptval(check=False)
def _behind_number_or_bullet(text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Behind a number ("1. ", "(12) ") or a bullet and the blanks after it; `start` where there is none."""
    place: cython.Py_ssize_t = start
    digits: cython.Py_ssize_t
    if text[place] in "-\u2013\u2022*\u00b7":
        place += 1
    else:
        if text[place] == "(":
            place += 1
        digits = place
        while place < end and "0" <= text[place] <= "9":
            place += 1
        if not digits < place <= digits + 2 or place == end or text[place] not in ".)":
            return start
        place += 1
    if place == end or text[place] not in " \t":
        return start
    while place < end and text[place] in " \t":
        place += 1
    return place


@cython.cfunc
@cython.exceptval(check=False)
def _behind_name(text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Where the characters of a plain name end that begins at `start`; `start` if none does. A longer one is cut."""
    place: cython.Py_ssize_t = start
    if place < end and _is_ascii_letter(text[place]):
        while place < end and place - start < LONGEST_NAME and _in_name(text[place]):
            place += 1
    return place


@cython.cfunc
@cython.exceptval(check=False)
def _behind_blanks(text: str, place: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """Behind spaces and tabs, and a carriage return that ends the line."""
    while place < end and (text[place] == " " or text[place] == "\t"):
        place += 1
    return end if place + 1 == end and text[place] == "\r" else place


@cython.cfunc
@cython.exceptval(check=False)
def _may_be_adorned(text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether a name with an end behind it stands behind marks, and perhaps behind an enumerator ("IV. ")."""
    place: cython.Py_ssize_t = start
    while place < end and not _is_ascii_letter(text[place]):
        place += 1
    behind: cython.Py_ssize_t = place
    while behind < end and behind - place < LONGEST_ENUMERATOR and _is_capital(text[behind]):
        behind += 1
    if place < behind < end and text[behind] in ".)":
        behind += 1
        while behind < end and text[behind] in " \t*_[":
            behind += 1
        if _name_ends(text, behind, end):
            return True
    return _name_ends(text, place, end)


@cython.cfunc
@cython.exceptval(check=False)
def _name_ends(text: str, place: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether what ends a heading stands behind the characters that a name at `place` may have: a bracket, a colon, a
    dash or the end of the line, perhaps with a number or marks before it; and not a digit or a period of a sentence."""
    marks: cython.int = 0
    if place >= end or not _is_ascii_letter(text[place]):
        return False
    while place < end:
        if text[place] == "-":
            if text[place - 1] == " " and (place + 1 == end or text[place + 1] in " \t"):
                break
        elif not _in_name(text[place]):
            break
        place += 1
    if place < end and text[place] in "()":
        return True
    if place < end and text[place] == "#":
        place += 1
    while place < end and "0" <= text[place] <= "9":
        place += 1
    while place < end and text[place] in " \t":
        place += 1
    while place < end and marks < MOST_MARKS and text[place] in "*_])=#":
        place += 1
        marks += 1
    while place < end and text[place] in " \t":
        place += 1
    return place == end or text[place] in ":\r-\u2013\u2014"


@cython.cfunc
@cython.exceptval(check=False)
def _in_capitals(text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether a line begins as a heading in capitals right before its text does: with seven of them, or with one such
    word and the beginning of another."""
    place: cython.Py_ssize_t = start
    while place < end and _may_be_capital(text[place]):
        place += 1
    if place - start >= CAPITALS_OF_A_NAME:
        return True
    return place - start > 1 and place + 1 < end and text[place] == " " and _may_be_capital(text[place + 1])


@cython.cfunc
@cython.exceptval(check=False)
def _is_letter(text: str, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether a line begins with a letter of a SOAP note by itself."""
    return text[start] in "SOAP" and (start + 1 == end or text[start + 1] in " \t:.)\r")
