"""The enumeration guard: how much of a table one buyer may ask about. Pure. Own rule.

The node cannot see whom a hidden question concerns, so there it counts evaluations, and items of
sets, present or not: a fake costs what a real one does. Where subjects come in the clear it counts
distinct ones, found or not, so that a refusal says nothing about who is in the table.

Two spaces bound the count. The population: one row in `share`. And what a guess has to try: whoever
knows a person's number and guesses the birth date beside it hits one in `share` at best, even if it
spends everything on that one person.

Does not protect against buyers that pool what they were granted, nor against guesses at a part of a
subject whose type and form do not say how many values there are: strings and integers.
"""

from collections.abc import Sequence

from unseen.node.catalog.labels import MAX_EVALUATIONS
from unseen.protocols.lookup.subject import SubjectColumn

# Dates that a person of whom nothing else is known may be born on: a hundred years of them.
GUESSES_OF_A_DATE = 36_525


def guesses(subject: Sequence[SubjectColumn]) -> int | None:
    """Return how many values the narrowest part of a subject has; None if no type or form says it.

    A text that is compared in the form of a date is one. Of a subject of one column nothing is
    known beforehand that a guess could stand on.
    """
    if len(subject) > 1 and any("date" in (column.type, column.form) for column in subject):
        return GUESSES_OF_A_DATE
    return None


def most_asked(share: int, rows: int, subject: Sequence[SubjectColumn] = ()) -> int:
    """Return how many questions one buyer may ask in all: hidden ones, or distinct subjects.

    One in `share` of `rows`, and of the guesses at a part of the subject, and at least 1; what one
    key may evaluate where the labels' rules set no share (0).
    """
    if not share:
        return MAX_EVALUATIONS
    spaces = [rows, *filter(None, [guesses(subject)])]
    return min(max(min(spaces) // share, 1), MAX_EVALUATIONS)


def most_items(most: int, used: int) -> int:
    """Return how many items the next set of an intersection may hold, of `most` over all sets.

    Every item counts, in every set that it is in: an item that is repeated, absent or made up
    cannot be told from others in a blinded set.
    """
    return max(most - used, 0)
