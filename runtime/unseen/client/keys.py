"""Evidence keys in files: one JSON object with suite and seed, readable by the owner only."""

import secrets

from unseen.client.errors import HomeError
from unseen.client.fields import Fields
from unseen.client.home import Home, read_json, write_json
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
        seed = b64encode(secrets.token_bytes(32))
        value: dict[str, Json] = {"v": 1, "type": "key", "suite": SUITE, "seed": seed}
        write_json(path, value, private=True)
    return load_signer(home, name)


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
    fields = Fields(read_json(path), f"key {name}", remedy=_REMEDY)
    fields.expect("v", 1)
    fields.expect("type", "key")
    fields.expect("suite", SUITE)
    seed = fields.data("seed", 32)
    fields.end()
    return Ed25519Signer(seed)
