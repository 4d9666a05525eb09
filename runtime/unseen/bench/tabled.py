"""A buyer of the bench `lookup` that has fetched the encrypted table, and asks about subjects."""

import mmap

from unseen.bench.net import Tape
from unseen.bench.registry import Parameters, Traffic
from unseen.protocols.lookup.oprf_table import Found, TableParameters, epoch_domain, find, open_row
from unseen.protocols.lookup.subject import SubjectColumn, encode_subject
from unseen.protocols.oprf import client, keys, server
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import Transcript, seeded_rng

_COLUMNS = (SubjectColumn("id", "integer"),)


class Buyer:
    """Asks about subjects of which every second one is in the table."""

    def __init__(self, table: mmap.mmap, parameters: Parameters, size: int, batches: int) -> None:
        """Take a fetched table; there are so many batches of `size` questions."""
        self._rng = seeded_rng(parameters["seed"])
        self._key = keys.generate(seeded_rng(parameters["seed"]))
        self._table, self._parameters = table, made_parameters(parameters["seed"])
        rows = parameters["records"]
        subjects = [
            encode_subject(_COLUMNS, [number % rows + number % 2 * rows], self._parameters.domain)
            for number in range(size * batches)
        ]
        self._batches = [subjects[at : at + size] for at in range(0, len(subjects), size)]
        self._blinded: list[client.Blinded] = []
        self._evaluated: list[server.Evaluation] = []
        self._found = 0
        self.tape = Tape()

    def blind(self) -> None:
        """Blind all subjects, batch by batch."""
        self._blinded = [client.blind(batch, Mode.VOPRF, self._rng) for batch in self._batches]

    def evaluate(self) -> None:
        """Answer what was blinded last, as the operator."""
        self._evaluated = [
            server.evaluate(self._key, blinded.elements, Mode.VOPRF, self._rng)
            for blinded in self._blinded
        ]

    def open(self) -> None:
        """Open what was answered last."""
        self._found = 0
        for blinded, evaluation in zip(self._blinded, self._evaluated, strict=True):
            self._open(blinded, evaluation)

    def ask(self) -> None:
        """Ask batch after batch, each as a whole, and write down who computed and sent what."""
        self.tape, self._found = Tape(), 0
        for batch in self._batches:
            with self.tape.at("buyer"):
                blinded = client.blind(batch, Mode.VOPRF, self._rng)
            self.tape.send("buyer", "operator", sum(map(len, blinded.elements)))
            with self.tape.at("operator"):
                answer = server.evaluate(self._key, blinded.elements, Mode.VOPRF, self._rng)
            size = sum(map(len, answer.elements)) + len(answer.proof)
            self.tape.send("operator", "buyer", size)
            with self.tape.at("buyer"):
                self._open(blinded, answer)

    def _open(self, blinded: client.Blinded, evaluation: server.Evaluation) -> None:
        for output in blinded.finish(evaluation, self._key.public_key):
            place = find(self._parameters, self._table, output)
            if isinstance(place, Found):
                open_row(self._parameters, output, place.row)
                self._found += 1

    def note(self) -> str:
        """Say how many were found."""
        asked = sum(len(batch) for batch in self._batches)
        return f"{self._found} of {asked} found"

    def traffic(self) -> Traffic:
        """Return what questions and answers put on the wire."""
        transcript = Transcript()
        self.evaluate()
        for blinded, evaluation in zip(self._blinded, self._evaluated, strict=True):
            transcript.record("buyer", "blinded", *blinded.elements)
            transcript.record("operator", "evaluation", *evaluation.elements, evaluation.proof)
        return Traffic.of(transcript, up="buyer", down="operator")


def made_parameters(seed: int) -> TableParameters:
    """Return the public parameters of the made-up build."""
    rng = seeded_rng(seed)
    return TableParameters(epoch_domain(rng(32), 1), rng(32), 1)
