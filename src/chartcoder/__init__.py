"""Clinical charts to ICD-10-CM codes, with the evidence for each.

    from chartcoder import Chart, Coder

    coded = Coder().code(Chart(id="1", text="Assessment: type 2 diabetes. Denies chest pain."))

Importing this package loads neither spaCy nor boto3.
"""

from typing import TYPE_CHECKING, Any

from chartcoder.chart import BilledCode, Chart, CodedChart, Finding, RejectedCode
from chartcoder.errors import ChartcoderError, ChartError

if TYPE_CHECKING:
    from chartcoder.coding.coder import Coder

__all__ = [
    "BilledCode",
    "Chart",
    "ChartError",
    "ChartcoderError",
    "CodedChart",
    "Coder",
    "Finding",
    "RejectedCode",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Coder":  # loaded on first use: the coding room brings heavy libraries
        from chartcoder.coding.coder import Coder

        return Coder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
