"""A response to an order: which requests a client instance of the buyer opens. Own format.

    response = JWS by the instance's key
        order          the hash of the order's token
        certification  JWS by the buyer: this instance key signs in my name
        opened         for each request its parts: hashes of ciphertexts, in order
        unknown        requests that this home did not make
        lost           requests whose answers this home never got, so that nothing opens them

The openings themselves (`batch.py`, `clear.py`) are within the ciphertexts, encrypted to the
key that the order names, so that whoever transports them learns no subject. Each plaintext is a
frame padded to a size that follows from the batch alone (`part_bytes`): neither the length of a
subject nor whether it was found shows, up to `ITEM_BYTES` a subject, and more by what follows from
the plan where the table stays with its owner (`item_bytes`).

A response proves that the instance stands by these ciphertexts. What is in them only the
regulator can see; that a request is `unknown` or `lost` is that home's word, against which the
request's own signature in the log may stand.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import ResponseInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.oversight.order import MAX_REQUESTS
from unseen.evidence.releases.instance import Instance, verify_instance
from unseen.evidence.releases.manifest import HIDDEN_TABLE
from unseen.evidence.suite import Signer, suite_of
from unseen.protocols.lookup.lwe_pir.parameters import WIDTHS, Shape

TYP = "unseen-response"
UNIT_BYTES = 1 << 16
ITEM_BYTES = 4096
_ANSWERED_BYTES = 8192  # paths and names of an answer in base64url
MAX_PARTS = 4096
MAX_PART_BYTES = 14 * UNIT_BYTES  # padded; with what is unusually long still under 1 MiB
_ELEMENT_BYTES = 96  # a blinded and an evaluated element in base64url, with quotes and commas
_FRAME = struct.Struct(">I")
_INFO = b"unseen/response/v1\0"
_CHECK = Checker(ResponseInvalidError, "response")
_FIELDS = ("order", "certification", "issued_at", "opened", "unknown", "lost")


@dataclass(frozen=True, slots=True)
class Parts:
    """The openings of one request: hashes of the ciphertexts, 32 bytes each, in order."""

    request: str
    digests: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Check both."""
        _CHECK.request_id("opened.request", self.request)
        _CHECK.members("opened.parts", self.digests, bytes, MAX_PARTS, 1)
        for digest in self.digests:
            _CHECK.octets("opened.parts", digest)

    def to_json(self) -> dict[str, Json]:
        """Return the parts as an object."""
        return {"request": self.request, "parts": [b64encode(digest) for digest in self.digests]}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the parts that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("request", "parts"), "opened")
        parts = _CHECK.unlist("opened.parts", body["parts"])
        return cls(body["request"], tuple(_CHECK.unb64("opened.parts", part) for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What an instance answers an order with. Errors: `ResponseInvalidError`.

    `order` is 32 bytes, `certification` the token that names the instance.
    """

    suite: str
    order: bytes
    certification: str
    issued_at: datetime
    opened: tuple[Parts, ...]
    unknown: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.octets("order", self.order)
        _CHECK.text("certification", self.certification, canonical.MAX_BYTES)
        _CHECK.time("issued_at", self.issued_at)
        _CHECK.members("opened", self.opened, Parts, MAX_REQUESTS)
        for field in ("unknown", "lost"):
            requests = getattr(self, field)
            _CHECK.members(field, requests, str, MAX_REQUESTS)
            for request in requests:
                _CHECK.request_id(field, request)
        _CHECK.distinct("requests", self.requests)

    @property
    def requests(self) -> tuple[str, ...]:
        """The requests that it says anything about."""
        return (*(parts.request for parts in self.opened), *self.unknown, *self.lost)

    def to_json(self) -> dict[str, Json]:
        """Return what the instance signs."""
        return head("response", self.suite) | {
            "order": b64encode(self.order),
            "certification": self.certification,
            "issued_at": format_time(self.issued_at),
            "opened": [parts.to_json() for parts in self.opened],
            "unknown": list(self.unknown),
            "lost": list(self.lost),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the response that `to_json` gives `value` for.

        Raises:
            ResponseInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "response", _FIELDS)
        return cls(
            suite=body["suite"],
            order=_CHECK.unb64("order", body["order"]),
            certification=body["certification"],
            issued_at=_CHECK.untime("issued_at", body["issued_at"]),
            opened=tuple(map(Parts.from_json, _CHECK.unlist("opened", body["opened"]))),
            unknown=tuple(_CHECK.unlist("unknown", body["unknown"])),
            lost=tuple(_CHECK.unlist("lost", body["lost"])),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedResponse:
    """A response and the instance that gave it. Only `verify_response` makes one."""

    response: Response
    instance: Instance


def sign_response(signer: Signer, response: Response) -> str:
    """Return the response signed by the instance."""
    return jws.sign(signer, TYP, response.to_json())


def verify_response(token: str, order: bytes, terms: Terms, buyer_key: bytes) -> VerifiedResponse:
    """Return the response that `token` is, by an instance of the buyer of `terms`.

    `buyer_key` is the buyer's public key, whose name the terms hold; `order` the order's name.
    Whether the requests are the order's is for the caller to see.

    Raises:
        ResponseInvalidError: it is for another order, or by an instance of somebody else.
        InstanceInvalidError: the certification had ended.
        SignatureInvalidError: a signature fails.
        CanonicalError: the token is malformed.

    """
    found = jws.peek(token)
    response = Response.from_json(found.payload)
    if response.suite != terms.suite or response.order != order:
        _CHECK.fail("order", "is another one")
    suite = suite_of(terms.suite)
    at = response.issued_at
    instance = verify_instance(response.certification, buyer_key, at, suite=suite)
    if instance.party != terms.buyer:
        _CHECK.fail("certification", "is another party's")
    jws.verify_token(found, typ=TYP, suite=suite, public_key=instance.key)
    return VerifiedResponse(response=response, instance=instance)


def seal_info(order: bytes, request: str, number: int, of: int) -> bytes:
    """Return what the ciphertext of part `number` (from 0) of `of` is bound to."""
    return _INFO + order + bytes.fromhex(request) + _FRAME.pack(number) + _FRAME.pack(of)


def item_bytes(plan: Plan) -> int:
    """Return the bytes that one subject of a request under `plan` is given in a part.

    For each of its points, two where whole subjects are matched. Where the table stays with its
    owner, also a hint row in base64url.
    """
    if plan.protocol != HIDDEN_TABLE:
        return ITEM_BYTES * plan.evaluations
    row = Shape(1, WIDTHS[0], plan.label_bytes).hint_row_bytes
    return ITEM_BYTES + plan.evaluations * (-(-row * 4 // 3) + _ANSWERED_BYTES)


def items_per_part(size: int, each: int = ITEM_BYTES, points: int = 1) -> int:
    """Return how many subjects of a batch of `size` a part holds, of `each` bytes and `points`."""
    shared = UNIT_BYTES + size * points * _ELEMENT_BYTES
    return (MAX_PART_BYTES - shared) // each


def max_parts(size: int, each: int = ITEM_BYTES, points: int = 1) -> int:
    """Return how many parts a batch of `size` subjects of `each` bytes and `points` takes."""
    return -(-size // items_per_part(size, each, points))


def part_bytes(size: int, items: int, each: int = ITEM_BYTES, points: int = 1) -> int:
    """Return the bytes of a part with `items` subjects of a batch of `size`, padded."""
    elements = size * points * _ELEMENT_BYTES
    return UNIT_BYTES * (1 + -(-(elements + items * each) // UNIT_BYTES))


def pad(bundle: bytes, size: int, items: int, each: int = ITEM_BYTES, points: int = 1) -> bytes:
    """Return a bundle's bytes as a part's plaintext, of `items` subjects of `each` bytes.

    A bundle with a very long subject gets as many units more as it needs.
    """
    framed = _FRAME.pack(len(bundle)) + bundle
    wanted = max(part_bytes(size, items, each, points), -(-len(framed) // UNIT_BYTES) * UNIT_BYTES)
    return framed.ljust(wanted, b"\0")


def unpad(data: bytes) -> bytes:
    """Return the bundle's bytes within a part's plaintext.

    Raises:
        ResponseInvalidError: it is not padded like that.

    """
    if len(data) < _FRAME.size:
        _CHECK.fail("part", "is shorter than its frame")
    (length,) = _FRAME.unpack_from(data)
    end = _FRAME.size + length
    if end > len(data) or data[end:].strip(b"\0"):
        _CHECK.fail("part", "is not padded as it has to be")
    return data[_FRAME.size : end]
