"""Chaos: seeded faults while runs go on, and whether every promise held. `python -m embedded.chaos`."""
