"""The error tree: one reason a leaf, a clause and a remedy where there are any."""

from collections.abc import Iterator

import pytest

from unseen.protocols import errors
from unseen.protocols.errors import UnseenError

EXAMPLES: list[UnseenError] = [
    errors.MalformedMessageError("m", clause="c", remedy="r"),
    errors.ElementInvalidError(position=3),
    errors.ElementInvalidError(),
    errors.ScalarInvalidError(),
    errors.CountMismatchError(found=1, expected=2),
    errors.BatchSizeError(found=0, limit=4096),
    errors.ProofInvalidError(),
    errors.CheckpointInvalidError("m"),
    errors.InputInvalidError("m"),
    errors.ModelInvalidError("m", clause="model.opset"),
    errors.SubjectInvalidError("m"),
    errors.DuplicateSubjectError(count=2),
    errors.FilterFullError("m"),
    errors.KernelFaultError("compiled-128"),
    errors.VectorInvalidError("a", "not a number", 3),
    errors.RingOverflowError("a", 3),
    errors.DimensionMismatchError("a", found=1, expected=2),
    errors.PlanMismatchError("a", "m"),
    errors.RoundReplayedError("a", "m"),
    errors.PartyUnknownError("a", "m"),
    errors.PartyDuplicateError("a", "m"),
    errors.PartyDroppedError("a", "m"),
    errors.ShareConflictError("a", "m"),
    errors.ShareInvalidError("a", "m"),
    errors.CohortSignatureError("a", "m"),
    errors.SurvivorsTooFewError("a", found=1, expected=2),
    errors.StepOrderError("m"),
]


def leaves(kind: type[UnseenError]) -> Iterator[type[UnseenError]]:
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from leaves(child)


def own_leaves() -> list[type[UnseenError]]:
    return [kind for kind in leaves(UnseenError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", own_leaves())
def test_every_leaf_has_an_upper_case_reason(kind: type[UnseenError]) -> None:
    assert kind.reason
    assert kind.reason == kind.reason.upper()


def test_reasons_are_unique() -> None:
    reasons = [kind.reason for kind in own_leaves()]
    assert len(reasons) == len(set(reasons))


def test_every_leaf_has_an_example_here() -> None:
    assert {type(example) for example in EXAMPLES} == set(own_leaves())


def test_clause_and_remedy_are_kept_and_not_in_the_message() -> None:
    error = errors.InputInvalidError("no", clause="quota", remedy="ask for more")
    assert (str(error), error.clause, error.remedy) == ("no", "quota", "ask for more")


def test_element_error_names_the_position_and_nothing_else() -> None:
    assert str(errors.ElementInvalidError(position=7)) == "invalid group element at position 7"
    assert str(errors.ElementInvalidError()) == "invalid group element"
