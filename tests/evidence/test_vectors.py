"""The frozen bytes of every format, and a receipt checked without this project's code.

`tests/vectors/evidence/formats_v1.json` was written by `frozen` below, from fixed keys, when the
formats became final. A change that moves one byte breaks every document already signed.
"""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from unseen.evidence import canonical, trust
from unseen.evidence.bills.settlement import settle
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.oversight.clear import (
    make_clear_opening,
    release_parts,
    request_parts,
    verify_clear_opening,
)
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.releases.manifest import published_leaf, sign_manifest
from unseen.evidence.releases.request import sign_request

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1.json").read_text(encoding="utf-8")
)


PEOPLE = (("Ada", "1815-12-10"), ("Bao", "1990-01-31"))
NONCES = bytes(range(32)), bytes(range(32, 64))


def clear_opening(world: Any) -> Any:
    terms, verdicts = world.terms(kind="verify", protocol="clear"), (True, None)
    request = world.request(
        contract=terms.id(),
        kind="verify",
        manifest=b"",
        epoch=0,
        commitment=commit(world.suite, NONCES[0], request_parts(PEOPLE[0])),
    )
    release = commit(world.suite, NONCES[1], release_parts(verdicts))
    return make_clear_opening(
        receipt=world.receipt(world.leaf(request, release=release)),
        terms=terms,
        subject=PEOPLE[0],
        verdicts=verdicts,
        request_nonce=NONCES[0],
        release_nonce=NONCES[1],
    )


def frozen(world: Any, lookup: Any) -> dict[str, str]:
    terms, request, leaf, manifest = (
        world.terms(),
        world.request(),
        world.leaf(),
        world.manifest(),
    )
    return {
        "plan": world.plan().encode().decode(),
        "plan_digest": world.plan().digest(world.suite).hex(),
        "leakage": world.leakage().encode().decode(),
        "leakage_digest": world.leakage().digest(world.suite).hex(),
        "terms": terms.encode().decode(),
        "contract_id": terms.id().hex(),
        "operator_approval": sign_terms(world.operator, terms),
        "buyer_approval": sign_terms(world.buyer, terms),
        "instance": world.instance,
        "request": request.bytes().decode(),
        "request_signature": sign_request(world.client, request).hex(),
        "commitment": commit(world.suite, bytes(range(32)), [b"one", b"", b"three"]).hex(),
        "manifest": sign_manifest(world.node, manifest),
        "manifest_id": manifest.id().hex(),
        "manifest_leaf": canonical.encode(published_leaf(manifest, leaf.time)).decode(),
        "release_leaf": canonical.encode(leaf.to_json()).decode(),
        "trust": canonical.encode(world.trust.to_json()).decode(),
        "receipt": world.receipt(leaf),
        "settlement": settle(terms, [leaf]).decode(),
        "opening": canonical.encode(lookup.ask(PEOPLE, 1)).decode(),
        "opening_clear": canonical.encode(clear_opening(world)).decode(),
    }


def test_every_format_is_what_it_was(world: Any, lookup: Any) -> None:
    assert frozen(world, lookup) == VECTORS[world.suite.id]


def test_the_frozen_openings_verify_under_the_frozen_trust_file(suite: Any) -> None:
    vector = VECTORS[suite.id]
    trusted = trust.parse(vector["trust"].encode())
    hidden = verify_opening(canonical.decode(vector["opening"].encode()), trusted)
    assert dict(hidden.verdicts) == {"overdue": None, "listed": True}
    clear = verify_clear_opening(canonical.decode(vector["opening_clear"].encode()), trusted)
    assert dict(clear.verdicts) == {"overdue": True, "listed": None}


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def opened(token: str, key: bytes) -> Any:
    head, payload, signature = token.split(".")
    Ed25519PublicKey.from_public_bytes(key).verify(unb64(signature), f"{head}.{payload}".encode())
    return json.loads(unb64(payload))


def canonical_bytes(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def climbed(leaf: bytes, index: int, size: int, proof: bytes) -> bytes:
    """Return the root that an inclusion proof leads to, as RFC 9162 section 2.1.3.2 has it."""
    node, last = hashlib.sha256(b"\0" + leaf).digest(), size - 1
    for start in range(0, len(proof), 32):
        sibling = proof[start : start + 32]
        if index % 2 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index // 2, last // 2
    assert last == 0
    return node


def test_a_second_program_verifies_the_receipt() -> None:
    vector = VECTORS["intl"]
    listed = json.loads(vector["trust"])
    keys = {party["role"]: unb64(party["key"]) for party in listed["parties"]}
    body = opened(vector["receipt"], keys["node"])
    leaf = body["leaf"]
    text, _, line = body["checkpoint"].partition("\n\n")
    origin, size, root = text.split("\n")
    log = listed["logs"][0]
    assert log["origin"] == origin
    assert unb64(log["node"]) == hashlib.sha256(keys["node"]).digest()
    log_key = unb64(log["key"])
    signed = base64.b64decode(line.strip().split(" ")[2])
    assert signed[:4] == hashlib.sha256(f"{origin}\n\x01".encode() + log_key).digest()[:4]
    Ed25519PublicKey.from_public_bytes(log_key).verify(signed[4:], f"{text}\n".encode())
    proof = unb64(body["proof"])
    found = climbed(canonical_bytes(leaf), body["index"], int(size), proof)
    assert found == base64.b64decode(root)
    instance = opened(body["instance"], keys["buyer"])
    statement = b"unseen/request/v1\0" + canonical_bytes(leaf["request"])
    instance_key = Ed25519PublicKey.from_public_bytes(unb64(instance["key"]))
    instance_key.verify(unb64(leaf["signature"]), statement)
    assert leaf["time"] < instance["until"]
    times = [datetime.fromisoformat(text) for text in (leaf["time"], leaf["request"]["issued_at"])]
    assert abs(times[0] - times[1]) <= timedelta(minutes=15)
    contract = hashlib.sha256(vector["terms"].encode()).digest()
    assert unb64(leaf["request"]["contract"]) == contract == bytes.fromhex(vector["contract_id"])
