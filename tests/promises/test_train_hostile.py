"""Weights, rows and keys of a training that were altered: what a digest or a signature refuses.

So none of them is ever computed with. Whoever signs what it sends gets further, to a process of its
own (`tests/protocols/he/training/test_mutants.py` has what reads it there).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from tests.promises.encrypted import Asking, Caring
from tests.promises.stage import Stage, serving
from tests.protocols.he.mutants import Herd

from unseen.client.errors import RefusedError
from unseen.client.jobs import JobNotDoneError
from unseen.client.queries import asking
from unseen.evidence.contracts.privacy import UNITS
from unseen.evidence.releases.encrypted import SentWeights
from unseen.node.runs.unpaid import UNPAID
from unseen.protocols.he import seal
from unseen.protocols.he.training.chain import RESIDUALS
from unseen.v1 import intersect_pb2, train_pb2

PARTS: Final = {
    "context": intersect_pb2.PART_CONTEXT,
    "rows": intersect_pb2.PART_ROWS,
    "weights": intersect_pb2.PART_WEIGHTS,
}
FIELDS: Final = {"context": "context", "rows": "rows", "weights": "data"}
PEOPLE: Final = 120
SLIM: Final = """
protocol = "ckks"
family = "linear"
features = ["stay"]

[label]
name = "score"
low = 0
high = 1

[steps]
iterations = 3
norm = 2
reach = 3

[privacy]
rho = 1
most_rows = 1000
"""


@pytest.fixture(scope="module")
def caring(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caring]:
    """Return a serving stage that offers trainings."""
    with serving(template.copy(tmp_path_factory.mktemp("hostile") / "stage")) as found:
        yield Caring.on(found, count=PEOPLE)


def clause_of(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        call()
    assert not caught.value.charged
    assert str(caught.value)
    return caught.value.clause


@dataclass
class Attacker:
    """Sends altered bytes of one part beside a request that was signed over others."""

    asked: Asking
    part: str

    @property
    def data(self) -> bytes:
        """What was signed."""
        found: bytes = getattr(self.asked, FIELDS[self.part])
        return found

    def told(self, data: bytes) -> str:
        """Send bytes under the digest of what was signed."""
        digest = self.asked.client._session.suite.digest(self.data)
        head: dict[str, Any] = {"digest": digest, "size": len(self.data)}
        if self.part != "weights":
            head["request"] = digest.hex()[:32]
        if len(data) < len(self.data):
            assert not self.asked.upload(data, PARTS[self.part], **head)
            clause = clause_of(self.asked.run)
        else:
            clause = clause_of(lambda: self.asked.upload(data, PARTS[self.part], **head))
        if len(data) != len(self.data):
            self.forget(self.data)
        return clause

    def stored(self, data: bytes) -> str:
        """Have bytes stored under their own digest, and send the request that was signed.

        So many bytes may be rows for a few subjects less.
        """
        try:
            assert self.asked.upload(data, PARTS[self.part])
        except RefusedError as refused:
            return refused.clause
        clause = clause_of(self.asked.run)
        self.forget(data)
        return clause

    def said(self, data: bytes) -> str:
        """Do so, and say in the request's part that they are what it is about."""
        known = SentWeights.decode(self.asked.part)
        field = "digest" if self.part == "weights" else self.part
        digest = self.asked.client._session.suite.digest(data or b"none")
        changes: dict[str, Any] = {field: digest}
        part = replace(known, **changes).encode()
        return clause_of(replace(self.asked, part=part).run)

    def committed(self, data: bytes) -> str:
        """Do so, and have the statement commit to that; the signature is of another."""
        whole = self.asked.signed(**{FIELDS[self.part]: data})
        signed = asking.signed(self.asked.client._session, self.asked.request, whole.nonce)
        signed.statement = whole.request.bytes()
        message = train_pb2.TrainServiceRunRequest(request=signed, weights=whole.part)
        return clause_of(lambda: whole.client._session.call(whole.stub.Run, message))

    def forget(self, data: bytes) -> None:
        """Have the node forget the run that holds bytes of the part."""
        name = self.asked.request.request
        if self.part != "weights":
            name = self.asked.client._session.suite.digest(data).hex()[:32]
        ask = intersect_pb2.EndRequest(contract=f"contracts/{self.asked.contract}", request=name)
        self.asked.client._session.call(self.asked.stub.End, ask)


def herd_of(asked: Asking, part: str) -> Herd:
    """Return what alters the last ciphertext of a part, behind whatever stands before it."""
    chain = asked.clause.chain()
    primes = {"context": len(chain.primes), "rows": RESIDUALS, "weights": chain.fresh}[part]
    data: bytes = getattr(asked, FIELDS[part])
    level = chain.level(primes)
    size = seal.ciphertext_bytes(level, seeded=True)
    return Herd(data[-size:], level, (data[:size], asked.data[:size]))


COUNTS: Final = {"context": (6, 200), "rows": (60, 8_000), "weights": (24, 1_800)}
STORED: Final = {"context": "context", "rows": "rows", "weights": "weights.digest"}


@pytest.mark.parametrize("long", [False, pytest.param(True, marks=pytest.mark.long)])
@pytest.mark.parametrize("part", PARTS)
def test_altered_parts_are_refused_before_anything_computes_with_them(
    caring: Caring, part: str, long: bool
) -> None:
    """Ten thousand of them in all."""
    contract, spent = caring.contract(SLIM), caring.spent()
    asked = caring.asking(contract)
    for other in PARTS:
        if other != part:
            asked.upload(getattr(asked, FIELDS[other]), PARTS[other])
    attacker, herd = Attacker(asked, part), herd_of(asked, part)
    before = attacker.data[: -len(herd.sent)]
    seen: dict[str, set[str]] = {}
    for number, mutant in enumerate(herd.mutants(COUNTS[part][long], 8)):
        way = ("told", "stored", "told", "said", "told", "committed")[number % 6]
        seen.setdefault(way, set()).add(getattr(attacker, way)(before + mutant.data))
    assert seen["told"] <= {"digest", "chunk", part}
    assert seen["stored"] <= {STORED[part], "size"}
    assert (seen["said"], seen["committed"]) == ({"request.commitment"}, {"signature_invalid"})
    assert caring.stage.lender.jobs(contract) == []
    assert (caring.used(contract), caring.spent()) == ((0, 0), spent)
    assert asked.taken().shape == (asked.clause.samples,)
    assert (caring.used(contract), caring.spent()) == ((1, 1), spent + UNITS)


@pytest.mark.long
def test_what_fits_its_signature_fails_its_job_alone_and_not_for_ever(caring: Caring) -> None:
    contract, spent = caring.contract(SLIM, per_minute=20), caring.spent()
    asked = caring.asking(contract)
    for number in range(UNPAID):
        field = ("data", "rows", "context")[number % 3]
        data: bytes = getattr(asked, field)
        beyond = data[:-97] + b"\xff" * 8 + data[-89:]  # a word above its prime, before a seed
        one = asked.afresh(**{field: beyond})
        one.send()
        with pytest.raises(JobNotDoneError) as caught:
            one.answered()
        assert caught.value.job.failure == "MALFORMED_MESSAGE"
        assert clause_of(one.fetch) == "part"
        Attacker(one, "weights").forget(one.data)  # else too many are open
    last = asked.afresh()
    last.send()
    assert clause_of(last.run) == "contract.unpaid"
    assert (caring.used(contract), caring.spent()) == ((0, 0), spent)
    assert "Traceback" not in caring.stage.output.read_text()
