"""Text in lower case with every character at its place, and patterns of it."""

from __future__ import annotations

import re


def lower_in_place(text: str) -> str:
    """The text in lower case; a capital that has two characters in lower case stays as it is (the I with a dot)."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def begun_by(*alternatives: str) -> re.Pattern[str]:
    """A pattern of text in lower case, of words and what stands behind them; each alternative begins with a letter.

    A search skips to these letters, which it does not where `\\b` stands before them, or capitals count as well.
    """
    return re.compile("|".join(rf"{one[0]}(?<!\w{one[0]})(?:{one[1:]})" for one in alternatives))
