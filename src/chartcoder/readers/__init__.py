"""Bytes in, a chart out. The type is told by content, not by name."""

from chartcoder.readers.text import read_text as read_chart

__all__ = ["read_chart"]
