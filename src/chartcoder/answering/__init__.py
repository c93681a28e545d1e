"""What the API answers, a module a resource: batches, charts, codes, decisions, failures, runs, the stack's status.

Each answer is a plain JSON value whose shape is its type (`shapes.py`), from which the API's document is made. HTTP is
the function's (`functions/api`): bodies come in as JSON values or bytes, and errors leave as the project's own.
"""

from chartcoder.answering.answering import Answering

__all__ = ["Answering"]
