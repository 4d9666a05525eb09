"""Secrets at rest: AES-256-GCM (NIST SP 800-38D) under the home's local key.

What was asked, the blinds and the opened labels lie in the state database only sealed. Every
value is bound to its place, so that sealed values cannot be swapped. Nonces are 96 random bits:
good for 2^32 values under one key. Does not protect against someone who also reads the key.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from unseen.client.errors import HomeError
from unseen.client.local.home import Home, read_file, write_file

KEY_BYTES = 32
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens values, and names subjects without showing them."""

    def __init__(self, key: bytes) -> None:
        """Use `key`, 32 bytes."""
        self._cipher = AESGCM(key)
        # A second key, so that the names in the database say nothing about the cipher's.
        self._naming = hmac.new(key, b"unseen/client/name/v1", hashlib.sha256).digest()

    def seal(self, place: str, value: bytes) -> bytes:
        """Return `value` sealed for `place`; 28 bytes longer."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return the value that was sealed for `place`.

        Raises:
            HomeError: another key, another place or altered bytes; one opaque error.

        """
        try:
            nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, ciphertext, place.encode())
        except (InvalidTag, ValueError):
            raise HomeError(
                "a sealed record does not open",
                clause="home",
                remedy="restore keys/local.key and state.db together, from the same backup",
            ) from None

    def name(self, value: bytes) -> bytes:
        """Return 16 bytes that stand for `value` and that only this home can compute."""
        return hmac.digest(self._naming, value, "sha256")[:16]


def make_local_key(home: Home) -> None:
    """Make the local key of `home` unless it has one."""
    path = home.key("local")
    if not path.exists():
        write_file(path, secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n", private=True)


def load_sealer(home: Home) -> Sealer:
    """Return the sealer of `home`.

    Raises:
        HomeError: its local key is missing or malformed.

    """
    try:
        key = bytes.fromhex(read_file(home.key("local")).decode().strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise HomeError("keys/local.key is not a key of this program", clause="home")
    return Sealer(key)
