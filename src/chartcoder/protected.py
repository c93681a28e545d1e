"""What does not show itself: the type of a chart's text, and what is told of an exception.

A library's exception may quote the chart it was given: JSON and XML parsers, decoders, validators and boto3 all do. So
of an exception that is not ours the type and the places are told and nothing else. Our own errors hold no word of a
chart by contract (`errors.py`), and are told whole. The outlets of a process are `outlets.py`.
"""

from __future__ import annotations

import functools
import os
import re
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from chartcoder.errors import ChartcoderError, Unforeseen

P = ParamSpec("P")
R = TypeVar("R")

SURROGATES = re.compile("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
TOKEN = re.compile(r"[A-Za-z0-9._:-]{1,80}")  # what AWS's error codes and operations are made of


class ProtectedText(str):
    """A chart's text: codes, slices and compares as any string, but does not show itself.

    `repr`, `str`, `format` and `%` give its length alone, so that a log line, an exception or a table of local
    variables that it slips into says nothing. `reveal` gives the plain string, and so does every slice.

    Half a surrogate pair, which JSON can smuggle in, becomes U+FFFD: no result could be written of it otherwise.
    Offsets stay true.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> ProtectedText:
        plain = reveal(text)  # str() of a ProtectedText would be its length
        return super().__new__(cls, plain if plain.isascii() else SURROGATES.sub(REPLACEMENT, plain))

    def __repr__(self) -> str:
        return f"<{len(self):,} characters of a chart>"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)


def reveal(text: str) -> str:
    """A chart's text as a plain string, for who codes it."""
    return text[:]


# exceptions


def tell(error: BaseException) -> str:
    """What may be said of an exception: ours in its own words; AWS's by its code and operation; the operating system's
    by its number's meaning; any other by its type."""
    name = type(error).__name__
    if isinstance(error, ChartcoderError):
        return f"{name}: {error}"
    if answer := _answer_of_aws(error):
        return f"{name}: {answer}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name}: {os.strerror(error.errno)}"
    return name


def _answer_of_aws(error: BaseException) -> str:
    """`AccessDenied in GetObject` of botocore's ClientError, whose message may quote what was sent."""
    response = getattr(error, "response", None)
    if not type(error).__module__.startswith("botocore.") or not isinstance(response, dict):
        return ""
    words = (str(response.get("Error", {}).get("Code", "")), str(getattr(error, "operation_name", "")))
    return " in ".join(word if TOKEN.fullmatch(word) else "?" for word in words)


def trace(error: BaseException) -> str:
    """An exception and those that led to it, each with the places it went through; no value and no foreign word."""
    lines = [tell(error)]
    lines += [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join([*lines, "after", trace(before)] if before is not None else lines)


def contained(function: Callable[P, R]) -> Callable[P, R]:
    """A Lambda handler of which nobody else's words get out: the runtime prints what is raised, and hands it to the
    caller and to the queue of failed events."""

    @functools.wraps(function)
    def handler(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except ChartcoderError:
            raise
        except Exception as error:
            raise Unforeseen(f"failed with {tell(error)}").with_traceback(error.__traceback__) from None

    return handler
