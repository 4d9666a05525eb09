"""A receipt as a Verifiable Credential, secured as a JWS.

Source: W3C Recommendations of 15 May 2025 "Verifiable Credentials Data Model v2.0" and "Securing
Verifiable Credentials using JOSE and COSE" (section 3.1: a JWS of type `vc+jwt` over the
credential), here in this project's own strict form of JWS.

The credential is signed by the client instance that asked and holds the receipt, and says what the
receipt says. The receipt stands in it, whole, as its evidence, and stays the evidence: the
credential is believed only as far as the receipt verifies and says the same. What a receipt does
not prove, a credential does not prove either.
"""

from typing import Any

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.errors import CredentialInvalidError
from unseen.evidence.exports.linked import NAMESPACE, Node, urn
from unseen.evidence.fields import Checker
from unseen.evidence.releases.instance import verify_instance
from unseen.evidence.suite import Signer, signer_id, suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import VerifiedReceipt, verify_receipt

TYP = "vc+jwt"
CONTEXT = "https://www.w3.org/ns/credentials/v2"
_CHECK = Checker(CredentialInvalidError, "credential")
_TERMS = (
    "UnseenReceiptCredential",
    "UnseenReceipt",
    "contract",
    "request",
    "kind",
    "units",
    "total",
    "privacy",
    "plan",
    "leakage",
    "snapshot",
    "release",
    "asked",
    "logOrigin",
    "logIndex",
    "logSize",
    "receipt",
)


def credential(token: str, facts: VerifiedReceipt, name: str = "") -> Node:
    """Return the credential that says what the receipt `token`, which proves `facts`, says.

    `name` is what the buyer is called.
    """
    return {
        "@context": [CONTEXT, {term: f"{NAMESPACE}{term}" for term in _TERMS}],
        "id": urn("receipt", f"{b64encode(facts.contract)}:{facts.request}"),
        "type": ["VerifiableCredential", "UnseenReceiptCredential"],
        "issuer": _named(facts.instance_key, facts.instance),
        "validFrom": format_time(facts.time),
        "credentialSubject": _named(facts.buyer_key, name) | _claims(facts),
        "evidence": [
            {
                "id": urn("log", f"{facts.origin}:{facts.index}"),
                "type": "UnseenReceipt",
                "receipt": token,
            }
        ],
    }


def sign_credential(signer: Signer, token: str, trust: Trust, name: str = "") -> str:
    """Return the signed credential of a receipt; `signer` is the instance that asked.

    Raises:
        CredentialInvalidError: another instance asked.
        ReceiptInvalidError, SignatureInvalidError, TrustMissingError: the receipt does not verify.

    """
    facts = verify_receipt(token, trust)
    if signer_id(signer) != facts.instance_key:
        _CHECK.fail("issuer", "is not the instance whose receipt it is")
    return jws.sign(signer, TYP, credential(token, facts, name))


def read_credential(token: str, trust: Trust) -> VerifiedReceipt:
    """Return what the receipt in a signed credential proves.

    Raises:
        CredentialInvalidError: the credential says anything that its receipt does not.
        SignatureInvalidError: it is not signed by the instance that asked, or the receipt fails.
        ReceiptInvalidError, TrustMissingError: the receipt does not verify.
        CanonicalError: the token is malformed.

    """
    payload = jws.peek(token).payload
    receipt = _receipt(payload)
    facts = verify_receipt(receipt, trust)
    party = trust.party(facts.buyer_key, "buyer")
    certification = _certification(receipt)
    instance = verify_instance(certification, party.key, max(facts.time, facts.issued_at))
    jws.verify(token, typ=TYP, suite=suite_of(facts.suite), public_key=instance.key)
    expected = credential(receipt, facts, _name(payload))
    if canonical.encode(payload) != canonical.encode(expected):
        _CHECK.fail("document", "says something else than its receipt")
    return facts


def _claims(facts: VerifiedReceipt) -> Node:
    return {
        "contract": urn("contract", b64encode(facts.contract)),
        "request": facts.request,
        "kind": facts.kind,
        "units": facts.units,
        "total": facts.total,
        "privacy": facts.privacy,
        "plan": b64encode(facts.plan),
        "leakage": b64encode(facts.leakage),
        "snapshot": b64encode(facts.snapshot),
        "asked": b64encode(facts.commitment),
        "release": b64encode(facts.release),
        "logOrigin": facts.origin,
        "logIndex": facts.index,
        "logSize": facts.size,
    }


def _named(key: str, name: str) -> Node:
    found: Node = {"id": urn("key", key)}
    return found | {"name": name} if name else found


def _receipt(payload: Json) -> str:
    evidence = payload.get("evidence") if isinstance(payload, dict) else None
    first = evidence[0] if isinstance(evidence, list) and evidence else None
    receipt = first.get("receipt") if isinstance(first, dict) else None
    if not isinstance(receipt, str):
        _CHECK.fail("evidence", "holds no receipt")
    return receipt


def _certification(receipt: str) -> str:
    body: Any = jws.peek(receipt).payload  # of a receipt that has verified
    return str(body["instance"])


def _name(payload: Any) -> str:
    """Return what the credential calls its subject: the one thing that no receipt says."""
    subject = payload.get("credentialSubject")
    if not isinstance(subject, dict) or "name" not in subject:
        return ""
    _CHECK.text("credentialSubject.name", subject["name"], 256)
    return str(subject["name"])
