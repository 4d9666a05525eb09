"""The frozen bytes of consents, under both suites.

`tests/vectors/evidence/formats_v1_consent.json` was written by `frozen`, from fixed keys. A
change that moves one byte breaks every consent already given.
"""

import json
from pathlib import Path
from typing import Any

from tests.evidence.consents import Consents, listed

from unseen.evidence import canonical, trust
from unseen.evidence.consents.consent import sign_consent, verify_consent
from unseen.evidence.consents.consent_proof import (
    make_consent_proof,
    sign_answer,
    verify_consent_proof,
)
from unseen.evidence.consents.delegation import sign_delegation
from unseen.evidence.releases.manifest import sign_manifest

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors/evidence/formats_v1_consent.json").read_text(
        encoding="utf-8"
    )
)


def frozen(world: Any) -> dict[str, str]:
    parties = Consents(world)
    token, chain = parties.own(products=("overdue-check",))
    consent = parties.consent()
    parties.put({2: [bytes(32)], 3: [bytes(32)]})
    root, place = parties.put({1: [consent.id()]})
    leaf = world.leaf(consent_root=root.root)
    job = parties.log(leaf.to_json())
    answer = parties.answer(
        1,
        root,
        place,
        nonce=parties.nonces[1],
        consents=(listed(sign_consent(parties.hub, consent)),),
        job=parties.placed(job),
        scope=parties.scope(),
    )
    subject = consent.subject
    proof = make_consent_proof(subject, parties.ask(1), sign_answer(world.node, answer))
    return {
        "consent": token,
        "consent_id": consent.id().hex(),
        "consent_on_behalf": sign_consent(parties.hub, consent),
        "delegation": chain[0],
        "trusteeship": sign_delegation(parties.hub, parties.trusteeship(tables=("enterprises",))),
        "withdrawal": parties.withdrawal(parties.hub),
        "consent_root": root.encode().decode(),
        "consent_root_leaf": canonical.encode(place.leaf).decode(),
        "release_leaf": canonical.encode(leaf.to_json()).decode(),
        "manifest": sign_manifest(world.node, world.manifest(consent_root=root.root)),
        "subject": subject.data().hex(),
        "index": parties.index(1).hex(),
        "trust": canonical.encode(parties.trust.to_json()).decode(),
        "consent_proof": canonical.encode(proof).decode(),
    }


def test_every_format_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_frozen_proof_verifies_under_the_frozen_trust_file(suite: Any) -> None:
    vector = VECTORS[suite.id]
    trusted = trust.parse(vector["trust"].encode())
    proof = verify_consent_proof(canonical.decode(vector["consent_proof"].encode()), trusted)
    assert proof.permitted is True
    assert proof.consents[0].id().hex() == vector["consent_id"]
    hub = next(party for party in trusted.parties.values() if party.role == "hub")
    chain = (vector["delegation"],)
    at = proof.consents[0].given_at
    consent = verify_consent(vector["consent"], chain, suite, hub.key, at)
    assert consent.products == ("overdue-check",)
