"""The way of a table that stays with its owner (`lwe_pir`): a query for each element.

What was fetched before is the hint: of each block a nonce, and the numbers that take the noise out
of an answer. An element's output says which block and which cells of it are the subject's; its
query hides both (`lookup/lwe_pir/client.py`). Its randomness is a seed, written down with the
blinds before anything is sent, so that after a crash the same query goes out again, and an opening
shows it.

Whatever comes out, the same is sent: a query for each element, in their order, and last one about
nobody. A table that was spoiled before its hint was made opens to "no row" where it was spoiled,
like an absent subject. Whether hint and answers are of one table under the right public matrix is
looked at in the last answer alone (`lookup/lwe_pir/fitting.py`): in those to subjects' queries an
owner could make misfits out of cells that it wants to know about.

Needs numpy; with numba it is fast (extra `kernels`).
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from unseen.client.errors import AnswerInvalidError, Cause, HomeError, RefusedError, WireError
from unseen.client.local.home import write_json
from unseen.client.queries import asking, putting
from unseen.client.queries.epochs import Epoch
from unseen.client.queries.putting import Asking, Unfinished
from unseen.client.queries.ways import Evaluated
from unseen.client.session import Session
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.errors import CanonicalError, EvidenceError
from unseen.evidence.oversight.hidden_answer import Answered
from unseen.evidence.releases.answers import tree_of_hashes
from unseen.evidence.suite import DIGEST_BYTES, Suite
from unseen.protocols.errors import InputInvalidError, PeerError
from unseen.protocols.lookup.lwe_pir.parameters import NONCE_BYTES, Shape
from unseen.protocols.lookup.lwe_pir.seeds import SEED_BYTES
from unseen.protocols.oprf.suite import MAX_BATCH
from unseen.protocols.tlog.tree import Tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unseen.protocols.lookup.lwe_pir.client import Asked

BATCH_BYTES: Final = 1 << 25  # of queries in one request
SAMPLE: Final = 16  # blocks of the last answer that are looked at
EPOCH_OVER: Final = ("MANIFEST_STALE", "EPOCH_NOT_READY")


def seeds_of(secret: object) -> list[bytes]:
    """Return the seeds that a request wrote down.

    Raises:
        HomeError: it did not.

    """
    if not isinstance(secret, str):
        raise HomeError("the record of this request has no seeds", clause="home")
    data = bytes.fromhex(secret)
    return [data[at : at + SEED_BYTES] for at in range(0, len(data), SEED_BYTES)]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a request's answers, so that each can be opened later.

    `token` is what the node signed, `queries` are the hashes of the queries and `answers` the roots
    of the answers; of each there is the subject's `part` and its path to that root.
    """

    token: str
    queries: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    parts: tuple[tuple[bytes, tuple[bytes, ...]], ...] = field(repr=False)

    def encode(self) -> bytes:
        """Return it as bytes, to be sealed."""
        value = {
            "signed": self.token,
            "queries": b64encode(b"".join(self.queries)),
            "answers": b64encode(b"".join(self.answers)),
            "parts": [[b64encode(part), b64encode(b"".join(path))] for part, path in self.parts],
        }
        return json.dumps(value).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Kept":
        """Return what `encode` gives `data` for.

        Raises:
            HomeError: it is something else.

        """
        try:
            value = json.loads(data)
            parts = tuple((b64decode(part), _hashes(path)) for part, path in value["parts"])
            queries, answers = _hashes(value["queries"]), _hashes(value["answers"])
            return cls(str(value["signed"]), queries, answers, parts)
        except (ValueError, TypeError, KeyError, CanonicalError):
            raise HomeError("what was kept of answers is damaged", clause="home") from None


class Shown:
    """Opens the answers to one request, whose seeds are `seeds`."""

    def __init__(self, suite: Suite, kept: Kept, seeds: Sequence[bytes]) -> None:
        """Hash queries and answers once for all."""
        self.token, self._kept, self._seeds = kept.token, kept, seeds
        self._queries = tree_of_hashes(suite, kept.queries)
        self._answers = tree_of_hashes(suite, kept.answers)

    def answered(self, place: int) -> Answered:
        """Return what opens the answer to the element at `place`."""
        part, block = self._kept.parts[place]
        return Answered(
            seed=self._seeds[place],
            query=tuple(self._queries.inclusion_proof(place)),
            part=part,
            block=block,
            answer=self._kept.answers[place],
            path=tuple(self._answers.inclusion_proof(place)),
        )


class HiddenTable:
    """Labels by asking the table of an epoch, of which the hint was fetched."""

    asks = True

    def __init__(self, session: Session, epoch: Epoch) -> None:
        """Ask by `session`.

        Raises:
            InputInvalidError: numpy is missing.

        """
        if find_spec("numpy") is None:
            raise InputInvalidError(
                "asking a table that stays with its owner needs numpy",
                clause="client.lookup",
                remedy="install unseen[kernels]",
            )
        self._session, self._epoch = session, epoch
        self._shape: Shape = epoch.manifest.shape()

    @property
    def largest(self) -> int:
        """Return how many elements a request has at most: as many as memory has queries for."""
        return max(1, min(MAX_BATCH, BATCH_BYTES // self._shape.query_bytes))

    def drawn(self, count: int) -> dict[str, object]:
        """Return a seed for each query, and one for that about nobody."""
        return {"seeds": secrets.token_bytes(SEED_BYTES * (count + 1)).hex()}

    def labels(self, evaluated: Evaluated) -> list[bytes | None]:
        """Return the labels that the table answers."""
        session, request = self._session, evaluated.request.request
        queries, asked, secret = self._queries(evaluated)
        hashes = [session.suite.digest(query) for query in queries]
        collected, got = _Collected(self._shape, asked), Unfinished()
        question = Asking(self._epoch, request, queries, hashes)
        try:
            said = putting.put(session, question, collected.take, got)
            self._check_fit(secret, collected)
        except (EvidenceError, PeerError) as error:
            self._keep_failed(question, got, error)
            raise
        except WireError as error:
            raise self._over(request, error) from None
        kept = Kept(said.token, tuple(hashes), said.roots, tuple(collected.parts))
        session.state.save_answers(request, kept.encode())
        return self._opened(asked, kept)

    def _queries(
        self, evaluated: Evaluated
    ) -> tuple[list[bytes], tuple["Asked", ...], "NDArray[np.int8]"]:
        """Return the queries, what opens each but the last, and the secret of the last."""
        # Here and not above: they need numpy.
        from unseen.protocols.lookup.lwe_pir import client, filters  # noqa: PLC0415
        from unseen.protocols.lookup.lwe_pir.public import Public  # noqa: PLC0415
        from unseen.protocols.lookup.lwe_pir.seeds import Seeded  # noqa: PLC0415

        shape, domain = self._shape, self._epoch.manifest.domain()
        seeds = seeds_of(evaluated.secret.get("seeds"))
        public = Public.of(self._session.profile.node.evidence_key, shape)
        every = client.prepare_each(public, [Seeded(seed) for seed in seeds])
        prepared = client.Prepared(every.secrets[:-1], every.words[:-1])
        keys = []
        for output in evaluated.outputs:
            block = filters.block_of(shape, domain, output)
            nonce = bytes(self._row(block)[:NONCE_BYTES])
            keys.append((block, filters.keyed(shape, domain, nonce, output)))
        words, asked = client.query(shape, prepared, keys)
        queries = [client.write_query(each) for each in (*words, every.words[-1])]
        return queries, asked, every.secrets[-1]

    def _opened(self, asked: Sequence["Asked"], kept: Kept) -> list[bytes | None]:
        from unseen.protocols.lookup.lwe_pir import client, filters, hints  # noqa: PLC0415

        labels = []
        for each, (data, _) in zip(asked, kept.parts, strict=True):
            row = hints.decode_row(self._shape, self._row(each.block))
            part = client.read_part(self._shape, data)
            total = client.opened_part(self._shape, each, row.hint, part)
            labels.append(filters.label_of(self._shape, each.key, total))
        return labels

    def _check_fit(self, secret: "NDArray[np.int8]", collected: "_Collected") -> None:
        """Refuse answers that are not of the hint's table, or under another public matrix."""
        import numpy as np  # noqa: PLC0415

        from unseen.protocols.lookup.lwe_pir import client, fitting, hints  # noqa: PLC0415

        rows = [hints.decode_row(self._shape, self._row(block)).hint for block in collected.sample]
        parts = [client.read_part(self._shape, part) for part in collected.sampled]
        found = np.concatenate(parts)[np.newaxis]
        if not fitting.fits(self._shape, secret[np.newaxis], np.concatenate(rows), found):
            raise AnswerInvalidError(
                "the answers do not fit the table's signed hint",
                clause="answers.hint",
                remedy="show what was kept of it to the operator",
            )

    def _row(self, block: int) -> bytes:
        size = self._epoch.manifest.row_bytes
        return bytes(self._epoch.table[block * size : (block + 1) * size])

    def _over(self, request: str, error: WireError) -> WireError:
        """Return what to tell where there are no answers; marks the request where none will be."""
        if error.reason not in EPOCH_OVER:
            return error
        self._session.state.save_lost(request)
        return RefusedError(
            Cause(
                asking.REPLY_LOST,
                "the question was charged, and epoch or build ended before the table had answered",
                clause="epoch",
                remedy="ask again: it is a new question, under the new epoch",
                charged=True,
            )
        )

    def _keep_failed(
        self, question: Asking, got: Unfinished, error: EvidenceError | PeerError
    ) -> None:
        """Keep answers that do not hold up, by their hashes: what was asked, came and is wrong."""
        suite, request = self._session.suite, question.request
        value: dict[str, Json] = {
            "v": 1,
            "type": "answers",
            "request": request,
            "manifest": self._epoch.id,
            "reason": error.reason,
            "clause": error.clause,
            "count": len(question.queries),
            "queries": b64encode(tree_of_hashes(suite, question.hashes).root()),
            "came": len(got.roots),
            "answers": b64encode(tree_of_hashes(suite, got.roots).root()),
            "signed": got.token,
        }
        path = self._session.home.evidence(f"answers-{request}.json")
        write_json(path, value, private=True)


class _Collected:
    """What is taken of answers: of each the subject's block, of the last some drawn at random."""

    def __init__(self, shape: Shape, asked: Sequence["Asked"]) -> None:
        """Draw the blocks to look at."""
        self._bytes, self._blocks = shape.part_bytes, [each.block for each in asked]
        drawn = secrets.SystemRandom().sample(range(shape.blocks), min(SAMPLE, shape.blocks))
        self.sample = sorted(drawn)
        self.parts: list[tuple[bytes, tuple[bytes, ...]]] = []
        self.sampled: list[bytes] = []

    def take(self, number: int, answer: bytes, tree: Tree) -> None:
        """Take an answer; number 0 begins anew."""
        if number == 0:
            self.parts = []
        if number == len(self._blocks):
            self.sampled = [self._part(answer, each) for each in self.sample]
            return
        block = self._blocks[number]
        self.parts.append((self._part(answer, block), tuple(tree.inclusion_proof(block))))

    def _part(self, answer: bytes, block: int) -> bytes:
        return answer[block * self._bytes : (block + 1) * self._bytes]


def _hashes(text: str) -> tuple[bytes, ...]:
    data = b64decode(text)
    return tuple(data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES))
