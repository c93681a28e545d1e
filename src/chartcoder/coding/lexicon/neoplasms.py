"""Neoplasms by site and behaviour, generated from a table of sites (`neoplasm_sites.tsv`).

The official neoplasm table gives each site six codes. Charts say the behaviour with a word before or after the site:
"lung cancer", "carcinoma of the lung", "metastases to the lung", "lung tumor".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SITES = Path(__file__).with_name("neoplasm_sites.tsv")

MALIGNANT, SECONDARY, IN_SITU, BENIGN, UNCERTAIN, UNSPECIFIED = range(6)

KINDS = (
    "squamous", "transitional cell", "urothelial", "papillary", "undifferentiated", "anaplastic", "large cell",
    "clear cell", "adenosquamous", "sarcomatoid", "spindle cell", "signet ring cell", "ductal", "lobular", "basaloid",
    "adenoid cystic", "mucoepidermoid", "verrucous", "medullary", "poorly differentiated", "invasive", "infiltrating",
    "metaplastic",
)  # fmt: skip
"""Kinds of carcinoma that say nothing of the site: "renal sarcomatoid carcinoma" is one of the kidney."""

WORDS: dict[int, tuple[str, ...]] = {
    MALIGNANT: (
        "cancer {site}",
        "carcinoma {site}",
        "adenocarcinoma {site}",
        "malignancy {site}",
        "malignant neoplasm {site}",
        "malignant tumor {site}",
        "squamous cell carcinoma {site}",
        "sarcoma {site}",
        "{site} ca",
        "small cell carcinoma {site}",
        "epidermoid carcinoma {site}",
        "neuroendocrine carcinoma {site}",
        "primary {site} cancer",
        "{site} cell carcinoma",
        *(f"{kind} carcinoma {{site}}" for kind in KINDS),
        *(f"{kind} adenocarcinoma {{site}}" for kind in ("mucinous", "papillary", "serous", "clear cell")),
    ),
    SECONDARY: (
        "metastasis {site}",
        "metastatic disease {site}",
        "secondary malignant neoplasm {site}",
        "metastasized {site}",
        "{site} mets",
        "{site} secondaries",
        "metastatic lesion {site}",
        "metastatic {site} lesion",
        "metastatic deposit {site}",
        "{site} metastatic disease",
        "metastatic spread {site}",
        "{site} dissemination",
        "{site} implants",
        "metastatic involvement {site}",
        "metastatic infiltration {site}",
        "metastatic nodule {site}",
        "metastatic mass {site}",
    ),
    IN_SITU: ("carcinoma in situ {site}", "{site} carcinoma in situ"),
    BENIGN: ("benign neoplasm {site}", "benign tumor {site}", "adenoma {site}", "papilloma {site}"),
    UNCERTAIN: ("neoplasm uncertain behavior {site}", "tumor uncertain behavior {site}", "borderline tumor {site}"),
    UNSPECIFIED: (
        "tumor {site}",
        "neoplasm {site}",
        "neoplastic lesion {site}",
        "tumor mass {site}",
        "tumor lesion {site}",
        "new growth {site}",
        "neoplastic process {site}",
        "neoplastic mass {site}",
        "solid tumor {site}",
        "cystic tumor {site}",
    ),
}
"""Phrases of each behaviour; a site may stand at either end."""


def neoplasm_phrases() -> Iterator[tuple[str, str]]:
    """(phrase, code or category) for every site and behaviour; both orders."""
    for line in SITES.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        sites, *codes = line.split("\t")
        for site in sites.split(" | "):
            for behaviour, patterns in WORDS.items():
                if codes[behaviour] != "-":
                    for pattern in patterns:
                        yield pattern.format(site=site), codes[behaviour]
                        yield " ".join([site, pattern.replace("{site}", "").strip()]), codes[behaviour]
