"""The conformance suites refuse what does not conform, and transcripts count right."""

import hashlib
from collections.abc import Callable

import pytest

from unseen.protocols import testing
from unseen.protocols.errors import ElementInvalidError, MalformedMessageError
from unseen.protocols.lookup import oprf_table
from unseen.protocols.lookup.oprf_table import Absent, Found, TableParameters
from unseen.protocols.oprf import Mode, keys, server
from unseen.protocols.testing import Transcript, check_oprf, check_table, check_tree, seeded_rng

PARAMETERS = TableParameters(b"domain", bytes(32), 8)
OUTPUTS = [hashlib.sha512(bytes([n])).digest() for n in range(8)]
LABELS = {output: output[:8] for output in OUTPUTS[:5]}
TABLE = oprf_table.sort_rows(
    PARAMETERS,
    b"".join(oprf_table.seal_row(PARAMETERS, output, label) for output, label in LABELS.items()),
)


def test_rounds_count_round_trips() -> None:
    transcript = Transcript()
    assert transcript.rounds == 0
    for sender, rounds in [("a", 1), ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("b", 2), ("a", 3)]:
        transcript.record(sender, "message", b"12", b"345")
        assert transcript.rounds == rounds
    assert transcript.bytes_from("a") == 4 * 5
    assert transcript.bytes_from("nobody") == 0


def test_messages_do_not_show_their_parts() -> None:
    transcript = Transcript()
    transcript.record("a", "blinded", b"secret")
    assert "secret" not in repr(transcript)


def test_check_table_accepts_a_table() -> None:
    check_table(PARAMETERS, TABLE, LABELS, OUTPUTS[5:])


@pytest.mark.parametrize(
    ("labels", "absent"),
    [
        (dict(list(LABELS.items())[:4]), []),
        (LABELS | {OUTPUTS[6]: bytes(8)}, []),
        (dict(list(LABELS.items())[:4]) | {OUTPUTS[6]: bytes(8)}, []),
        (LABELS | {OUTPUTS[0]: bytes(8)}, []),
        (LABELS, [OUTPUTS[0]]),
    ],
    ids=["a row too many", "a row too few", "another row", "another label", "not absent"],
)
def test_check_table_refuses(labels: dict[bytes, bytes], absent: list[bytes]) -> None:
    with pytest.raises(AssertionError):
        check_table(PARAMETERS, TABLE, labels, absent)


def test_check_table_refuses_a_table_out_of_order() -> None:
    with pytest.raises(MalformedMessageError):
        check_table(PARAMETERS, TABLE[24:] + TABLE[:24], LABELS, [])


@pytest.mark.parametrize("answer", [Found(1, b""), Absent(0, 1), Absent(None, None)], ids=repr)
def test_check_table_refuses_a_find_that_lies(
    answer: Found | Absent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oprf_table, "find", lambda *_: answer)
    with pytest.raises(AssertionError):
        check_table(PARAMETERS, TABLE, LABELS, [])
    if answer != Absent(None, None):
        with pytest.raises(AssertionError):
            check_table(PARAMETERS, b"", {}, [OUTPUTS[7]] if isinstance(answer, Found) else OUTPUTS)


def test_check_oprf_refuses_another_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "evaluate_input", lambda *_: bytes(64))
    with pytest.raises(AssertionError):
        check_oprf([b"x"], keys.generate(seeded_rng(1)), seeded_rng(2), Mode.VOPRF)


def accept(*_: object) -> None:
    """Stand in for a verifier that accepts everything."""


def refuse_oddly(*_: object) -> None:
    raise ElementInvalidError


@pytest.mark.parametrize("broken", [accept, refuse_oddly])
@pytest.mark.parametrize("name", ["verify_inclusion", "verify_consistency"])
def test_check_tree_refuses_a_broken_verifier(
    name: str, broken: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, name, broken)
    with pytest.raises((AssertionError, ElementInvalidError)):
        check_tree([b"a", b"b", b"c"])


def test_check_tree_refuses_a_hash_with_state() -> None:
    calls = iter(range(10**6))
    with pytest.raises(AssertionError):
        check_tree([b"a"] * 4, lambda data: hashlib.sha256(data + b"%d" % next(calls)).digest())
