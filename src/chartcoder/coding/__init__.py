"""Chart to codes: terminology, lexicon, matching, sections and context, attributes, guideline rules.

The way of a text through this room: `matching` finds the lexicon's terms, an engine (`engine_compiled` or
`engine_medspacy`) says in which section and with which assertion each stands, `attributes` makes the code specific, and
`guidelines` turns findings into the list to bill. `coder` holds them together.
"""
