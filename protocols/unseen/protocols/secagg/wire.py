"""Bonawitz et al., CCS 2017, figure 4: the messages of a round as bytes, signed by their sender.

    "USA1" | step 1 | plan 32 | round 32 | digest 32 | sender 2 | body | Ed25519 64

Numbers are big-endian; the digest is that of all parameters. The signature is over a hash of all
that stands before it, under the key that the roster names for the sender. What an aggregator sends
is not signed: parties believe each other, not it. It can refuse service and hold messages back.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from enum import IntEnum
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from unseen.protocols.errors import (
    CohortSignatureError,
    MalformedMessageError,
    PartyDroppedError,
    PartyDuplicateError,
    PlanMismatchError,
    RoundReplayedError,
)
from unseen.protocols.secagg.keying import SEALED_BYTES
from unseen.protocols.secagg.parameters import HASH_BYTES, Round

Sign: TypeAlias = Callable[[bytes], bytes]
"""`sign(data)` returns the Ed25519 signature, 64 bytes, of the party's roster key over `data`."""

_MAGIC: Final = b"USA1"
_HEAD_BYTES: Final = 4 + 1 + 3 * HASH_BYTES + 2
SIGNATURE_BYTES: Final = 64
KEYS_BYTES: Final = 3 * 32  # mask key, sealing key, commitment to the own mask's secret
ENTRY_BYTES: Final = 2 * HASH_BYTES + SEALED_BYTES  # two commitments, two sealed shares
AGGREGATOR: Final = 0xFFFF  # its place in the head of what it sends


class Step(IntEnum):
    """What a message is about; the order is that of a round."""

    KEYS = 1
    SHARES = 2
    MASKED = 3
    SURVIVORS = 4
    CONFIRM = 5
    REVEAL = 6


def head(parameters: Round, step: Step, sender: int) -> bytes:
    """Return the first 103 bytes of a message."""
    names = parameters.plan_hash + parameters.round_id + parameters.digest
    return _MAGIC + step.to_bytes(1) + names + sender.to_bytes(2)


def signed(parameters: Round, step: Step, sender: int, body: bytes, sign: Sign) -> bytes:
    """Return a message of a party."""
    message = head(parameters, step, sender) + body
    return message + sign(_to_sign(message))


def opened(parameters: Round, step: Step, message: bytes, size: int | None) -> tuple[int, bytes]:
    """Return sender and body of a party's message whose body has `size` bytes, if that is fixed.

    Raises:
        MalformedMessageError: another length or step than expected, or no message at all.
        PartyUnknownError: the sender is not in the roster.
        CohortSignatureError: the signature is not by the sender.
        RoundReplayedError: it is of another round.
        PlanMismatchError: it is for another plan, or under other parameters.

    """
    step_at = len(_MAGIC)
    if len(message) < _HEAD_BYTES + SIGNATURE_BYTES or not message.startswith(_MAGIC):
        raise MalformedMessageError("no message of a round")
    sender = int.from_bytes(message[_HEAD_BYTES - 2 : _HEAD_BYTES])
    member = parameters.member(sender)
    text, signature = message[:-SIGNATURE_BYTES], message[-SIGNATURE_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(member.key).verify(signature, _to_sign(text))
    except (InvalidSignature, ValueError):
        raise CohortSignatureError(member.name, "a message that it did not sign") from None
    _check_names(parameters, member.name, text[step_at + 1 : _HEAD_BYTES - 2])
    fits = size is None or len(text) == _HEAD_BYTES + size
    if text[step_at] != step or not fits:
        raise MalformedMessageError(f"{member.name}: no message of the step {step.name}")
    return sender, text[_HEAD_BYTES:]


def step_of(message: bytes) -> Step:
    """Return the step that a message says it is of; who wrote it is not looked at.

    Raises:
        MalformedMessageError: it is no message of a round.

    """
    found = message[len(_MAGIC) : len(_MAGIC) + 1]
    if not message.startswith(_MAGIC) or found not in {step.to_bytes(1) for step in Step}:
        raise MalformedMessageError("no message of a round")
    return Step(found[0])


def survivors_message(parameters: Round, left: Collection[int], gone: Collection[int]) -> bytes:
    """Return the aggregator's word on who is left of those that masked, and who is not."""
    lists = b"".join(len(members).to_bytes(2) + packed(sorted(members)) for members in (left, gone))
    return head(parameters, Step.SURVIVORS, AGGREGATOR) + lists


def opened_survivors(parameters: Round, message: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the two lists of `survivors_message`, each ascending.

    Raises:
        MalformedMessageError: it is no such message.
        RoundReplayedError: it is of another round.
        PlanMismatchError: it is for another plan, or under other parameters.
        PartyUnknownError: a list names somebody who is not in the roster.
        PartyDuplicateError: a list names a party twice.

    """
    start = head(parameters, Step.SURVIVORS, AGGREGATOR)
    if len(message) < _HEAD_BYTES + 4 or message[:5] != start[:5]:
        raise MalformedMessageError("no list of survivors")
    _check_names(parameters, "the aggregator", message[5 : _HEAD_BYTES - 2])
    left, rest = _counted(message[_HEAD_BYTES:])
    gone, rest = _counted(rest)
    if rest or message[:_HEAD_BYTES] != start:
        raise MalformedMessageError("no list of survivors")
    return unpacked(parameters, left), unpacked(parameters, gone)


def packed(members: Iterable[int]) -> bytes:
    """Return numbers of parties, 2 bytes each."""
    return b"".join(member.to_bytes(2) for member in members)


def unpacked(parameters: Round, data: bytes) -> tuple[int, ...]:
    """Return numbers of parties that ascend.

    Raises:
        PartyUnknownError: one is not in the roster.
        PartyDuplicateError: one stands there twice.
        MalformedMessageError: they do not ascend.

    """
    found = tuple(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))
    for before, after in zip((-1, *found), found, strict=False):
        name = parameters.member(after).name
        if before == after:
            raise PartyDuplicateError(name, "listed twice")
        if before > after:
            raise MalformedMessageError("a list of parties does not ascend")
    return found


def view_of_keys(parameters: Round, messages: Iterable[bytes]) -> bytes:
    """Return the hash that says which announced keys a party saw."""
    found = hashlib.sha256(b"unseen/secagg/v1 keys\x00" + parameters.digest)
    for message in messages:
        found.update(hashlib.sha256(message).digest())
    return found.digest()


def view_of_dealers(keys: bytes, dealers: Sequence[int]) -> bytes:
    """Return the hash that says which keys and whose shares a party saw."""
    return hashlib.sha256(b"unseen/secagg/v1 dealers\x00" + keys + packed(dealers)).digest()


def check_new(
    parameters: Round, index: int, known: Collection[int], allowed: Collection[int]
) -> None:
    """Return if a party may take a step now.

    Raises:
        PartyDuplicateError: it took it already.
        PartyDroppedError: it is not among those who took the step before.

    """
    name = parameters.member(index).name
    if index in known:
        raise PartyDuplicateError(name, "sent this step twice")
    if index not in allowed:
        raise PartyDroppedError(name, "had dropped out of the round")


def _counted(data: bytes) -> tuple[bytes, bytes]:
    # Numbers of parties with their count before them, and what follows.
    end = 2 + 2 * int.from_bytes(data[:2])
    if not 2 <= end <= len(data):
        raise MalformedMessageError("no list of survivors")
    return data[2:end], data[end:]


def _check_names(parameters: Round, name: str, names: bytes) -> None:
    # 96 bytes: plan, round and digest.
    plan, round_id = names[:HASH_BYTES], names[HASH_BYTES : 2 * HASH_BYTES]
    if plan != parameters.plan_hash:
        raise PlanMismatchError(name, "a message for another plan")
    if round_id != parameters.round_id:
        raise RoundReplayedError(name, "a message of another round")
    if names[2 * HASH_BYTES :] != parameters.digest:
        raise PlanMismatchError(name, "a message under other parameters of the round")


def _to_sign(text: bytes) -> bytes:
    return b"unseen/secagg/v1 message\x00" + hashlib.sha256(text).digest()
