"""Ids as people type them: whole, by their name, or by a beginning that only one has."""

from collections.abc import Iterator

import pytest

from unseen.cli.failures import UsageError
from unseen.cli.names import resolve
from unseen.client.oversight.ids import find_id
from unseen.protocols.errors import InputInvalidError

ONE, OTHER = "abcd" + "A" * 39, "abce" + "B" * 39


def known() -> Iterator[str]:
    yield from (ONE, OTHER)


def nobody() -> Iterator[str]:
    raise AssertionError


@pytest.mark.parametrize("text", [ONE, f"mandates/{ONE}"])
def test_a_whole_id_is_taken_without_asking(text: str) -> None:
    assert resolve("mandate", text, nobody) == ONE


def test_a_beginning_is_enough_if_one_has_it() -> None:
    assert resolve("mandate", "abcd", known) == ONE
    assert resolve("mandate", f"mandates/{OTHER[:9]}", known) == OTHER


@pytest.mark.parametrize("text", ["", "abc", "abcf", "certificates/abcd"])
def test_what_is_short_or_of_two_or_of_none_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="mandates have an id") as caught:
        resolve("mandate", text, known)
    assert (caught.value.clause, caught.value.remedy) == ("mandate", "see: unseen mandate list")


def test_an_id_has_the_length_of_its_noun() -> None:
    assert resolve("job", "0" * 32, nobody, length=32) == "0" * 32


def test_the_sdk_takes_a_beginning_too() -> None:
    assert find_id(known(), "abcd", "order", "unseen audit orders") == ONE
    with pytest.raises(InputInvalidError, match="2 orders have an id") as caught:
        find_id(known(), "abc", "order", "unseen audit orders")
    assert (caught.value.clause, caught.value.remedy) == ("order", "see: unseen audit orders")
