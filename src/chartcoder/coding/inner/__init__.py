"""The innermost loops of the coder: Python with types for Cython, machine code where `machine_code` made it.

They know characters, numbers and what is handed to them, and nothing of the rest of the coder.
"""
