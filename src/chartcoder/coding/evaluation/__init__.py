"""How well the coder does on charts that experts coded: what a site needs to know before it trusts it.

`read_gold` reads what experts said, an `Evaluation` takes the coder's answer to each chart, and its `report` has
precision, recall and F1 with intervals, and every missed and false code with its evidence.
"""

from chartcoder.coding.evaluation.gold import GoldChart, read_gold
from chartcoder.coding.evaluation.mistakes import Answer, Mistake
from chartcoder.coding.evaluation.report import ANSWERS, BY, By, Evaluation

__all__ = ["ANSWERS", "BY", "Answer", "By", "Evaluation", "GoldChart", "Mistake", "read_gold"]
