"""The trust file: whose keys a verifier believes, which key signs which log, and whose log it is.

It is the one input of verification that nothing here can check: somebody wrote down, over a
channel of their own, that these keys are those parties'. `parties.json` may be laid out by hand;
it is otherwise as strict as any signed format.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, Self, get_args

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import TrustInvalidError, TrustMissingError
from unseen.evidence.fields import NAME_BYTES, VERSION, Checker
from unseen.evidence.suite import key_id, suite_of

Role = Literal[
    "operator",
    "node",
    "buyer",
    "holder",
    "approver",
    "authority",
    "hub",
    "auditor",
    "regulator",
    "witness",
]
MAX_ENTRIES = 4096
_ROLES = get_args(Role)
_CHECK = Checker(TrustInvalidError, "trust file")


@dataclass(frozen=True, slots=True)
class TrustedParty:
    """A party by its key, a raw public key of `suite`. Errors: `TrustInvalidError`."""

    name: str
    role: Role
    suite: str
    key: bytes

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.text("parties.name", self.name, NAME_BYTES)
        _CHECK.choice("parties.role", self.role, _ROLES)
        _CHECK.octets("parties.key", self.key, _CHECK.suite(self.suite).key_bytes)

    @property
    def key_id(self) -> str:
        """The name of the party's key."""
        return key_id(suite_of(self.suite), self.key)


class TrustedLog(NamedTuple):
    """The key, raw, and its suite that sign the checkpoints of one log.

    `node` is the name of the key of the node that writes the log: no other node's receipts are
    in it.
    """

    suite: str
    key: bytes
    node: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a verifier believes: parties by the name of their key, logs by their origin."""

    parties: Mapping[str, TrustedParty]
    logs: Mapping[str, TrustedLog]

    @classmethod
    def of(cls, parties: Iterable[TrustedParty], logs: Iterable[tuple[str, TrustedLog]]) -> Self:
        """Return the trust in `parties` and in `logs`, pairs of origin and key.

        Raises:
            TrustInvalidError: a key or an origin stands there twice, or a log is malformed.

        """
        listed, origins = tuple(parties), tuple(logs)
        for origin, log in origins:
            _CHECK.origin("logs.origin", origin)
            _CHECK.octets("logs.key", log.key, _CHECK.suite(log.suite).key_bytes)
            _CHECK.key_id("logs.node", log.node)
        _CHECK.distinct("parties", [party.key_id for party in listed])
        _CHECK.distinct("logs", [origin for origin, _ in origins])
        by_key = {party.key_id: party for party in listed}
        return cls(MappingProxyType(by_key), MappingProxyType(dict(origins)))

    def party(self, name: str, role: Role) -> TrustedParty:
        """Return the party whose key is called `name`, trusted as `role`.

        Raises:
            TrustMissingError: the file lists no such key in that role.

        """
        party = self.parties.get(name)
        if party is None or party.role != role:
            raise TrustMissingError(
                f"the trust file lists no {role} with the key of this document",
                clause=role,
                remedy=f"add the {role}'s key to the trust file, if you know that it is theirs",
            )
        return party

    def log(self, origin: str) -> TrustedLog:
        """Return the key of the log called `origin`.

        Raises:
            TrustMissingError: the file lists no such log.

        """
        log = self.logs.get(origin)
        if log is None:
            raise TrustMissingError(
                "the trust file lists no log of this origin",
                clause="log",
                remedy="add the log's key to the trust file, if you know that it is the node's",
            )
        return log

    def to_json(self) -> dict[str, Json]:
        """Return the content of `parties.json`."""
        return {
            "v": VERSION,
            "type": "trust",
            "parties": [
                {
                    "name": party.name,
                    "role": party.role,
                    "suite": party.suite,
                    "key": b64encode(party.key),
                }
                for party in self.parties.values()
            ],
            "logs": [
                {
                    "origin": origin,
                    "suite": log.suite,
                    "key": b64encode(log.key),
                    "node": log.node,
                }
                for origin, log in self.logs.items()
            ],
        }


def parse(data: bytes) -> Trust:
    """Return the trust that `data`, the bytes of `parties.json`, writes down.

    Raises:
        CanonicalError: `data` is not JSON, or repeats a name within an object.
        TrustInvalidError: a field is missing, not known, of another type or out of range.
        SuiteUnknownError: a suite is not known here.

    """
    body = _CHECK.take(canonical.load(data), ("v", "type", "parties", "logs"))
    _CHECK.integer("v", body["v"], VERSION, VERSION)
    _CHECK.choice("type", body["type"], ("trust",))
    parties, logs = (_CHECK.unlist(field, body[field]) for field in ("parties", "logs"))
    if len(parties) > MAX_ENTRIES or len(logs) > MAX_ENTRIES:
        _CHECK.fail("parties", f"or logs exceed {MAX_ENTRIES} entries")
    return Trust.of(map(_party, parties), map(_log, logs))


def _party(value: Json) -> TrustedParty:
    entry = _CHECK.take(value, ("name", "role", "suite", "key"), "parties")
    key = _CHECK.unb64("parties.key", entry["key"])
    return TrustedParty(entry["name"], entry["role"], entry["suite"], key)


def _log(value: Json) -> tuple[str, TrustedLog]:
    entry = _CHECK.take(value, ("origin", "suite", "key", "node"), "logs")
    key = _CHECK.unb64("logs.key", entry["key"])
    return entry["origin"], TrustedLog(entry["suite"], key, entry["node"])
