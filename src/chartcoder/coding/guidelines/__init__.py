"""The Official Guidelines for Coding and Reporting as rules over a draft of the list to bill.

Each module is a part of the guidelines; each rule names the section it comes from. Section numbers are those of the
ICD-10-CM Official Guidelines for Coding and Reporting (CMS and NCHS, published with each release).
"""

from __future__ import annotations

from chartcoder.coding.guidelines.draft import Draft
from chartcoder.coding.guidelines.rules import RULES

__all__ = ["RULES", "Draft", "apply_guidelines"]


def apply_guidelines(draft: Draft) -> None:
    """Run every rule, in the order of `RULES`."""
    for rule in RULES:
        rule(draft)
