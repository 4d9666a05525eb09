"""Encrypted rows that were altered: what a signature refuses, and what is left where it fits.

An altered payload does not have the digest that was told, or not the one that the request commits
to, or the request is not what was signed; so none of them is ever computed with. Whoever signs what
it sends gets further, to a process of its own (`tests/node/test_score_worker.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import psutil
import pytest
from tests.promises.scoring import SLIM, SLIM_PRODUCT, Asking, contract, register_slim
from tests.promises.stage import Stage, serving
from tests.protocols.he.mutants import Ciphertext, Herd

from unseen.client.errors import RefusedError
from unseen.client.jobs import Job, JobNotDoneError, JobState
from unseen.client.queries import asking
from unseen.evidence.releases.scored import SentBatches, SentScores
from unseen.node.runs.unpaid import UNPAID
from unseen.protocols.he import checks, seal
from unseen.protocols.he.scorers import RowOwner
from unseen.v1 import intersect_pb2, score_pb2

CONTEXT, BATCHES = intersect_pb2.PART_CONTEXT, intersect_pb2.PART_BATCHES
ROWS = np.array([[12_000.0], [55_000.0]])


@pytest.fixture(scope="module")
def stage(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a serving stage that offers scores by a model of one column."""
    folder = tmp_path_factory.mktemp("hostile")
    with serving(template.copy(folder / "stage")) as found:
        register_slim(found, folder)
        yield found


def used(stage: Stage, identifier: str) -> tuple[int, int]:
    found = stage.lender.usage(identifier)
    return found.requests, found.units_used


def honest(asked: Asking) -> None:
    """Send what was signed, and have it scored."""
    asked.send()
    found = asked.scores(asked.answered(), len(ROWS))
    assert np.abs(found - SLIM.predictor(ROWS)).max() <= 1e-3


def clause_of(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        call()
    assert not caught.value.charged
    assert str(caught.value)
    return caught.value.clause


@dataclass
class Attacker:
    """Sends altered bytes beside a request that was signed over others, at every depth."""

    asked: Asking

    def told(self, data: bytes) -> str:
        """Send bytes under the digest of what was signed."""
        honest_head = {"digest": self.asked.client._session.suite.digest(self.asked.data)}
        size = len(self.asked.data)
        if len(data) >= size:
            clause = clause_of(lambda: self.asked.upload(data, BATCHES, size=size, **honest_head))
            if len(data) > size:
                self.asked.forget()
            return clause
        assert not self.asked.upload(data, BATCHES, size=size, **honest_head)
        clause = clause_of(self.asked.run)
        self.asked.forget()
        return clause

    def sized(self, data: bytes) -> str:
        """Send bytes under a head of their own."""
        if len(data) != len(self.asked.data):
            return clause_of(lambda: self.asked.upload(data, BATCHES))
        assert self.asked.upload(data, BATCHES)
        return ""

    def stored(self, data: bytes) -> str:
        """Have bytes stored under their own digest, and send the request that was signed."""
        return self.sized(data) or self._refused(self.asked.run)

    def said(self, data: bytes) -> str:
        """Do so, and say in the request's part that they are what it is about."""
        return self.sized(data) or self._refused(replace(self.asked, part=self._part(data)).run)

    def committed(self, data: bytes) -> str:
        """Do so, and have the statement commit to that; the signature is of another."""
        whole = self.asked.over(data, 1)
        return self.sized(data) or self._refused(lambda: self._signed_as_before(whole))

    def under(self, data: bytes) -> str:
        """Send what was signed, and have the request name another context."""
        other = self.asked.client._session.suite.digest(b"another " + data)
        part = self._part(self.asked.data, other)
        return self._refused(replace(self.asked, part=part).run)

    def _part(self, data: bytes, context: bytes = b"") -> bytes:
        known = SentBatches.decode(self.asked.part)
        digest = self.asked.client._session.suite.digest(data)
        return replace(known, digest=digest, context=context or known.context).encode()

    def _signed_as_before(self, whole: Asking) -> None:
        signed = asking.signed(self.asked.client._session, self.asked.request, whole.nonce)
        signed.statement = whole.request.bytes()
        message = score_pb2.ScoreServiceRunRequest(request=signed, batches=whole.part)
        whole.client._session.call(whole.stub.Run, message)

    def _refused(self, call: Callable[[], object]) -> str:
        found = clause_of(call)
        self.asked.forget()
        return found


def herd_of(asked: Asking) -> Herd:
    level = checks.sent_level(asked.clause.ring)
    both = np.ones((2, *level.shape), np.uint64)
    back = seal.Ciphertext(checks.back_level(asked.clause.ring), 1.0, both[:, :1].copy())
    foreign = RowOwner(asked.clause.ring).encrypt(SLIM.features, np.ones((2, 1)))[0]
    return Herd(asked.data, level, (foreign, seal.write(back), asked.context))


EXPECTED = {
    "told": {"digest", "chunk", "batches"},
    "stored": {"batches.digest", "parameters.score.most"},
    "said": {"request.commitment", "parameters.score.most"},
    "committed": {"signature_invalid", "parameters.score.most"},
    "under": {"request.commitment"},
}


@pytest.mark.parametrize("count", [120, pytest.param(10_000, marks=pytest.mark.long)])
def test_altered_rows_are_refused_before_anything_computes_with_them(
    stage: Stage, count: int
) -> None:
    identifier = contract(stage, product=SLIM_PRODUCT)
    asked = Asking.of(stage.lender, identifier, ROWS)
    asked.upload(asked.context, CONTEXT)
    attacker = Attacker(asked)
    seen: dict[str, set[str]] = {way: set() for way in EXPECTED}
    for number, mutant in enumerate(herd_of(asked).mutants(count, 7)):
        deeper = ("stored", "said", "committed", "under")[number // 3 % 4]
        way = "told" if number % 3 else deeper
        seen[way].add(getattr(attacker, way)(mutant.data))
    assert seen == EXPECTED
    assert stage.lender.jobs(identifier) == []
    assert used(stage, identifier) == (0, 0)
    honest(asked)
    assert used(stage, identifier) == (1, 1)


def fits(asked: Asking) -> dict[str, Asking]:
    """Return requests that commit to what they are sent with, and that is what no owner sends."""
    level, data = checks.sent_level(asked.clause.ring), asked.data
    words = np.zeros((2, *level.shape), np.uint64)
    transparent = Ciphertext(level, words).written()[: len(data)]
    key = asked.context[: -8 * words[0].size]
    weak = key + bytes(len(asked.context) - len(key))
    return {
        "a word beyond its prime": asked.over(data[:-89] + b"\xff" * 8 + data[-81:], 1),
        "a second half of nothing": asked.over(transparent, 1),
        "another scale": asked.over(data[:80] + b"\x00" + data[81:], 1),
        "a context that hides nothing": asked.keyed(weak),
    }


@pytest.mark.long
def test_what_fits_its_signature_fails_its_job_alone_and_not_for_ever(stage: Stage) -> None:
    identifier = contract(stage, product=SLIM_PRODUCT)
    asked = Asking.of(stage.lender, identifier, ROWS)
    hostile = fits(asked)
    assert len(hostile) == UNPAID
    for what, one in hostile.items():
        again = one.afresh()
        again.send()
        with pytest.raises(JobNotDoneError) as caught:
            again.answered()
        assert caught.value.job.failure == "MALFORMED_MESSAGE", what
        assert clause_of(again.fetch) == "part"
    last = asked.afresh()
    last.send()
    assert clause_of(last.run) == "contract.unpaid"
    assert used(stage, identifier) == (0, 0)
    other = contract(stage, product=SLIM_PRODUCT)
    honest(Asking.of(stage.lender, other, ROWS))
    assert used(stage, other) == (1, 1)
    assert "Traceback" not in stage.output.read_text()


LONG = 150  # ciphertexts: a second of work, and more


def long_one(stage: Stage) -> Asking:
    """Return a run that takes a while, sent and not begun."""
    identifier = contract(stage, units=2 * LONG, product=SLIM_PRODUCT)
    asked = Asking.of(stage.lender, identifier, ROWS)
    asked = asked.over(asked.data * LONG, LONG)
    asked.send()
    return asked


def begun(asked: Asking) -> Job:
    """Begin its job, and return it when some of it is done."""
    job = asked.client.job(asked.run().job.removeprefix("jobs/"))
    moved = next(each for each in job.watch() if each.done or not each.live)
    assert (moved.phase, moved.total) == ("scoring", LONG)
    assert 0 < moved.done < LONG
    return job


def scored(asked: Asking) -> None:
    """Have a long run answered, and read some of it."""
    data, size = b"", checks.back_bytes(asked.clause.ring)
    assert SentScores.decode(asked.answered().value).responses == LONG
    data = asked.fetch()
    assert len(data) == LONG * size
    for at in (0, LONG // 2, LONG - 1):
        found = asked.owner.decrypt(data[size * at : size * (at + 1)], len(ROWS))
        assert np.abs(found - SLIM.predictor(ROWS)).max() <= 1e-3


def workers(stage: Stage) -> list[psutil.Process]:
    """Return the node's processes for long tasks, which have a lower priority."""
    assert stage.process is not None
    found = psutil.Process(stage.process.pid).children()
    return [each for each in found if each.nice() > 0]


def process_dies(stage: Stage, asked: Asking, job: Job) -> None:
    """Let the process go that computes, as one does that a payload has ended."""
    for process in workers(stage):
        process.kill()
    with pytest.raises(JobNotDoneError) as caught:
        job.wait()
    assert caught.value.job.failure == "INTERNAL"
    assert clause_of(asked.fetch) == "part"


def buyer_cancels(stage: Stage, asked: Asking, job: Job) -> None:
    """Cancel the job, and begin another that is seen to move."""
    assert job.cancel("other rows").state is JobState.CANCELLED
    assert clause_of(asked.fetch) == "part"
    assert used(stage, asked.contract) == (0, 0)
    seen = [*asked.client.job(asked.run().job.removeprefix("jobs/")).watch()]
    assert (seen[-1].state, seen[-1].total) == (JobState.DONE, LONG)
    done = [each.done for each in seen]
    assert done == sorted(done)
    assert len({*done}) > 2


def node_dies(stage: Stage, asked: Asking, job: Job) -> None:
    """Kill the node, and start it again: the job goes on by itself."""
    stage.kill()
    assert not [*(stage.home / "scores").glob(f"{asked.contract}-*/answer")]
    stage.start()
    assert stage.lender.job(job.id).wait().state is JobState.DONE


@pytest.mark.sampled
@pytest.mark.parametrize("trouble", [process_dies, buyer_cancels, node_dies])
def test_whatever_ends_a_run_midway_its_request_is_answered_and_charged_once(
    stage: Stage, trouble: Callable[[Stage, Asking, Job], None]
) -> None:
    asked = long_one(stage)
    trouble(stage, asked, begun(asked))
    asked = replace(asked, client=stage.lender)
    scored(asked)
    assert asked.run().value
    assert used(stage, asked.contract) == (1, LONG)
    assert not [*(stage.home / "scores").glob("*/answer.part")]
