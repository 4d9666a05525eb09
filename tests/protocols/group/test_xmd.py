"""expand_message_xmd against RFC 9380 appendix K.3, and its limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from unseen.protocols.errors import InputInvalidError
from unseen.protocols.group.xmd import expand_each, expand_message_xmd

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors/group/expand_message_xmd_sha512_rfc9380.json").read_text()
)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: f"{c['message']}-{c['length']}")
def test_matches_rfc_9380(case: dict[str, Any]) -> None:
    message = VECTORS["messages"][case["message"]]
    data = message["prefix"] + message["fill"] * message["count"]
    output = expand_message_xmd(data.encode(), VECTORS["dst"].encode(), case["length"])
    assert output.hex() == case["output"]


@pytest.mark.parametrize("length", [1, 63, 64, 65, 16320])
def test_gives_the_length_asked_for(length: int) -> None:
    assert len(expand_message_xmd(b"", b"tag", length)) == length


@pytest.mark.parametrize("tag", [b"", b"t" * 256])
def test_refuses_a_tag_out_of_range(tag: bytes) -> None:
    with pytest.raises(InputInvalidError):
        expand_message_xmd(b"", tag, 64)


@pytest.mark.parametrize("length", [-1, 0, 16321])
def test_refuses_a_length_out_of_range(length: int) -> None:
    with pytest.raises(InputInvalidError):
        expand_message_xmd(b"", b"tag", length)


def test_many_are_expanded_as_one_by_one() -> None:
    messages = [b"", b"a", b"b" * 200, b"a"]
    expected = b"".join(expand_message_xmd(message, b"tag", 64) for message in messages)
    assert expand_each(messages, b"tag") == expected
    with pytest.raises(InputInvalidError):
        expand_each(messages, b"")
