"""The one way a process of ours writes its log: JSON lines, of fields that are on a list.

A message is a constant; what changes goes into `extra`, and only under a name that stands in FIELDS. Whatever else is
handed over is dropped, and the line says so: a chart's text does not get into the log because somebody added a field
in passing.
"""

from __future__ import annotations

import logging
from copy import copy
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from chartcoder.protected import ProtectedText, tell, trace

FIELDS = frozenset(
    {
        "asked_by", "batch", "chart", "charts", "detail", "error", "in_hand", "instances", "message_id", "messages",
        "outcome", "reason", "run", "stage", "why", "worker",
    }
)  # fmt: skip
"""What a log line may hold besides its message: opaque ids, counts, and words of ours."""

OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' JSON, without what is not on the list and without the words of exceptions that are not ours."""

    withholds = True

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_withheld(record))


def make_logger(service: str | None = None, **fields: str) -> Logger:
    """A logger whose every line carries `fields`; the service's name comes from POWERTOOLS_SERVICE_NAME by default."""
    logger = Logger(service=service, logger_formatter=Formatter(), log_uncaught_exceptions=False)
    if fields:
        logger.append_keys(**fields)
    return logger


def _withheld(record: logging.LogRecord) -> logging.LogRecord:
    """A copy of the record that holds what may be told."""
    told = copy(record)
    unlisted = sorted(set(vars(record)) - OF_EVERY_RECORD - FIELDS)
    for name in unlisted:
        delattr(told, name)
    if unlisted:
        told.withheld = ", ".join(unlisted)
    for name, value in vars(told).items():
        if isinstance(value, ProtectedText):
            setattr(told, name, str(value))
    if record.exc_info and (error := record.exc_info[1]) is not None:
        told.exc_info, told.exc_text = None, None
        told.exception, told.exception_name = trace(error), type(error).__name__
        told.msg, told.args = _without_error(told.msg, error), ()
    return told


def _without_error(message: Any, error: BaseException) -> Any:
    """The message, unless it is the exception itself: `logger.exception(error)`."""
    return tell(error) if message is error else message
