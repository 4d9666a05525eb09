"""What a reviewer is shown of what a buyer's code wrote: its values, each under its name."""

import pytest
from tests.evidence.test_outputs import EFFECTS, OUTPUTS, VALUES

from unseen.client.errors import AnswerInvalidError
from unseen.client.reviews import _written
from unseen.evidence import canonical
from unseen.evidence.contracts.outputs import joined
from unseen.evidence.contracts.typed import decode

PART = joined(decode(one.shape, canonical.encode(VALUES[one])) for one in OUTPUTS)


def test_every_output_is_shown_under_its_name() -> None:
    assert _written((PART,), OUTPUTS) == {one.name: VALUES[one] for one in OUTPUTS}


@pytest.mark.parametrize(
    "parts", [(), (PART, PART), (PART[:-1],), (PART + b"\0",), (b"\xff" * len(PART),)]
)
def test_what_is_no_value_is_not_shown(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(AnswerInvalidError) as caught:
        _written(parts, OUTPUTS)
    assert caught.value.clause == "review.release"
    with pytest.raises(AnswerInvalidError):
        _written((PART,), (EFFECTS,))
