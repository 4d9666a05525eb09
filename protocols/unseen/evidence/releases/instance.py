"""The certification of a client instance: a party says which key asks in its name.

A buyer runs many clients and keeps its own key offline; each client has an instance key, and
the buyer's signature over it travels inside every receipt. What the instance signs, the buyer
has signed. A certification ends by itself; before that, only the node's register can stop it.
It does not show that the certified key's owner agreed to act for the party.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import InstanceInvalidError
from unseen.evidence.fields import NAME_BYTES, Checker, head
from unseen.evidence.suite import Signer, Suite, key_id, signer_id, suite_of

TYP = "unseen-instance"
_CHECK = Checker(InstanceInvalidError, "instance")
_FIELDS = ("party", "name", "key", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A client instance: `key` may sign in the name of `party` before `until`.

    `party` is the name of the certifying key, `key` a raw public key of the same suite. Errors:
    `InstanceInvalidError`.
    """

    suite: str
    party: str
    name: str
    key: bytes
    until: datetime

    def __post_init__(self) -> None:
        """Check every field."""
        suite = _CHECK.suite(self.suite)
        _CHECK.key_id("party", self.party)
        _CHECK.text("name", self.name, NAME_BYTES)
        _CHECK.octets("key", self.key, suite.key_bytes)
        _CHECK.time("until", self.until)

    @property
    def key_id(self) -> str:
        """The name of the instance's key."""
        return key_id(suite_of(self.suite), self.key)

    def to_json(self) -> dict[str, Json]:
        """Return what the party signs."""
        return head("instance", self.suite) | {
            "party": self.party,
            "name": self.name,
            "key": b64encode(self.key),
            "until": format_time(self.until),
        }


def certify(signer: Signer, name: str, key: bytes, until: datetime) -> str:
    """Return the party's certification of the instance key `key`, valid before `until`.

    Raises:
        InstanceInvalidError: the name, the key's length or the time is malformed.

    """
    instance = Instance(
        suite=signer.suite.id, party=signer_id(signer), name=name, key=key, until=until
    )
    return jws.sign(signer, TYP, instance.to_json())


def verify_instance(
    token: str, party_key: bytes, at: datetime, *, suite: Suite | None = None
) -> Instance:
    """Return the instance that the owner of `party_key` certified and that is valid at `at`.

    `suite` is the one the party's key belongs to; where it is not given, the suite that the
    document names is taken, and the key has to fit it.

    Raises:
        InstanceInvalidError: malformed, of another party, or ended at `at`.
        SignatureInvalidError: the signature fails.
        SuiteUnknownError: the suite is not known here.
        CanonicalError: the token is malformed.

    """
    instance = _signed(token, party_key, suite)
    if at >= instance.until:
        _CHECK.fail("until", "has passed")
    return instance


# One certification stands in every receipt of an instance. What was verified is remembered, under
# everything that it was verified with; the time is asked each time.
@lru_cache(maxsize=256)
def _signed(token: str, party_key: bytes, suite: Suite | None) -> Instance:
    found = jws.peek(token)
    instance = _parse(found.payload)
    own = suite_of(instance.suite)
    if suite is not None and own != suite:
        _CHECK.fail("suite", "is not the party's")
    if instance.party != key_id(own, party_key):
        _CHECK.fail("party", "is another one")
    jws.verify_token(found, typ=TYP, suite=own, public_key=party_key)
    return instance


def _parse(payload: Json) -> Instance:
    body = _CHECK.body(payload, "instance", _FIELDS)
    return Instance(
        suite=body["suite"],
        party=body["party"],
        name=body["name"],
        key=_CHECK.unb64("key", body["key"]),
        until=_CHECK.untime("until", body["until"]),
    )
