"""Whole runs of a protocol in one process, and the suites that an implementation has to pass.

For tests, benchmarks and papers: a run leaves a `Transcript` that counts what a network would
have carried. `seeded_rng` is deterministic and must never make a key that matters.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from unseen.protocols.errors import ProofInvalidError, StepOrderError, UnseenError
from unseen.protocols.lookup import oprf_table
from unseen.protocols.lookup.oprf_table import Absent, Found, TableParameters
from unseen.protocols.oprf import client, server
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.oprf.suite import MAX_BATCH, Mode
from unseen.protocols.party import Message, Rng, Steps, TwoParty
from unseen.protocols.tlog.proofs import verify_consistency, verify_inclusion
from unseen.protocols.tlog.tree import Frontier, Hash, Tree, leaf_hash, sha256


@dataclass(slots=True)
class Transcript:
    """The messages of one run, in the order in which they were sent."""

    messages: list[Message] = field(default_factory=list)

    def record(self, sender: str, name: str, *parts: bytes) -> None:
        """Add a message."""
        self.messages.append(Message(sender, name, parts))

    def bytes_from(self, sender: str) -> int:
        """Return the bytes that this party sent, without framing."""
        return sum(message.size for message in self.messages if message.sender == sender)

    @property
    def rounds(self) -> int:
        """Return the round trips: how often a party waits for what another one sends, halved up.

        Messages that one party sends in a row count as one.
        """
        senders = [message.sender for message in self.messages]
        turns = sum(i == 0 or senders[i - 1] != sender for i, sender in enumerate(senders))
        return (turns + 1) // 2


def seeded_rng(seed: int) -> Rng:
    """Return an `Rng` that gives the same bytes for the same seed: SHAKE-256 of seed and call.

    `seed` is from 0 to 2^128 - 1.
    """
    prefix = b"unseen/testing/rng\x00" + seed.to_bytes(16, "big")
    calls = 0

    def rng(count: int) -> bytes:
        nonlocal calls
        calls += 1
        return hashlib.shake_256(prefix + calls.to_bytes(8, "big")).digest(count)

    return rng


def drive_oprf(
    inputs: Sequence[bytes], key: PrivateKey, rng: Rng, mode: Mode = Mode.VOPRF
) -> tuple[tuple[bytes, ...], Transcript]:
    """Run client and server over all inputs, in batches of at most 4096.

    Returns the 64-byte outputs in order, and what "client" and "server" sent.
    """
    transcript = Transcript()
    outputs: list[bytes] = []
    public_key = key.public_key if mode is Mode.VOPRF else None
    for start in range(0, len(inputs), MAX_BATCH):
        blinded = client.blind(inputs[start : start + MAX_BATCH], mode, rng)
        transcript.record("client", "blinded", *blinded.elements)
        evaluation = server.evaluate(key, blinded.elements, mode, rng)
        transcript.record("server", "evaluation", *evaluation.elements, evaluation.proof)
        outputs += blinded.finish(evaluation, public_key)
    return tuple(outputs), transcript


def drive_lookup(
    parameters: TableParameters,
    key: PrivateKey,
    items: Sequence[tuple[bytes, bytes]],
    subjects: Sequence[bytes],
    rng: Rng,
) -> tuple[tuple[bytes | None, ...], Transcript]:
    """Build the table of `items`, send it, and look `subjects` up in it, all in one batch run.

    Items are pairs of encoded subject and label. Returns a label for each subject, None for
    one that is not in the table, and what "operator" and "buyer" sent.
    """
    table = oprf_table.build(parameters, key, items)
    transcript = Transcript()
    transcript.record("operator", "table", table)
    oprf_table.check_order(parameters, [table])
    outputs, evaluations = drive_oprf(subjects, key, rng)
    names = {"client": "buyer", "server": "operator"}
    for message in evaluations.messages:
        transcript.record(names[message.sender], message.name, *message.parts)
    labels: list[bytes | None] = []
    for output in outputs:
        found = oprf_table.find(parameters, table, output)
        if isinstance(found, Found):
            labels.append(oprf_table.open_row(parameters, output, found.row))
        else:
            labels.append(None)
    return tuple(labels), transcript


def drive_pair(
    protocol: TwoParty,
    given: tuple[Any, Any],
    rng: Rng,
    around: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> tuple[tuple[object, object], Transcript]:
    """Run both parties of a protocol until neither has more to send.

    Args:
        protocol: what is run.
        given: what the first party has, and what the second.
        rng: of both.
        around: entered for each step, with "first" or "second": where a bench holds its watch.

    Returns what each party learnt, and what "first" and "second" sent.

    Raises:
        StepOrderError: a party sends nothing, or something to one that has ended.

    """
    run = _Turns(around)
    first = protocol.first(given[0], rng)
    message = run.step("first", first)
    if message is None:
        raise StepOrderError("the first party is to send something")
    parties = {"first": first, "second": protocol.second(given[1], message, rng)}
    message = run.step("second", parties["second"])
    name, other = "first", "second"
    while name not in run.learnt:
        message = run.step(name, parties[name], message or b"")
        if message is not None and other in run.learnt:
            raise StepOrderError("a message was sent to a party that has ended")
        if other not in run.learnt:
            name, other = other, name
    return (run.learnt["first"], run.learnt["second"]), run.transcript


class _Turns:
    """The steps of a run so far: what was sent, and what was learnt by who has ended."""

    def __init__(self, around: Callable[[str], AbstractContextManager[object]]) -> None:
        self.transcript = Transcript()
        self.learnt: dict[str, object] = {}
        self._around = around

    def step(self, name: str, steps: Steps, message: bytes | None = None) -> bytes | None:
        """Let a party begin, or give it a message; return what it sends, None where it ended."""
        with self._around(name):
            try:
                sent = next(steps) if message is None else steps.send(message)
            except StopIteration as end:
                self.learnt[name] = end.value
                return None
        self.transcript.record(name, "message", sent)
        return sent


def check_oprf(inputs: Sequence[bytes], key: PrivateKey, rng: Rng, mode: Mode) -> None:
    """Check that blind evaluation and direct evaluation agree on every input.

    Raises:
        AssertionError: they do not.

    """
    outputs, _ = drive_oprf(inputs, key, rng, mode)
    for data, output in zip(inputs, outputs, strict=True):
        _require(output == server.evaluate_input(key, data, mode), "blind and direct differ")


def check_table(
    parameters: TableParameters,
    table: oprf_table.Table,
    labels: Mapping[bytes, bytes],
    absent: Sequence[bytes],
) -> None:
    """Check that a table answers for every OPRF output as it should, and in order.

    `labels` maps the output of each subject in the table to its label; `absent` are outputs
    of subjects that are not in it.

    Raises:
        AssertionError: it does not.

    """
    size = parameters.row_bytes
    rows = oprf_table.check_order(parameters, [bytes(table[:])])
    _require(rows == len(labels), "rows are missing or too many")
    for output, label in labels.items():
        match oprf_table.find(parameters, table, output):
            case Found(index, row):
                _require(row == table[index * size : (index + 1) * size], "wrong index")
                _require(oprf_table.open_row(parameters, output, row) == label, "wrong label")
            case _:
                raise AssertionError("a subject of the table is not found")
    for output in absent:
        match oprf_table.find(parameters, table, output):
            case Absent(left, right):
                tag = oprf_table.row_tag(parameters, output)
                before = b"" if left is None else bytes(table[left * size :][: len(tag)])
                after = b"\xff" * 17 if right is None else bytes(table[right * size :][: len(tag)])
                _require(before < tag < after, "the neighbours do not enclose the tag")
            case _:
                raise AssertionError("a subject that is not in the table is found")


def check_tree(entries: Sequence[bytes], hash_function: Hash = sha256) -> None:
    """Check a tree of these entries: every root, every proof, and that bent proofs fail.

    Takes time in the cube of the number of entries.

    Raises:
        AssertionError: something does not agree.

    """
    tree, frontier = Tree(hash_function), Frontier(hash_function)
    leaves = [leaf_hash(entry, hash_function) for entry in entries]
    roots = [tree.root()]
    for leaf in leaves:
        _require(tree.append(leaf) == frontier.append(leaf), "indices differ")
        _require(tree.root() == frontier.root(), "roots differ")
        roots.append(frontier.root())
    for size in range(1, len(leaves) + 1):
        _require(tree.root(size) == roots[size], "an earlier root changed")
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            verify_inclusion(leaves[index], index, size, proof, roots[size], hash_function)
            _require_refused(
                verify_inclusion,
                *(leaves[index], index, size, [*proof, leaves[0]], roots[size], hash_function),
            )
        for old in range(size + 1):
            proof = tree.consistency_proof(old, size)
            verify_consistency(old, roots[old], size, roots[size], proof, hash_function)
            _require_refused(
                verify_consistency,
                *(old, roots[old], size, roots[size], [*proof, leaves[0]], hash_function),
            )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def _require_refused(function: Callable[..., None], *arguments: object) -> None:
    try:
        function(*arguments)
    except ProofInvalidError:
        return
    except UnseenError as error:
        raise AssertionError("refused with another error") from error
    raise AssertionError("a bent proof verifies")
