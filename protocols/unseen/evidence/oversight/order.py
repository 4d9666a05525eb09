"""Orders: a regulator demands that hidden queries of a contract be opened. Own formats.

    order = JWS by the key that the terms name as `regulator`
        contract, reason, issued_at, deadline
        wanted    requests by their ids, or a sample: how many, and a commitment to a salt
        seal      the public key that answers are encrypted to, fresh for each order
    draw  = JWS by the same key, once the order is in the log
        salt      opens the order's commitment
        size,root the log's head that ends with the order
        requests  the sample

A sample is drawn by `draw`: every release of the contract before the order gets a rank, the hash
of its request id under a seed, and the lowest ranks are taken. The seed is the hash of order,
salt and root. The regulator fixes the salt before the node fixes the root, and the node fixes
the root, with everything that happened until then and a fresh nonce in the order's leaf, before
it learns the salt: neither chooses the sample, and whoever holds the log recomputes it. Without
that nonce a regulator that reads a quiet log could compute the root, and try out salts. One that
does not like a draw may stop there; its order then stands in the log without one. A regulator and
a node that act together choose what they like.

An order is named by the hash of its token. It proves that the regulator demanded this. It does
not show that it was allowed to by law: `reason` says so in its own words.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import OrderInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite, key_id, suite_of

TYP_ORDER = "unseen-order"
TYP_DRAW = "unseen-draw"
SALT_BYTES = 32
NONCE_BYTES = 16  # of the node's, in the leaf of an order
MAX_REQUESTS = 256
MIN_NOTICE = timedelta(hours=1)  # between an order and its deadline
MAX_NOTICE = timedelta(days=366)
SEALS = {"hpke-x25519-sha256-aes256gcm": 32}
"""Ways to encrypt an answer and the bytes of their public keys: RFC 9180 in base mode with
DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM."""

_CHECK = Checker(OrderInvalidError, "order")
_DRAW = Checker(OrderInvalidError, "draw")
_FIELDS = ("contract", "regulator", "key", "reason", "issued_at", "deadline", "wanted", "seal")
_DRAW_FIELDS = ("order", "salt", "size", "root", "requests")
_SALT = b"unseen/draw/salt/v1\0"
_SEED = b"unseen/draw/seed/v1\0"
_RANK = b"unseen/draw/rank/v1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many releases are drawn, and the commitment (`commit_salt`) to the draw's salt."""

    count: int
    commitment: bytes

    def __post_init__(self) -> None:
        """Check both."""
        _CHECK.integer("sample.count", self.count, 1, MAX_REQUESTS)
        _CHECK.octets("sample.commitment", self.commitment)

    def to_json(self) -> dict[str, Json]:
        """Return the sample as an object."""
        return {"count": self.count, "commitment": b64encode(self.commitment)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the sample that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("count", "commitment"), "sample")
        commitment = _CHECK.unb64("sample.commitment", body["commitment"])
        return cls(count=body["count"], commitment=commitment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a regulator signs. Errors: `OrderInvalidError`, naming the field.

    `contract` is 32 bytes, `key` the regulator's public key, `seal_key` the public key that
    answers are encrypted to by the scheme `seal`, one of `SEALS`. Either `requests` are given, or
    a `sample`.
    """

    suite: str
    contract: bytes
    key: bytes = field(repr=False)
    reason: str
    issued_at: datetime
    deadline: datetime
    requests: tuple[str, ...] = ()
    sample: Sample | None = None
    seal: str
    seal_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        _CHECK.octets("contract", self.contract)
        _CHECK.octets("key", self.key, suite.key_bytes)
        _CHECK.text("reason", self.reason)
        _CHECK.time("issued_at", self.issued_at)
        _CHECK.time("deadline", self.deadline)
        if not MIN_NOTICE <= self.deadline - self.issued_at <= MAX_NOTICE:
            _CHECK.fail("deadline", "is not between an hour and 366 days after the order")
        _check_ids(_CHECK, self.requests)
        if (self.sample is None) != bool(self.requests):
            _CHECK.fail("wanted", "is not either requests or a sample")
        _CHECK.choice("seal.scheme", self.seal, SEALS)
        _CHECK.octets("seal.key", self.seal_key, SEALS[self.seal])

    @property
    def regulator(self) -> str:
        """The name of the regulator's key."""
        return key_id(suite_of(self.suite), self.key)

    def to_json(self) -> dict[str, Json]:
        """Return what the regulator signs."""
        wanted: dict[str, Json] = (
            {"requests": list(self.requests)}
            if self.sample is None
            else {"sample": self.sample.to_json()}
        )
        return head("order", self.suite) | {
            "contract": b64encode(self.contract),
            "regulator": self.regulator,
            "key": b64encode(self.key),
            "reason": self.reason,
            "issued_at": format_time(self.issued_at),
            "deadline": format_time(self.deadline),
            "wanted": wanted,
            "seal": {"scheme": self.seal, "key": b64encode(self.seal_key)},
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the order that `to_json` gives `value` for.

        Raises:
            OrderInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "order", _FIELDS)
        seal = _CHECK.take(body["seal"], ("scheme", "key"), "seal")
        order = cls(
            suite=body["suite"],
            contract=_CHECK.unb64("contract", body["contract"]),
            key=_CHECK.unb64("key", body["key"]),
            reason=body["reason"],
            issued_at=_CHECK.untime("issued_at", body["issued_at"]),
            deadline=_CHECK.untime("deadline", body["deadline"]),
            seal=seal["scheme"],
            seal_key=_CHECK.unb64("seal.key", seal["key"]),
            **_wanted(body["wanted"]),
        )
        if order.regulator != body["regulator"]:
            _CHECK.fail("regulator", "is not the name of the key")
        return order


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The sample of an order, as its regulator signs it. `size` and `root` are the log's head.

    `order` and `root` are 32 bytes, `salt` is 32 bytes. Errors: `OrderInvalidError`.
    """

    suite: str
    order: bytes
    salt: bytes
    size: int
    root: bytes
    requests: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check every field."""
        _DRAW.suite(self.suite)
        _DRAW.octets("order", self.order)
        _DRAW.octets("salt", self.salt, SALT_BYTES)
        _DRAW.integer("size", self.size, 1)
        _DRAW.octets("root", self.root)
        _check_ids(_DRAW, self.requests)

    def to_json(self) -> dict[str, Json]:
        """Return what the regulator signs."""
        return head("draw", self.suite) | {
            "order": b64encode(self.order),
            "salt": b64encode(self.salt),
            "size": self.size,
            "root": b64encode(self.root),
            "requests": list(self.requests),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the draw that `to_json` gives `value` for.

        Raises:
            OrderInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _DRAW.body(value, "draw", _DRAW_FIELDS)
        return cls(
            suite=body["suite"],
            order=_DRAW.unb64("order", body["order"]),
            salt=_DRAW.unb64("salt", body["salt"]),
            size=body["size"],
            root=_DRAW.unb64("root", body["root"]),
            requests=tuple(_DRAW.unlist("requests", body["requests"])),
        )


def order_id(suite: Suite, token: str) -> bytes:
    """Return the name of an order: the hash of its token, 32 bytes."""
    return suite.digest(token.encode())


def sign_order(signer: Signer, order: Order) -> str:
    """Return `order` signed by its regulator.

    Raises:
        OrderInvalidError: `signer` holds another key than the one in the order.

    """
    if (signer.suite.id, signer.public_key) != (order.suite, order.key):
        _CHECK.fail("key", "is not the signer's")
    return jws.sign(signer, TYP_ORDER, order.to_json())


def verify_order(token: str, terms: Terms) -> Order:
    """Return the order that `token` is, if it may be given under `terms`.

    Needs no trust file: the terms, which operator and buyer have signed, name the key.

    Raises:
        OrderInvalidError: the contract agrees to no openings, names another key, or the order is
            malformed or for another contract.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    found = jws.peek(token)
    order = Order.from_json(found.payload)
    if order.suite != terms.suite or order.contract != terms.id():
        _CHECK.fail("contract", "is another one")
    if not terms.openings or order.regulator != terms.regulator:
        _CHECK.fail("regulator", "is not named by the contract")
    suite = suite_of(order.suite)
    jws.verify_token(found, typ=TYP_ORDER, suite=suite, public_key=order.key)
    return order


def commit_salt(suite: Suite, salt: bytes) -> bytes:
    """Return the commitment to the salt of a draw, 32 random bytes."""
    return suite.digest(_SALT + salt)


def draw(
    order: bytes, salt: bytes, root: bytes, population: Collection[str], count: int, suite: Suite
) -> tuple[str, ...]:
    """Return the ids of `count` of the `population`, or all if there are fewer, in rank order.

    `population` are the request ids of the contract's releases before the order; their order does
    not matter. `order`, `salt` and `root` are 32 bytes.
    """
    seed = suite.digest(_SEED + order + salt + root)
    ranked = sorted((suite.digest(_RANK + seed + bytes.fromhex(one)), one) for one in population)
    return tuple(one for _, one in ranked[:count])


def sign_draw(signer: Signer, found: Draw) -> str:
    """Return the draw signed."""
    return jws.sign(signer, TYP_DRAW, found.to_json())


def verify_draw(token: str, order: Order, identifier: bytes) -> Draw:
    """Return the draw that `token` is, if it is one of `order`, whose name is `identifier`.

    The sample itself is checked by `check_draw`, where the log's releases are at hand.

    Raises:
        OrderInvalidError: it is of another order, or opens another commitment.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    suite = suite_of(order.suite)
    payload = jws.verify(token, typ=TYP_DRAW, suite=suite, public_key=order.key)
    found = Draw.from_json(payload)
    if found.suite != order.suite or found.order != identifier or order.sample is None:
        _DRAW.fail("order", "is another one, or names its requests")
    if commit_salt(suite, found.salt) != order.sample.commitment:
        _DRAW.fail("salt", "is not the one that the order commits to")
    if len(found.requests) > order.sample.count:
        _DRAW.fail("requests", "are more than the order asks for")
    return found


def check_draw(found: Draw, count: int, population: Iterable[str]) -> None:
    """Return if the draw's requests are those of `population` that its seed ranks lowest.

    `population` are the request ids of the contract's releases before the order, `count` is the
    order's. That `root` is the log's at `size` is for the caller to see.

    Raises:
        OrderInvalidError: they are others.

    """
    suite = suite_of(found.suite)
    everything = frozenset(population)
    wanted = draw(found.order, found.salt, found.root, everything, count, suite)
    if found.requests != wanted:
        _DRAW.fail("requests", "are not the ones that its seed draws")


def _check_ids(check: Checker, requests: tuple[str, ...]) -> None:
    check.members("requests", requests, str, MAX_REQUESTS)
    for request in requests:
        check.request_id("requests", request)
    check.distinct("requests", requests)


def _wanted(value: Json) -> dict[str, Any]:
    if type(value) is dict and "sample" in value:
        body = _CHECK.take(value, ("sample",), "wanted")
        return {"sample": Sample.from_json(body["sample"])}
    body = _CHECK.take(value, ("requests",), "wanted")
    return {"requests": tuple(_CHECK.unlist("wanted.requests", body["requests"]))}
