"""Consent: the root over many subjects, with and without their signatures, and one update.

`consent/root` is what an auditor pays who has the leaves; `consent/root/signed` what a node pays
that takes every consent in: signature, form, place in the tree, commitment. Signed consents are
made in advance, as many as `signed`, and looked at again and again; subjects are `subjects`.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from unseen.bench.registry import CURVE_BITS, SEED, Bench, Case, Group, Parameters, Phase
from unseen.evidence.canonical import b64encode
from unseen.evidence.consents.consent import Consent, sign_consent, verify_consent
from unseen.evidence.consents.consent_tree import set_commitment, tree_shape
from unseen.evidence.consents.subjects import DataSubject
from unseen.evidence.suite import INTL, Ed25519Signer, signer_id
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.keys import PrivateKey
from unseen.protocols.smt import Builder, MemoryStore, Shape, SparseTree
from unseen.protocols.smt.index import index_of
from unseen.protocols.smt.shape import INDEX_BYTES
from unseen.protocols.testing import seeded_rng

DEFAULTS = {"subjects": 20_000, "signed": 1_000, "updates": 200, "seed": SEED}
UPDATE_TARGET = "<= 1 ms each, without fsync"
_MODEL = "malicious node: collisions of SHA-256, EUF-CMA of Ed25519, a VOPRF key that is not known"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_DEPTH = 8 * INDEX_BYTES
_NODE_INPUT = 1 + 32 + 1 + 2 * 32  # bytes that one node of the tree hashes
_COLUMNS = (SubjectColumn("resident", "integer"),)
_NONCE = bytes(32)


@dataclass(frozen=True, slots=True)
class Signed:
    """A hub's consents of subjects numbered from 0, and what they are checked with."""

    hub: Ed25519Signer
    key: PrivateKey
    shape: Shape
    tokens: tuple[str, ...]

    @classmethod
    def make(cls, count: int, seed: int) -> "Signed":
        """Return consents of `count` subjects."""
        rng = seeded_rng(seed)
        hub, key = Ed25519Signer.generate(rng), keys.generate(rng)
        name = signer_id(hub)
        shape = tree_shape(INTL, name, key.public_key)
        return cls(hub, key, shape, tuple(_token(hub, number) for number in range(count)))

    def admit(self, token: str) -> tuple[bytes, bytes]:
        """Check a consent and return its place in the tree and the leaf's value."""
        consent = verify_consent(token, (), INTL, self.hub.public_key, _NOW)
        place = index_of(self.key, consent.subject.data())
        return place, set_commitment(INTL, _NONCE, (consent.id(),))


@contextmanager
def groups(parameters: Parameters) -> Iterator[Iterator[Group]]:
    """Hand out the groups of this bench."""
    yield _groups(parameters)


def _groups(parameters: Parameters) -> Iterator[Group]:
    signed = Signed.make(parameters["signed"], parameters["seed"])
    yield root(signed, parameters["subjects"])
    yield root_signed(signed, parameters["subjects"])
    yield update(signed, parameters["subjects"], parameters["updates"])


def root(signed: Signed, count: int) -> Group:
    """Fold leaves that are there already, in the order of their places."""
    places = list(_places(count))

    def work() -> None:
        _fold(signed.shape, places)

    return [
        _case("consent/root", count, work, limit="consent/root/hashes"),
        _hashes("consent/root/hashes", count, count * (_DEPTH + 2 - count.bit_length())),
    ]


def root_signed(signed: Signed, count: int) -> Group:
    """Check every consent, give it its place, and fold; a place is another's for the tree."""
    places = list(_places(count))
    data = bytes(len(signed.tokens[0]) * 3 // 4)
    signature, public_key = signed.hub.sign(data), signed.hub.public_key

    def work() -> None:
        tokens = itertools.cycle(signed.tokens)
        values = (signed.admit(token)[1] for token in tokens)
        builder = Builder(signed.shape)
        for place, value in zip(places, values, strict=False):
            builder.add(place, value)
        builder.root()

    def check() -> None:
        for _ in range(count):
            INTL.verify(public_key, signature, data)

    return [
        _case("consent/root/signed", count, work, limit="consent/root/signatures"),
        Case(name="consent/root/signatures", phase="offline", units=count, work=check),
    ]


def update(signed: Signed, count: int, updates: int) -> Group:
    """Change leaves of a tree in memory one by one, each to a root of its own."""
    tree = SparseTree(signed.shape, MemoryStore())
    places = list(_places(count))
    tree.update({place: _value(place) for place in places})
    chosen = places[:: max(1, count // updates)][:updates]
    laps = itertools.count(1)

    def work() -> None:
        value = _value(next(laps).to_bytes(8))
        for place in chosen:
            tree.update({place: value})

    return [
        _case(
            "consent/update",
            len(chosen),
            work,
            phase="online",
            limit="consent/update/hashes",
            target=UPDATE_TARGET,
        ),
        _hashes("consent/update/hashes", len(chosen), len(chosen) * (_DEPTH + 1), phase="online"),
    ]


def _case(
    name: str,
    count: int,
    work: Callable[[], None],
    *,
    phase: Phase = "offline",
    limit: str,
    target: str = "",
) -> Case:
    return Case(
        name=name,
        phase=phase,
        units=count,
        work=work,
        limit=limit,
        target=target,
        once=phase == "offline",
        threat_model=_MODEL,
        security_bits=CURVE_BITS,
    )


def _hashes(name: str, count: int, hashes: int, *, phase: Phase = "offline") -> Case:
    """Return the limit: so many bare hashes of a node's length, one for each that is needed."""
    data = bytes(_NODE_INPUT)

    def work() -> None:
        for _ in range(hashes):
            hashlib.sha256(data).digest()

    return Case(name=name, phase=phase, units=count, work=work)


def _fold(shape: Shape, places: list[bytes]) -> bytes:
    builder, value = Builder(shape), _value(b"")
    for place in places:
        builder.add(place, value)
    return builder.root()


def _places(count: int) -> Iterator[bytes]:
    """Yield places as even as an OPRF spreads them, in ascending order."""
    step = (1 << _DEPTH) // max(count, 1)
    for number in range(count):
        low = int.from_bytes(_value(number.to_bytes(8))[:INDEX_BYTES]) % step
        yield (number * step + low).to_bytes(INDEX_BYTES)


def _value(data: bytes) -> bytes:
    return INTL.hash(data)


def _token(hub: Ed25519Signer, number: int) -> str:
    consent = Consent(
        suite=INTL.id,
        subject=DataSubject(_COLUMNS, (number,)),
        role="hub",
        by=signer_id(hub),
        chain=(),
        recipient=b64encode(INTL.digest(b"buyer")),
        scenario="credit-check",
        table="residents",
        products=(),
        once=False,
        given_at=_NOW,
        until=_NOW + timedelta(days=365),
        notice=bytes(32),
        nonce=number.to_bytes(16),
    )
    return sign_consent(hub, consent)


BENCH = Bench("consent", "roots over consents of many subjects, and one update", DEFAULTS, groups)
