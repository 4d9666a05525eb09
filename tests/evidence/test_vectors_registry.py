"""The frozen bytes of mandates, certificates, openings of rows and handovers."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.conftest import NOW, World
from tests.evidence.registry import Registry

from unseen.evidence import canonical, trust
from unseen.evidence.registry.certificate import sign_certificate
from unseen.evidence.registry.handover import Unused, sign_deletion, sign_handover
from unseen.evidence.registry.mandate import sign_mandate, verify_mandate, withdraw
from unseen.evidence.registry.registration import verify_bundle, verify_opened
from unseen.evidence.registry.snapshot import RowsOpening
from unseen.evidence.suite import signer_id

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_registry.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))


def frozen(world: World) -> dict[str, str]:
    registry = Registry(world)
    mandate = sign_mandate(registry.authority, registry.mandate())
    bundle = registry.bundle((world.operator, registry.heir))
    quota = Unused(
        contract=canonical.b64encode(world.terms().id()),
        buyer=signer_id(world.buyer),
        product="overdue-check",
        kind="lookup",
        units=1000,
        used=6,
    )
    return {
        "mandate": mandate,
        "mandate_nested": sign_mandate(world.operator, registry.nested(mandate)),
        "mandate_withdrawal": withdraw(registry.authority, mandate, "评估不合格", NOW),
        "certificate": sign_certificate(world.node, registry.certificate()),
        "certificate_product": sign_certificate(world.node, registry.product()),
        "certificate_transfer": bundle["entries"][1]["token"],
        "certificate_issued_leaf": canonical.encode(bundle["entries"][0]["leaf"]).decode(),
        "certificate_transferred_leaf": canonical.encode(bundle["entries"][1]["leaf"]).decode(),
        "certificate_bundle": canonical.encode(bundle).decode(),
        "rows_opening": canonical.encode(registry.rows_opening().to_json()).decode(),
        "handover": sign_handover(world.operator, registry.handover()),
        "deletion": sign_deletion(world.operator, registry.deletion()),
        "unused": canonical.encode(quota.to_json()).decode(),
        "trust": canonical.encode(world.trust.to_json()).decode(),
    }


def test_every_format_is_what_it_was(world: World) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


@pytest.mark.parametrize("suite_id", ["intl", "dummy"])
def test_the_frozen_bundle_and_rows_verify_under_the_frozen_trust_file(suite_id: str) -> None:
    vector: dict[str, Any] = VECTORS[suite_id]
    trusted = trust.parse(vector["trust"].encode())
    found = verify_bundle(canonical.decode(vector["certificate_bundle"].encode()), trusted)
    assert (found.certificate.name, len(found.holders)) == ("enterprises", 2)
    opening = RowsOpening.from_json(canonical.decode(vector["rows_opening"].encode()))
    verify_opened(opening, found.certificate)


def test_the_frozen_mandate_verifies(world: World) -> None:
    key = Registry(world).authority.public_key
    assert verify_mandate(VECTORS[world.suite.id]["mandate"], key) == Registry(world).mandate()
