"""Bytes in, a chart out. The type is told by content, not by name."""

from chartcoder.readers.dispatch import read_chart
from chartcoder.readers.splitting import split_documents

__all__ = ["read_chart", "split_documents"]
