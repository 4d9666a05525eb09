"""Evidence keys in files: one JSON object with suite and seed, readable by the owner only."""

import secrets
from pathlib import Path

from unseen.client.errors import HomeError
from unseen.client.fields import Fields
from unseen.client.local.home import Home, read_json, write_json
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.suite import Ed25519Signer, Signer

SUITE = "intl"
_REMEDY = "restore the key from a backup, or join again with a new invitation"


def make_signer(home: Home, name: str) -> Signer:
    """Return the signer `name` of `home`; makes a fresh key if there is none.

    Raises:
        HomeError: the key cannot be written, or the one there cannot be read.

    """
    path = home.key(name)
    if not path.exists():
        write_json(path, _new_key(), private=True)
    return load_signer(home, name)


def make_key_file(path: Path) -> Signer:
    """Return the signer in the file at `path`, whose owner is no party; makes it if there is none.

    Raises:
        HomeError: the file cannot be written, or is no key.

    """
    if not path.exists():
        write_json(path, _new_key(), private=True)
    return load_key_file(path)


def load_key_file(path: Path) -> Signer:
    """Return the signer in the file at `path`.

    Raises:
        HomeError: the file is missing or no key.

    """
    return _signer(path, f"key file {path.name}")


def load_signer(home: Home, name: str) -> Signer:
    """Return the signer `name` of `home`.

    Raises:
        HomeError: this home does not hold that key, or it is malformed.

    """
    path = home.key(name)
    if name == "party" and not path.exists():
        raise HomeError(
            "this home is a certified instance and does not hold the party's key",
            clause="keys",
            remedy="run it in the home that joined as the party",
        )
    return _signer(path, f"key {name}")


def _new_key() -> dict[str, Json]:
    seed = b64encode(secrets.token_bytes(32))
    return {"v": 1, "type": "key", "suite": SUITE, "seed": seed}


def _signer(path: Path, what: str) -> Signer:
    fields = Fields(read_json(path), what, remedy=_REMEDY)
    fields.expect("v", 1)
    fields.expect("type", "key")
    fields.expect("suite", SUITE)
    seed = fields.data("seed", 32)
    fields.end()
    return Ed25519Signer(seed)
