"""What was asked for, looked at: ids, codes and the members of a body. Each refusal says what was expected."""

from __future__ import annotations

import re
from typing import Any

from chartcoder.chart import ID_PATTERN
from chartcoder.errors import BadRequest
from chartcoder.untrusted import is_text

PAGE = 100
"""Items of a page."""

CODE_PATTERN = re.compile(r"[A-Z][0-9A-Z]{2}(\.[0-9A-Z]{1,4})?")
"""How an ICD-10-CM code looks, with its dot; whether there is such a one is the release's to say."""


def opaque(value: Any, what: str) -> str:
    """An id, as it is. Raises BadRequest where it is none."""
    if not isinstance(value, str) or not ID_PATTERN.fullmatch(value):
        raise BadRequest(
            f"{what} is not an id: expected 1 to 128 letters, digits, dots, underscores and hyphens, and not dots alone"
        )
    return value


def code_like(value: Any) -> str:
    """A code, as it is. Raises BadRequest where it cannot be one."""
    if not isinstance(value, str) or not CODE_PATTERN.fullmatch(value):
        raise BadRequest('code is not an ICD-10-CM code: expected one with its dot, such as "E11.22"')
    return value


def members(body: Any, *known: str) -> dict[str, Any]:
    """A JSON object with no other members than `known`, so that a slip of the pen is told and not passed over."""
    if not isinstance(body, dict):
        raise BadRequest(f"the body is not a JSON object; expected one with {', '.join(known)}")
    if not set(body) <= set(known):
        raise BadRequest(f"the body has a member that is unknown here; expected none but {', '.join(known)}")
    return body


def text_of(value: Any, what: str, *, most: int) -> str:
    """A text of up to `most` characters that UTF-8 can write, and not of blanks alone."""
    if not is_text(value) or not value.strip() or len(value) > most:
        raise BadRequest(f"{what} is not a text; expected Unicode text of 1 to {most:,} characters")
    text: str = value
    return text
