"""A coded chart as JSON Lines, CSV or a table on the terminal."""

from chartcoder.writers.formats import FORMATS, writer

__all__ = ["FORMATS", "writer"]
