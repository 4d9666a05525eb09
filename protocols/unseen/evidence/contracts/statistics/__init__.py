"""Statistics: what may be asked (the menu), what is asked (a question), its shape and its cost.

Everything here follows from signed text: buyer, node and auditor derive the same shapes, bits and
noise from the contract's menu and a question, and none of it depends on a row.
"""

from unseen.evidence.contracts.statistics.costs import Raw, raws_of
from unseen.evidence.contracts.statistics.entries import Dimension, Filter, Measure, Partition
from unseen.evidence.contracts.statistics.menu import Menu, menu_of
from unseen.evidence.contracts.statistics.question import Question, check_question
from unseen.evidence.contracts.statistics.shapes import shape_of

__all__ = [
    "Dimension",
    "Filter",
    "Measure",
    "Menu",
    "Partition",
    "Question",
    "Raw",
    "check_question",
    "menu_of",
    "raws_of",
    "shape_of",
]
