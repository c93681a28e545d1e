"""A coded chart in the formats of the trade: see docs/formats.md."""

from chartcoder.writers.comprehend import comprehend_answer
from chartcoder.writers.fhir import Review, fhir_bundle
from chartcoder.writers.formats import FORMATS, open_writer, writer
from chartcoder.writers.parquet import table_definitions

__all__ = ["FORMATS", "Review", "comprehend_answer", "fhir_bundle", "open_writer", "table_definitions", "writer"]
