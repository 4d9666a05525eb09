"""Keys at rest: AES-256-GCM under a key that comes from a file or a passphrase.

Source: NIST SP 800-38D (GCM with random 96-bit nonces), RFC 5869 (HKDF), RFC 7914 (scrypt,
N = 2^17, r = 8, p = 1). Holds against someone who reads the disk or a backup without the key
file or passphrase. Does not protect against someone who reads the node's memory, or who holds
the disk and the key file together: keep the key file on another medium.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from unseen.node.errors import KeyLockedError

_NONCE_BYTES = 12
_SALT_NAME = "vault.salt"
_CHECK_NAME = "vault.check"


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens byte strings. `seal` binds the name, so sealed values cannot be swapped."""

    key: bytes = field(repr=False)

    def seal(self, name: str, value: bytes) -> bytes:
        """Return nonce || ciphertext || tag of `value`, bound to `name`; 28 bytes longer."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, value, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Return what was sealed under `name`.

        Raises:
            KeyLockedError: wrong key, wrong name, or altered bytes; one opaque error.

        """
        try:
            return AESGCM(self.key).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode()
            )
        except (InvalidTag, ValueError):
            raise KeyLockedError(
                "a sealed key does not open",
                clause="keys",
                remedy="start with the key file or passphrase that this node was made with",
            ) from None


def write_private(path: Path, data: bytes) -> None:
    """Write `data` to a new file that only its owner can read (mode 0600)."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def create_vault(home: Path, *, key_file: Path, passphrase: bytes | None) -> Vault:
    """Make the vault of a new node home, with a fresh key file unless a passphrase is given."""
    keys = home / "keys"
    keys.mkdir(mode=0o700)
    write_private(keys / _SALT_NAME, secrets.token_bytes(32))
    if passphrase is None:
        write_private(key_file, secrets.token_bytes(32).hex().encode() + b"\n")
    vault = _derive(home, key_file=key_file, passphrase=passphrase)
    write_private(keys / _CHECK_NAME, vault.seal("vault.check", b"unseen"))
    return vault


def open_vault(home: Path, *, key_file: Path, passphrase: bytes | None) -> Vault:
    """Open the vault of a node home.

    Raises:
        KeyLockedError: the key file is missing or wrong, or the passphrase is.

    """
    vault = _derive(home, key_file=key_file, passphrase=passphrase)
    vault.open("vault.check", (home / "keys" / _CHECK_NAME).read_bytes())
    return vault


def _derive(home: Path, *, key_file: Path, passphrase: bytes | None) -> Vault:
    salt = (home / "keys" / _SALT_NAME).read_bytes()
    if passphrase is not None:
        return Vault(Scrypt(salt=salt, length=32, n=2**17, r=8, p=1).derive(passphrase))
    try:
        secret = bytes.fromhex(key_file.read_text().strip())
    except (OSError, ValueError):
        raise KeyLockedError(
            "the node's key file cannot be read",
            clause="keys",
            remedy="put it back where `key_file` of node.toml points (keys/vault.key without it);"
            " a node made with a passphrase starts with --passphrase-file",
        ) from None
    return Vault(HKDF(SHA256(), 32, salt, b"unseen/vault/v1").derive(secret))
