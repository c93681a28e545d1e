"""One spelling for one word, and which words matter: the same for the lexicon when built and for a chart when read.

A word of a chart becomes one of three things:

- a **core** token, in a canonical spelling: singular, American, lower case, the noun for an adjective of site
  ("renal" and "kidneys" are both `kidney`);
- an **attribute** ("left", "acute", "stage 3b"), taken out of phrases so that it may stand anywhere near: it chooses
  among the codes of a phrase (`chartcoder.coding.attributes`);
- a **filler** ("of", "the", "mellitus"), which stands for nothing.

Any core token that a phrase does not have ("no", "without", "but") ends the phrase: nothing reaches over it.
"""

from __future__ import annotations

import re

WORD = re.compile(r"([^\W_]+)")
"""Splits a text into separators (even places) and words (odd places)."""

FILLERS = frozenset(
    {
        "a",
        "an",
        "the",
        "of",
        "in",
        "on",
        "to",
        "at",
        "for",
        "by",
        "due",
        "from",
        "his",
        "her",
        "hers",
        "their",
        "your",
        "my",
        "our",
        "its",
        "this",
        "that",
        "these",
        "those",
        "s",
        "mellitus",
        "unspecified",
        "nos",
        "nec",
        "otherwise",
        "specified",
        "classified",
        "elsewhere",
        "region",
        "site",
        "type",
        "stage",
        "grade",
        "class",
        "degree",
        "category",
        "area",
        "areas",
        "aspect",
        "known",
        "some",
        "any",
        "obvious",
        "apparent",
        "underlying",
    }
)

SCALES = frozenset({"type", "stage", "grade", "class", "degree", "category"})
"""Fillers that an attribute gives a meaning: "stage 3", "type II"."""

LETTER_A = "A"
"""The one filler that is a core token in its capital: hepatitis A, type A. Not where it begins a phrase or a sentence:
there it is the article."""

CONJUNCTIONS = frozenset({"and", "or"})

AXES: dict[str, tuple[str, ...]] = {
    "laterality": ("left", "right", "bilateral"),
    "sides": ("unilateral",),
    "acuity": ("acute", "chronic", "subacute"),
    "severity": ("mild", "moderate", "severe", "profound"),
    "origin": ("primary", "secondary", "essential", "idiopathic", "posttraumatic", "congenital", "acquired"),
    "ventricle": ("systolic", "diastolic", "combined"),
    "pattern": ("intermittent", "persistent", "paroxysmal", "permanent", "recurrent"),
    "wound": ("open", "closed"),
    "displacement": ("displaced", "nondisplaced"),
    "extent": ("partial", "complete", "incomplete", "total"),
    "degree": ("first", "second", "third", "fourth"),
    "number": (*(f"n{number}" for number in range(1, 13)), "n3a", "n3b"),
    "description": (
        "new", "old", "recent", "stable", "unstable", "worsening", "progressive", "large", "small", "diffuse",
        "extensive", "marked", "slight", "minimal", "massive", "significant", "intense", "constant", "occasional",
        "frequent", "prolonged", "sudden", "ongoing", "longstanding", "multiple", "generalized", "localized",
        "advanced", "simple", "benign", "malignant", "spontaneous", "episode", "single", "active", "current", "major",
        "minor", "important", "considerable", "isolated", "mixed", "uncomplicated", "symptomatic", "asymptomatic",
        "nonspecific", "prior", "previous", "slow", "rapid", "early", "late", "initial", "subsequent", "continuous",
        "worse", "worsened", "increased", "increasing", "decreased", "resolving", "mildly", "recalcitrant",
        "intractable",
    ),
}  # fmt: skip
ATTRIBUTES: dict[str, str] = {value: axis for axis, values in AXES.items() for value in values}
"""Attribute -> its axis. Two values of an axis other than `description` contradict each other."""

ATTRIBUTE_FORMS = {
    "lt": "left", "rt": "right", "both": "bilateral", "bilaterally": "bilateral", "bilat": "bilateral",
    "ou": "bilateral",
    "\N{LATIN SMALL LETTER THORN}": "left", "\N{LATIN SMALL LETTER ETH}": "right",
    "acutely": "acute", "severely": "severe", "severity": "severe", "moderately": "moderate",
    "ii": "n2", "iii": "n3", "iv": "n4", "vi": "n6", "vii": "n7", "viii": "n8", "ix": "n9",
    "1": "n1", "2": "n2", "3": "n3", "4": "n4", "5": "n5", "6": "n6", "7": "n7", "8": "n8", "9": "n9", "10": "n10",
    "11": "n11", "12": "n12", "3a": "n3a", "3b": "n3b", "iiia": "n3a", "iiib": "n3b",
    "1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "generalised": "generalized",
    "localised": "localized", "relapsing": "recurrent", "episodes": "episode",
    "undisplaced": "nondisplaced", "compound": "open", "repeated": "recurrent",
    "persisting": "persistent", "pharmacoresistant": "intractable",
}  # fmt: skip

SITE_NOUNS = {
    "renal": "kidney", "nephric": "kidney", "hepatic": "liver", "cardiac": "heart", "pulmonary": "lung",
    "gastric": "stomach", "splenic": "spleen", "pancreatic": "pancreas", "thyroidal": "thyroid",
    "cutaneous": "skin", "dermal": "skin", "ocular": "eye", "ophthalmic": "eye", "nasal": "nose", "oral": "mouth",
    "buccal": "mouth", "lingual": "tongue", "dental": "tooth", "gingival": "gingiva", "pharyngeal": "pharynx",
    "laryngeal": "larynx", "tracheal": "trachea", "bronchial": "bronchus", "esophageal": "esophagus",
    "duodenal": "duodenum", "jejunal": "jejunum", "ileal": "ileum", "colonic": "colon", "rectal": "rectum",
    "anal": "anus", "uterine": "uterus", "ovarian": "ovary", "vaginal": "vagina", "vulvar": "vulva",
    "prostatic": "prostate", "testicular": "testis", "testicle": "testis", "penile": "penis", "urethral": "urethra",
    "ureteral": "ureter", "ureteric": "ureter", "vesical": "bladder", "mammary": "breast", "aortic": "aorta",
    "arterial": "artery", "venous": "vein", "vascular": "vessel", "lymphatic": "lymph", "cranial": "skull",
    "cerebral": "brain", "spinal": "spine", "vertebral": "vertebra", "femoral": "femur", "tibial": "tibia",
    "fibular": "fibula", "humeral": "humerus", "radial": "radius", "ulnar": "ulna", "clavicular": "clavicle",
    "scapular": "scapula", "patellar": "patella", "sternal": "sternum", "costal": "rib", "pelvic": "pelvis",
    "mandibular": "mandible", "maxillary": "maxilla", "meniscal": "meniscus", "muscular": "muscle",
    "peritoneal": "peritoneum", "pleural": "pleura", "pericardial": "pericardium", "meningeal": "meninges",
    "retinal": "retina", "corneal": "cornea", "appendiceal": "appendix", "biliary": "bile", "adrenal": "adrenal",
    "cervicovaginal": "cervix", "diabetic": "diabetes", "hypertensive": "hypertensive", "asthmatic": "asthma",
    "osteoporotic": "osteoporosis", "abdomen": "abdominal", "tummy": "abdominal", "belly": "abdominal",
    "thoracic": "thoracic", "thorax": "chest", "lumbar": "lumbar", "psychiatric": "mental",
    "metastatic": "metastasis", "anaemic": "anemia", "anemic": "anemia", "cirrhotic": "cirrhosis",
    "osteoarthritic": "osteoarthritis", "arthritic": "arthritis", "rheumatoid": "rheumatoid",
    "tumoral": "tumor", "neoplastic": "neoplasm", "infectious": "infection", "allergic": "allergic",
}  # fmt: skip
"""Adjective of site or disease -> the noun it stands for, so that both forms are one token."""

SYNONYM_WORDS = {
    "cancer": "cancer", "ache": "pain", "aching": "pain", "painful": "pain", "soreness": "pain", "sore": "sore",
    "tenderness": "tenderness", "haemorrhage": "hemorrhage", "bleed": "bleeding",
    "enlargement": "enlargement", "swollen": "swelling", "broken": "fracture", "fractured": "fracture",
    "fx": "fracture", "fxs": "fracture", "midshaft": "shaft",
    "infected": "infection", "ulcerated": "ulcer", "ulceration": "ulcer", "renals": "kidney", "calculi": "calculus",
    "stone": "calculus", "lithiasis": "calculus", "kidneys": "kidney", "neoplasia": "neoplasm", "itching": "pruritus",
    "itch": "pruritus", "itchy": "pruritus", "sprained": "sprain", "strained": "strain", "torn": "tear",
    "dislocated": "dislocation", "bruise": "contusion", "bruising": "contusion", "bruised": "contusion",
    "nauseous": "nausea", "nauseated": "nausea", "vomited": "vomiting", "vomit": "vomiting", "emesis": "vomiting",
    "febrile": "fever", "pyrexia": "fever", "dizzy": "dizziness", "fatigued": "fatigue", "tired": "fatigue",
    "tiredness": "fatigue", "constipated": "constipation", "dehydrated": "dehydration", "obese": "obesity",
    "anxious": "anxiety", "depressed": "depression", "confused": "confusion", "jaundiced": "jaundice",
    "hypotensive": "hypotension", "hypoxic": "hypoxia", "hypoxemic": "hypoxemia", "tachycardic": "tachycardia",
    "bradycardic": "bradycardia", "septic": "sepsis", "malnourished": "malnutrition", "wheeze": "wheezing",
    "dyspneic": "dyspnea", "cyanotic": "cyanosis", "edematous": "edema", "pruritic": "pruritus",
    "coughing": "cough", "coughed": "cough", "feverish": "fever", "icteric": "jaundice", "icterus": "jaundice",
    "hypertrophied": "hypertrophy", "hypertrophic": "hypertrophic",
    "stenotic": "stenosis", "thrombosed": "thrombosis",
    "perforated": "perforation", "ruptured": "rupture", "obstructed": "obstruction", "obstructive": "obstructive",
    "dilated": "dilated", "dilation": "dilatation", "adenopathy": "lymphadenopathy",
    "lymphadenopathies": "lymphadenopathy",
    "neoplasms": "neoplasm", "tumour": "tumor", "tumors": "tumor",
}  # fmt: skip
"""Word forms of one clinical meaning that no rule of spelling brings together."""

IRREGULAR = {
    "diagnoses": "diagnosis", "metastases": "metastasis", "vertebrae": "vertebra", "feet": "foot", "teeth": "tooth",
    "children": "child", "women": "woman", "men": "man", "bronchi": "bronchus", "emboli": "embolus",
    "thrombi": "thrombus", "diverticula": "diverticulum", "varices": "varix", "varicose": "varicose",
    "lice": "lice", "menses": "menses", "herpes": "herpes", "diabetes": "diabetes", "rabies": "rabies",
    "scabies": "scabies", "caries": "caries", "ascites": "ascites", "biceps": "biceps", "mets": "mets",
    "triceps": "triceps",
    "pancreas": "pancreas", "pelves": "pelvis", "testes": "testis", "axillae": "axilla", "fungi": "fungus",
    "bacteria": "bacterium", "nuclei": "nucleus", "ganglia": "ganglion", "lentes": "lens", "lens": "lens",
    "measles": "measles", "mumps": "mumps", "hives": "hives", "shingles": "shingles", "crises": "crisis",
    "prostheses": "prosthesis", "stenoses": "stenosis", "anastomoses": "anastomosis", "fistulae": "fistula",
    "bursae": "bursa", "conjunctivae": "conjunctiva", "meninges": "meninges", "series": "series", "yes": "yes",
    "forceps": "forceps", "abscess": "abscess", "gas": "gas", "pus": "pus", "chest": "chest", "always": "always",
    "sprue": "sprue", "petechiae": "petechiae", "striae": "striae", "calves": "calf", "wolves": "wolf",
    "kidneys": "kidney", "airways": "airway", "arteries": "artery", "veins": "vein", "ovaries": "ovary",
    "lungs": "lung", "polypi": "polyp", "viruses": "virus", "sinuses": "sinus", "uteri": "uterus", "fetuses": "fetus",
    "metatarsals": "metatarsal", "paralyses": "paralysis", "neuroses": "neurosis", "psychoses": "psychosis",
    "hemorrhoids": "hemorrhoid", "hepatitides": "hepatitis", "mycoses": "mycosis",
}  # fmt: skip

BRITISH = (
    (re.compile(r"aem(?=i|a|o|$)|aem"), "em"),  # anaemia, ischaemic, haematuria
    (re.compile(r"^oe(?=dem|soph|str)"), "e"),  # oedema, oesophagus, oestrogen
    (re.compile(r"oedem"), "edem"),
    (re.compile(r"rrhoe"), "rrhe"),  # diarrhoea
    (re.compile(r"pnoe"), "pne"),  # dyspnoea
    (re.compile(r"coeli"), "celi"),
    (re.compile(r"foet"), "fet"),
    (re.compile(r"paed"), "ped"),
    (re.compile(r"gynaec"), "gynec"),
    (re.compile(r"(?<=c)aec|^caec"), "ec"),
    (re.compile(r"faec"), "fec"),
    (re.compile(r"^leucocyt"), "leukocyt"),
    (re.compile(r"(?<=[mlbv])our(?=$|s$|al$|ed$)"), "or"),  # tumour, colour, labour, behavioural
    (re.compile(r"^centre"), "center"),
    (re.compile(r"^fibre"), "fiber"),
    (re.compile(r"aesthe"), "esthe"),
    (re.compile(r"ys(?=(e|ed|ing)$)(?<=lys)"), "yz"),
    (re.compile(r"is(?=(ed|ing|ation)$)(?<=[lntrd]is)"), "iz"),  # localised, generalised
    (re.compile(r"sulph"), "sulf"),
)


def canonical_word(word: str) -> str:
    """The one spelling of a lower-case word: "oedemas" is "edema", "kidneys" and "renal" are "kidney"."""
    known = SYNONYM_WORDS.get(word) or SITE_NOUNS.get(word)
    if known:
        return known
    if not word.isascii() or len(word) < 3 or not word.isalpha():
        return word
    american = word
    for pattern, spelling in BRITISH:
        american = pattern.sub(spelling, american)
    single = singular(american)
    return SYNONYM_WORDS.get(single) or SITE_NOUNS.get(single) or single


def singular(word: str) -> str:
    """The singular of a lower-case noun; words that only look like plurals stay ("diabetes", "stenosis")."""
    known = IRREGULAR.get(word)
    if known:
        return known
    if word.endswith("omas") and len(word) > 5:  # carcinomas
        return word[:-1]
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "as", "os")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "uses")):
        return word[:-2]
    return word[:-1]


def attribute_of(word: str) -> str | None:
    """The attribute a lower-case word stands for, or None."""
    form = ATTRIBUTE_FORMS.get(word, word)
    return form if form in ATTRIBUTES else None


def read_phrase(phrase: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """A lexicon phrase as its core tokens, in order, and its attributes.

    A word in capitals stays as it is: abbreviations are matched in capitals only ("MS", not "ms").
    """
    core: list[str] = []
    attributes: set[str] = set()
    for place, piece in enumerate(WORD.findall(phrase.replace("&", " and ").replace("/", " and "))):
        lower = piece.lower()
        attribute = attribute_of(lower)
        if attribute:
            attributes.add(attribute)
        elif piece == LETTER_A and place:
            core.append(LETTER_A)
        elif lower in FILLERS and not (len(piece) > 1 and piece.isupper()):
            continue
        elif lower in CONJUNCTIONS:
            core.append("&")
        elif is_abbreviation(piece):
            core.append(piece)
        else:
            core.append(canonical_word(lower))
    return tuple(core), frozenset(attributes)


def drops_fillers(phrase: str) -> bool:
    """Whether normalising drops a word of a phrase that may matter. Fillers that belong to an attribute do not: "acute
    on chronic", "stage 3"."""
    words = WORD.findall(phrase.lower())
    return any(
        word in FILLERS and word != "s" and not _belongs_to_attribute(words, place) for place, word in enumerate(words)
    )


def _belongs_to_attribute(words: list[str], place: int) -> bool:
    beside = [attribute_of(word) for word in words[max(0, place - 1) : place] + words[place + 1 : place + 2]]
    return any(beside) if words[place] in SCALES else len(beside) == 2 and all(beside)


def leading_filler(phrase: str) -> str | None:
    """The first word of a phrase where it is one that normalising drops: "on" of "on warfarin"."""
    first = WORD.search(phrase.lower())
    return first[1] if first and first[1] in FILLERS else None


def is_abbreviation(word: str) -> bool:
    """Whether a word is written so that its case matters: "MS", "DM2", "HFpEF", "T2DM"."""
    return len(word) > 1 and sum(letter.isupper() for letter in word) > 1
