"""Figures, no verdicts: each module is a command of its own, `python -m bench.<module> --help`."""
