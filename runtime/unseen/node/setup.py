"""Making a node's home: keys, authority, settings, and the operator as its first party.

The operator's own keys are made by the operator's client; only what is public of them comes here.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert

from unseen.evidence.suite import INTL, Ed25519Signer, Signer
from unseen.node.audit.log import NodeLog
from unseen.node.clock import Clock
from unseen.node.config import WILDCARDS, Settings, load_settings, write_settings
from unseen.node.errors import ConfigInvalidError, KeyLockedError
from unseen.node.identity.certificates import Pair, issue_server, load_pair, make_authority
from unseen.node.identity.enrolment import Enrolment, enroll_party
from unseen.node.identity.rights import Role
from unseen.node.identity.vault import Vault, create_vault, open_vault, write_private
from unseen.node.store.engine import lock_state, open_engine
from unseen.node.store.schema import leaves
from unseen.node.store.writer import Transaction

OPERATOR_INVITATION = "0" * 32
_STATE = "state.db"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an operator decides about a new node; `hosts` are names clients reach it by."""

    name: str
    listen: str
    hosts: tuple[str, ...]
    operator: str
    enrolment: Enrolment
    passphrase: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewNode:
    """What the operator's client needs to know of the new node."""

    party_certificate: bytes  # DER
    ca: bytes  # PEM
    name: str
    address: str
    evidence_key: bytes
    log_origin: str
    log_key: bytes


@dataclass(frozen=True, slots=True)
class Keys:
    """The node's opened keys."""

    vault: Vault
    authority: Pair
    evidence: Signer
    log: Signer


def initialise(home: Path, setup: Setup) -> NewNode:
    """Make a node in the folder `home` and enrol its operator.

    Raises:
        ConfigInvalidError: a node lives there already, or a setting is out of range.

    """
    os.umask(0o077)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # it may have been made, more open, for the operator's keys
    if (home / "keys").exists():
        raise ConfigInvalidError(
            "there is a node in this home already",
            clause="node.home",
            remedy="choose another --home, or serve this one: unseen node serve",
        )
    setup.enrolment.check(OPERATOR_INVITATION, setup.operator)
    write_settings(home, name=setup.name, listen=setup.listen, hosts=list(setup.hosts))
    settings = load_settings(home)
    key_file = settings.key_path(home)
    vault = create_vault(home, key_file=key_file, passphrase=setup.passphrase)
    clock = Clock()
    authority = make_authority(setup.name, clock.now())
    (home / "tls").mkdir(mode=0o700)
    (home / "tls" / "ca.pem").write_bytes(authority.certificate_pem())
    _seal(home, vault, "authority", authority.key_pem())
    for name in ("evidence", "log"):
        _seal(home, vault, name, secrets.token_bytes(32))
    keys = open_keys(home, settings, setup.passphrase)
    certificate = _enroll_operator(home, setup, keys, clock)
    return NewNode(
        certificate,
        authority.certificate_pem(),
        setup.name,
        local_address(setup.listen),
        keys.evidence.public_key,
        log_origin(setup.name),
        keys.log.public_key,
    )


def open_keys(home: Path, settings: Settings, passphrase: bytes | None) -> Keys:
    """Open a home's keys.

    Raises:
        KeyLockedError: the key file or passphrase is missing or wrong.

    """
    try:
        vault = open_vault(home, key_file=settings.key_path(home), passphrase=passphrase)
        ca = (home / "tls" / "ca.pem").read_bytes()
        authority = load_pair(ca, _unseal(home, vault, "authority"))
        evidence, log = (Ed25519Signer(_unseal(home, vault, name)) for name in ("evidence", "log"))
    except OSError as error:
        raise KeyLockedError(
            f"a key file of the node is missing ({error.strerror})",
            clause="keys",
            remedy="restore the home's keys/ and tls/ from a backup",
        ) from None
    return Keys(vault, authority, evidence, log)


def server_certificate(keys: Keys, settings: Settings, clock: Clock) -> Pair:
    """Return a fresh server certificate; it lives in memory alone and is new at every start."""
    return issue_server(keys.authority, settings.hosts, clock.now())


def state_path(home: Path) -> Path:
    """Return where the state lies."""
    return home / _STATE


def local_address(listen: str) -> str:
    """Return where a client on the node's own machine reaches it."""
    host, _, port = listen.rpartition(":")
    return f"127.0.0.1:{port}" if host in WILDCARDS else listen


def log_origin(name: str) -> str:
    """Return the name of a node's log in its checkpoints."""
    return f"{name}.unseen/log"


def _enroll_operator(home: Path, setup: Setup, keys: Keys, clock: Clock) -> bytes:
    held = lock_state(home)
    engine = open_engine(state_path(home))
    log = NodeLog(log_origin(setup.name), keys.log)
    with engine.begin() as connection:
        transaction = Transaction(connection, clock.now(), log.size)
        certificate = enroll_party(
            transaction, INTL, keys.authority, setup.operator, Role.OPERATOR, setup.enrolment
        )
        rows = [{"leaf_index": place, "body": b} for place, b in enumerate(transaction.bodies)]
        connection.execute(insert(leaves), rows)
        log.extend(transaction.bodies)
        log.head()
        log.save_head(connection)
    engine.dispose()
    os.close(held)
    return certificate


def _seal(home: Path, vault: Vault, name: str, value: bytes) -> None:
    write_private(home / "keys" / f"{name}.key", vault.seal(f"key/{name}", value))


def _unseal(home: Path, vault: Vault, name: str) -> bytes:
    return vault.open(f"key/{name}", (home / "keys" / f"{name}.key").read_bytes())
