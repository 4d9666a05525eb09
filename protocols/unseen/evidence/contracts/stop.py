"""Orders to stop and to resume: a party says that a contract, or a whole node, has to stand still.

A JWS by the party's own key, so that who stopped what, and why, does not rest on the node's word.
It names the node, so that another one cannot be stopped with it, and a nonce, so that it counts
once. Whether the signer may give the order is for the node to decide, and for the log to show.

It does not prove that the node stood still afterwards: that no release follows it in the log does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from unseen.evidence import jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import StopInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.suite import DIGEST_BYTES, Signer, Suite

TYP = "unseen-stop"
NONCE_BYTES = 16
MAX_CAUSE_BYTES = 200
Action = Literal["stop", "resume"]
ACTIONS = ("stop", "resume")

_CHECK = Checker(StopInvalidError, "stop")
_FIELDS = ("action", "node", "contract", "cause", "issued_at", "nonce")


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """An order to `stop` or `resume` a contract, or the node itself where `contract` is empty.

    `node` is the name of the node's key, `contract` an id (32 bytes) or empty, `cause` one line
    of at most 200 bytes that goes into the log, `nonce` 16 random bytes. Errors:
    `StopInvalidError`.
    """

    suite: str
    action: Action
    node: str
    contract: bytes
    cause: str
    issued_at: datetime
    nonce: bytes

    def __post_init__(self) -> None:
        """Check every field."""
        _CHECK.suite(self.suite)
        _CHECK.choice("action", self.action, ACTIONS)
        _CHECK.key_id("node", self.node)
        _CHECK.octets("contract", self.contract, DIGEST_BYTES if self.contract else 0)
        _CHECK.text("cause", self.cause, MAX_CAUSE_BYTES)
        _CHECK.time("issued_at", self.issued_at)
        _CHECK.octets("nonce", self.nonce, NONCE_BYTES)

    def to_json(self) -> dict[str, Json]:
        """Return what the party signs."""
        return head("stop", self.suite) | {
            "action": self.action,
            "node": self.node,
            "contract": b64encode(self.contract),
            "cause": self.cause,
            "issued_at": format_time(self.issued_at),
            "nonce": b64encode(self.nonce),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the order that `to_json` gives `value` for.

        Raises:
            StopInvalidError: a field is missing, not known, of another type or out of range.
            SuiteUnknownError: the suite is not known here.

        """
        body = _CHECK.body(value, "stop", _FIELDS)
        return cls(
            suite=body["suite"],
            action=body["action"],
            node=body["node"],
            contract=_CHECK.unb64("contract", body["contract"]),
            cause=body["cause"],
            issued_at=_CHECK.untime("issued_at", body["issued_at"]),
            nonce=_CHECK.unb64("nonce", body["nonce"]),
        )


def sign_stop(signer: Signer, order: StopOrder) -> str:
    """Return the order as a party's signed document.

    Raises:
        StopInvalidError: the order is of another suite than the key.

    """
    if order.suite != signer.suite.id:
        _CHECK.fail("suite", "is not the signer's")
    return jws.sign(signer, TYP, order.to_json())


def verify_stop(token: str, suite: Suite, public_key: bytes) -> StopOrder:
    """Return the order that the owner of `public_key`, of `suite`, signed.

    Raises:
        StopInvalidError: it is malformed, or of another suite.
        SignatureInvalidError: another key, or the signature fails.
        CanonicalError: the token is malformed.

    """
    order = StopOrder.from_json(jws.verify(token, typ=TYP, suite=suite, public_key=public_key))
    if order.suite != suite.id:
        _CHECK.fail("suite", "is not the key's")
    return order
