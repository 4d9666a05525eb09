"""Who is held out of a training: a fifth of all people, the same wherever it is computed."""

import dataclasses

from tests.evidence.test_training import spec_of

from unseen.protocols.train.sides import held_out

SPEC = spec_of()


def test_a_fifth_of_all_people_is_held_out() -> None:
    share = sum(held_out(SPEC, [str(person)]) for person in range(20_000)) / 20_000
    assert abs(share - 0.2) < 0.02  # seven standard deviations


def test_it_is_another_fifth_for_another_training() -> None:
    other = dataclasses.replace(SPEC, privacy=dataclasses.replace(SPEC.privacy, most_rows=77))
    sides = [(held_out(SPEC, [str(n)]), held_out(other, [str(n)])) for n in range(5_000)]
    both = sum(one and two for one, two in sides) / 5_000
    assert abs(both - 0.04) < 0.02


def test_no_two_people_are_named_alike() -> None:
    pairs = [(held_out(SPEC, [a, b + c]), held_out(SPEC, [a + b, c])) for a, b, c in triples()]
    assert any(one != two for one, two in pairs)


def triples() -> list[tuple[str, str, str]]:
    return [(str(n), str(n + 1), str(n + 2)) for n in range(10, 60)]
