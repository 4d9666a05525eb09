"""Kohavi, IJCAI 1995, section 2.1 (holdout): whom a model is fitted on, and who only measures it.

A hash of the training and of what names a person says on which side all their rows are, at every
party alike. It hides nothing: whoever knows a person's number can compute their side.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from unseen.protocols.train.spec import Spec

HELD: Final = "33333333"  # of eight hexadecimal digits: a fifth of all people is held out


def held_out(spec: Spec, person: Sequence[str]) -> bool:
    """Return whether the rows of a person are held out of a training.

    `person` are the values that name them, in the order of the table's columns, as text: whole
    numbers in decimal, texts in NFC.
    """
    named = "".join(f"{len(part)}:{part}" for part in person)
    digest = hashlib.sha256(f"{spec.digest}:{named}".encode()).hexdigest()
    return digest[: len(HELD)] < HELD
