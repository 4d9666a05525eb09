"""The table of the bench `lookup` that stays with its owner: built, or made up at random."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unseen.bench.net import Tape
from unseen.bench.registry import Parameters
from unseen.protocols.kernels import aes
from unseen.protocols.lookup.lwe_pir import choice, filters
from unseen.protocols.lookup.lwe_pir import client as asking
from unseen.protocols.lookup.lwe_pir import server as answering
from unseen.protocols.lookup.lwe_pir.parameters import NONCE_BYTES
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.lwe_pir.seeds import SEED_BYTES, Seeded
from unseen.protocols.oprf import client, keys, server
from unseen.protocols.oprf.suite import OUTPUT_BYTES, Mode
from unseen.protocols.testing import Transcript, seeded_rng

DOMAIN: Final = b"unseen/bench"
_PROVIDER: Final = b"unseen/bench"
_PART: Final = 1 << 16  # records at a time


@dataclass(frozen=True, slots=True)
class Lookup:
    """Whom a buyer looked up, and what it has to open: all that it keeps."""

    subject: int
    seeds: tuple[bytes, bytes]
    evaluation: server.Evaluation = field(repr=False)
    answer: NDArray[np.uint16] = field(repr=False)


class Table:
    """Records, their outputs, the matrix over them, its hint; and lookups in it.

    Memory: 64 bytes a record, a byte for each of a cell, and the hint.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Choose the shape; nothing is built yet."""
        self.records, self._seed = parameters["records"], parameters["seed"]
        self.shape = choice.choose(self.records, parameters["label"], parameters["planned"])
        self.public = Public.of(_PROVIDER, self.shape)
        self.key = keys.generate(seeded_rng(self._seed))
        self._rng = seeded_rng(self._seed + 1)
        self.outputs = np.empty((0, OUTPUT_BYTES), np.uint8)
        self.matrix = np.empty((0, self.shape.width), np.int8)
        self.hint = np.empty((0, 0), np.uint16)
        self._nonces: list[bytes] = []

    def evaluate(self) -> None:
        """Compute the output of every record."""
        found = np.empty((self.records, OUTPUT_BYTES), np.uint8)
        for first in range(0, self.records, _PART):
            part = range(first, min(first + _PART, self.records))
            joined = server.evaluate_joined(self.key, [subject(n) for n in part], Mode.VOPRF)
            found[part.start : part.stop] = np.frombuffer(joined, np.uint8).reshape(len(part), -1)
        self.outputs = found

    def fill(self) -> None:
        """Lay labels into the filters of all blocks."""
        shape = self.shape
        blocks = filters.blocks_of(shape, DOMAIN, self.outputs)
        order = np.argsort(blocks, kind="stable")
        ends = np.searchsorted(blocks[order], np.arange(shape.blocks + 1))
        self.matrix = np.empty((shape.rows, shape.width), np.int8)
        nonces = []
        for number in range(shape.blocks):
            rows = order[ends[number] : ends[number + 1]]
            labels = np.zeros((len(rows), shape.label_bytes), np.uint8)
            labels[:, 0] = rows % 251
            block = answering.build_rows(shape, DOMAIN, self.outputs[rows], labels, self._rng)
            first = number * shape.cell_bytes
            self.matrix[first : first + shape.cell_bytes] = block.rows
            nonces.append(block.nonce)
        self._nonces = nonces

    def make_up(self) -> None:
        """Fill the matrix with random bytes: the same work for whoever answers, and no labels."""
        shape = self.shape
        self.matrix = np.empty((shape.rows, shape.width), np.int8)
        key, words = self._rng(aes.KEY_BYTES), shape.width // 4
        for row in range(shape.rows):
            self.matrix[row] = aes.stream(key, words, row * words // 4).view(np.int8)
        self._nonces = [bytes(NONCE_BYTES)] * shape.blocks

    def publish(self) -> None:
        """Compute the hint."""
        self.hint = answering.hint(self.public, self.matrix)

    def ask(self, number: int, tape: Tape, transcript: Transcript) -> Lookup:
        """Look a record up, both sides; what either computed and sent is written down."""
        seeds = self._rng(SEED_BYTES), self._rng(SEED_BYTES)
        with tape.at("buyer"):
            prepared = asking.prepare_each(self.public, [Seeded(seeds[0])])
            blinded = client.blind([subject(number)], Mode.VOPRF, Seeded(seeds[1]))
        _sent(tape, transcript, "buyer", "operator", *blinded.elements)
        with tape.at("operator"):
            done = server.evaluate(self.key, blinded.elements, Mode.VOPRF, self._rng)
        _sent(tape, transcript, "operator", "buyer", *done.elements, done.proof)
        with tape.at("buyer"):
            words, asked = self._query(prepared, blinded, done)
        _sent(tape, transcript, "buyer", "operator", words.tobytes())
        with tape.at("operator"):
            answer = answering.answer(self.matrix, words)[0]
        _sent(tape, transcript, "operator", "buyer", answer.tobytes())
        with tape.at("buyer"):
            self.opened(asked, answer)
        return Lookup(number, seeds, done, answer)

    def repeat(self, asked: Lookup) -> bytes:
        """Do again all that the buyer did, by the same seeds, and return the sum of cells."""
        prepared = asking.prepare_each(self.public, [Seeded(asked.seeds[0])])
        blinded = client.blind([subject(asked.subject)], Mode.VOPRF, Seeded(asked.seeds[1]))
        _, once_more = self._query(prepared, blinded, asked.evaluation)
        return self.opened(once_more, asked.answer)

    def _query(
        self, prepared: asking.Prepared, blinded: client.Blinded, done: server.Evaluation
    ) -> tuple[NDArray[np.uint32], asking.Asked]:
        (output,) = blinded.finish(done, self.key.public_key)
        words, (asked,) = asking.query(self.shape, prepared, [self.keyed(output)])
        return words, asked

    def keyed(self, output: bytes) -> tuple[int, filters.Keyed]:
        """Return a subject's block, and what its output stands for there."""
        block = filters.block_of(self.shape, DOMAIN, output)
        return block, filters.keyed(self.shape, DOMAIN, self._nonces[block], output)

    def opened(self, asked: asking.Asked, answer: NDArray[np.uint16]) -> bytes:
        """Return the sum of the three cells that were asked for."""
        first = asked.block * self.shape.cell_bytes
        own = self.hint[first : first + self.shape.cell_bytes]
        return asking.opened_cells(self.shape, asked, own, answer)

    def check(self, number: int, total: bytes) -> None:
        """Hold a sum of cells against the table, and its label against the record.

        Raises:
            RuntimeError: they differ.

        """
        block, key = self.keyed(server.evaluate_input(self.key, subject(number), Mode.VOPRF))
        first = block * self.shape.cell_bytes
        rows = self.matrix[first : first + self.shape.cell_bytes, list(key.cells)]
        if rows.view(np.uint8).sum(axis=1, dtype=np.uint8).tobytes() != total:
            raise RuntimeError("an answer opens to other cells than the table has")
        label = filters.label_of(self.shape, key, total)
        if len(self.outputs) and (label is None or label[0] != number % 251):
            raise RuntimeError("a record has another label than it was given")

    def queries(self, count: int) -> NDArray[np.uint32]:
        """Return words as queries are to whoever answers: uniform ones, `count` x width."""
        key, width = self._rng(aes.KEY_BYTES), self.shape.width
        return aes.stream(key, count * width, 0).reshape(count, width)


def subject(number: int) -> bytes:
    """Return a record's encoded subject."""
    return b"record/%040d" % number


def _sent(tape: Tape, transcript: Transcript, sender: str, receiver: str, *parts: bytes) -> None:
    transcript.record(sender, "message", *parts)
    tape.send(sender, receiver, sum(map(len, parts)))
