"""A home of a made-up party, and the pins of a made-up node."""

from pathlib import Path

import pytest

from unseen.client.home import Home
from unseen.client.profile import Node, Profile
from unseen.evidence.suite import Ed25519Signer

ORIGIN = "node.test/log"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


@pytest.fixture
def node() -> Node:
    return Node(
        name="node",
        address="127.0.0.1:1",
        evidence_key=Ed25519Signer(b"\x01" * 32).public_key,
        log_origin=ORIGIN,
        log_key=Ed25519Signer(b"\x07" * 32).public_key,
        operator_key=Ed25519Signer(b"\x02" * 32).public_key,
    )


@pytest.fixture
def profile(node: Node) -> Profile:
    key = Ed25519Signer(b"\x03" * 32).public_key
    return Profile("lender", "buyer", "default", "intl", key, node)
