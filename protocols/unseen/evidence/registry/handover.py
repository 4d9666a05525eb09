"""Handing a node over (移交): what the successor takes, and what was deleted. Own format.

The handover is signed by the operator that leaves. It names the successor's key, the log as it
stands, and every file that goes along by its hash; the quota that buyers have left is one of these
files, and follows from the releases in the log. The deletion certificate, by the same operator,
lists what was destroyed.

A deletion is attested: the signature makes the operator answer for it. Nothing can prove that no
copy was kept, and the document says so itself, in both languages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import HandoverInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import Signer, Suite, key_id, signer_id

CAUSE = "handover"
HANDOVER_TYP = "unseen-handover"
DELETION_TYP = "unseen-deletion"
ATTESTED = (
    "The operator attests that it deleted what is listed as deleted."
    " No signature can prove that no copy was kept."
)
ATTESTED_ZH = "运营方声明已删除标明“已删除”的内容；任何签名都不能证明没有保留副本。"
WHAT = frozenset(
    {"epoch-key", "lookup-table", "salt", "node-key", "reply", "result", "consent", "source"}
)
MAX_FILES = 64
MAX_ITEMS = 4096

_CHECK = Checker(HandoverInvalidError, "handover")
_DELETION = Checker(HandoverInvalidError, "deletion")
_QUOTA = Checker(HandoverInvalidError, "quota")


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes along: `digest` is its hash, 32 bytes."""

    name: str
    digest: bytes

    def __post_init__(self) -> None:
        """Check both fields; a name leads to no other folder."""
        _CHECK.token("files.name", self.name)
        _CHECK.octets("files.digest", self.digest)

    def to_json(self) -> dict[str, Json]:
        """Return the file as an object."""
        return {"name": self.name, "digest": b64encode(self.digest)}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the file that `to_json` gives `value` for."""
        body = _CHECK.take(value, ("name", "digest"), "files")
        return cls(body["name"], _CHECK.unb64("files.digest", body["digest"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One handover. Errors: `HandoverInvalidError`, naming the field.

    `operator`, who signs, `node` and `successor` are names of keys. `log` is the origin of the
    node's log, `size` and `root` (32 bytes) what it held when this was signed.
    """

    suite: str
    operator: str
    node: str
    successor: str
    log: str
    size: int
    root: bytes
    files: tuple[File, ...]
    time: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        for field in ("operator", "node", "successor"):
            _CHECK.key_id(field, getattr(self, field))
        if self.successor in (self.operator, self.node):
            _CHECK.fail("successor", "is the one that hands over")
        _CHECK.origin("log", self.log)
        _CHECK.integer("size", self.size, 1)
        _CHECK.octets("root", self.root)
        _CHECK.members("files", self.files, File, MAX_FILES)
        _CHECK.distinct("files", [file.name for file in self.files])
        _CHECK.time("time", self.time)

    def to_json(self) -> dict[str, Json]:
        """Return the handover as an object."""
        return head("handover", self.suite) | {
            "operator": self.operator,
            "node": self.node,
            "successor": self.successor,
            "log": self.log,
            "size": self.size,
            "root": b64encode(self.root),
            "files": [file.to_json() for file in self.files],
            "time": format_time(self.time),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the handover that `to_json` gives `value` for.

        Raises:
            HandoverInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        names = ("operator", "node", "successor", "log", "size", "root", "files", "time")
        body = _CHECK.body(value, "handover", names)
        return cls(
            suite=body["suite"],
            operator=body["operator"],
            node=body["node"],
            successor=body["successor"],
            log=body["log"],
            size=body["size"],
            root=_CHECK.unb64("root", body["root"]),
            files=tuple(map(File.from_json, _CHECK.unlist("files", body["files"]))),
            time=_CHECK.untime("time", body["time"]),
        )


def sign_handover(signer: Signer, handover: Handover) -> str:
    """Return `handover` signed by the operator that leaves.

    Raises:
        HandoverInvalidError: `signer` is another one.

    """
    _by_operator(_CHECK, handover, signer_id(signer), signer.suite)
    return jws.sign(signer, HANDOVER_TYP, handover.to_json())


def verify_handover(token: str, suite: Suite, public_key: bytes) -> Handover:
    """Return the handover that the operator with `public_key` signed.

    Raises:
        HandoverInvalidError: it is malformed, or another operator's.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    payload = jws.verify(token, typ=HANDOVER_TYP, suite=suite, public_key=public_key)
    handover = Handover.from_json(payload)
    _by_operator(_CHECK, handover, key_id(suite, public_key), suite)
    return handover


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was deleted, or left (`deleted` false): a kind of `WHAT`, named, counted."""

    what: str
    name: str
    count: int
    deleted: bool

    def __post_init__(self) -> None:
        """Check every field."""
        _DELETION.choice("items.what", self.what, WHAT)
        _DELETION.text("items.name", self.name, 256)
        _DELETION.integer("items.count", self.count, 0)
        _DELETION.boolean("items.deleted", self.deleted)

    def to_json(self) -> dict[str, Json]:
        """Return the item as an object."""
        return {
            "what": self.what,
            "name": self.name,
            "count": self.count,
            "deleted": self.deleted,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the item that `to_json` gives `value` for."""
        return cls(**_DELETION.take(value, ("what", "name", "count", "deleted"), "items"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A deletion certificate. Errors: `HandoverInvalidError`, naming the field.

    `operator` and `node` are names of keys, `handover` the id of the handover, 32 bytes.
    """

    suite: str
    operator: str
    node: str
    handover: bytes
    items: tuple[Item, ...]
    time: datetime
    text: str = ATTESTED
    text_zh: str = ATTESTED_ZH

    def __post_init__(self) -> None:
        """Check every field."""
        _DELETION.suite(self.suite)
        _DELETION.key_id("operator", self.operator)
        _DELETION.key_id("node", self.node)
        _DELETION.octets("handover", self.handover)
        _DELETION.members("items", self.items, Item, MAX_ITEMS)
        _DELETION.time("time", self.time)
        _DELETION.choice("text", self.text, (ATTESTED,))
        _DELETION.choice("text_zh", self.text_zh, (ATTESTED_ZH,))

    def to_json(self) -> dict[str, Json]:
        """Return the certificate as an object."""
        return head("deletion", self.suite) | {
            "operator": self.operator,
            "node": self.node,
            "handover": b64encode(self.handover),
            "items": [item.to_json() for item in self.items],
            "time": format_time(self.time),
            "text": self.text,
            "text_zh": self.text_zh,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the certificate that `to_json` gives `value` for.

        Raises:
            HandoverInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        names = ("operator", "node", "handover", "items", "time", "text", "text_zh")
        body = _DELETION.body(value, "deletion", names)
        return cls(
            suite=body["suite"],
            operator=body["operator"],
            node=body["node"],
            handover=_DELETION.unb64("handover", body["handover"]),
            items=tuple(map(Item.from_json, _DELETION.unlist("items", body["items"]))),
            time=_DELETION.untime("time", body["time"]),
            text=body["text"],
            text_zh=body["text_zh"],
        )


def sign_deletion(signer: Signer, deletion: Deletion) -> str:
    """Return `deletion` signed by the operator that deleted.

    Raises:
        HandoverInvalidError: `signer` is another one.

    """
    _by_operator(_DELETION, deletion, signer_id(signer), signer.suite)
    return jws.sign(signer, DELETION_TYP, deletion.to_json())


def verify_deletion(token: str, suite: Suite, public_key: bytes) -> Deletion:
    """Return the deletion certificate that the operator with `public_key` signed.

    Raises:
        HandoverInvalidError: it is malformed, or another operator's.
        SignatureInvalidError: the signature fails.
        CanonicalError: the token is malformed.

    """
    payload = jws.verify(token, typ=DELETION_TYP, suite=suite, public_key=public_key)
    deletion = Deletion.from_json(payload)
    _by_operator(_DELETION, deletion, key_id(suite, public_key), suite)
    return deletion


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """What a contract's buyer had left: `units` were granted, `used` of them charged.

    `contract` is the id as text, `buyer` the name of the buyer's key, `product` what it was for.
    """

    contract: str
    buyer: str
    product: str
    kind: str
    units: int
    used: int

    def __post_init__(self) -> None:
        """Check every field."""
        _QUOTA.key_id("contract", self.contract)
        _QUOTA.key_id("buyer", self.buyer)
        _QUOTA.name("product", self.product)
        _QUOTA.token("kind", self.kind)
        _QUOTA.integer("units", self.units, 1)
        _QUOTA.integer("used", self.used, 0, self.units)

    @property
    def left(self) -> int:
        """The units that were paid for or promised, and not used."""
        return self.units - self.used

    def to_json(self) -> dict[str, Json]:
        """Return the line as an object."""
        return {
            "contract": self.contract,
            "buyer": self.buyer,
            "product": self.product,
            "kind": self.kind,
            "units": self.units,
            "used": self.used,
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the line that `to_json` gives `value` for."""
        names = ("contract", "buyer", "product", "kind", "units", "used")
        return cls(**_QUOTA.take(value, names, "quota"))


def unused_quota(
    contracts: Mapping[str, Terms], leaves: Iterable[Mapping[str, Any]]
) -> tuple[Unused, ...]:
    """Return what the handover took from buyers, by contract: both sides compute the same.

    `contracts` are the terms by id, `leaves` the whole log. Counted are contracts that were in
    force until a handover revoked them.

    Raises:
        HandoverInvalidError: the terms of such a contract are missing, or used beyond its quota.

    """
    used: dict[str, int] = {}
    signed: set[str] = set()
    taken: set[str] = set()
    for leaf in leaves:
        match leaf["type"]:
            case "release":
                contract = leaf["request"]["contract"]
                used[contract] = max(used.get(contract, 0), leaf["total"])
            case "contract.activated":
                signed.add(leaf["contract"])
            case "contract.revoked" if leaf.get("cause") == CAUSE and leaf["contract"] in signed:
                taken.add(leaf["contract"])
    return tuple(_unused(contract, contracts, used.get(contract, 0)) for contract in sorted(taken))


def _unused(contract: str, contracts: Mapping[str, Terms], used: int) -> Unused:
    terms = contracts.get(contract)
    if terms is None:
        _QUOTA.fail("contract", "has no terms among the contracts")
    return Unused(
        contract=contract,
        buyer=terms.buyer,
        product=terms.product,
        kind=terms.kind,
        units=terms.quota.units,
        used=used,
    )


def _by_operator(check: Checker, document: Handover | Deletion, signer: str, suite: Suite) -> None:
    if (document.operator, document.suite) != (signer, suite.id):
        check.fail("operator", "has another key than the one that signs")
