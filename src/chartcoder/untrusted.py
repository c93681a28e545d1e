"""JSON that somebody else wrote: read strictly, refused in words that do not repeat it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from chartcoder.errors import ChartcoderError
from chartcoder.protected import SURROGATES


class NotJson(ChartcoderError):
    """What came is not JSON, or JSON that two readers may read differently. Whoever asked says what was expected."""


def parse_json(data: str | bytes | None) -> Any:
    """The JSON value (RFC 8259) in `data`.

    Raises:
        NotJson: it is none; it is nested deeper than the parser goes (some thousand levels); a name stands twice in
            one object, of which every reader takes another one; a number is NaN, infinite or has thousands of digits.
    """
    try:
        return json.loads(data or "", object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise NotJson("JSON nested too deeply") from None
    except ValueError:  # the parser's own words quote what it read
        raise NotJson("not JSON") from None


def is_text(value: Any) -> bool:
    """Whether it is a string that UTF-8 can write: JSON's escapes can hold half of a surrogate pair."""
    return isinstance(value, str) and (value.isascii() or SURROGATES.search(value) is None)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotJson("ambiguous JSON: a name stands twice in one object")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise NotJson("not JSON: a number is NaN or infinite")
