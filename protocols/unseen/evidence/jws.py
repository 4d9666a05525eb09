"""Compact JWS (RFC 7515) over canonical JSON, with one header per key and type.

The header is exactly `{"alg","kid","typ"}` in canonical form: the suite's algorithm, the name
of the key, the type of the document. A verifier is told all three beforehand and compares, so
a token cannot choose its own algorithm, and no `crit`, `jwk` or `x5u` is ever looked at.

A signature says who made a document. Whether its claims hold is for each format to check.
"""

from dataclasses import dataclass
from functools import lru_cache

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.errors import CanonicalError, SignatureInvalidError
from unseen.evidence.suite import Signer, Suite, key_id


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart and not yet verified. `signing_input` is what was signed."""

    header: dict[str, Json]
    payload: Json
    kid: str
    typ: str
    signing_input: bytes
    signature: bytes


def sign(signer: Signer, typ: str, payload: Json) -> str:
    """Return `payload` signed as a document of type `typ`.

    Raises:
        CanonicalError: `payload` has no canonical form.

    """
    return sign_bytes(signer, typ, canonical.encode(payload))


def sign_bytes(signer: Signer, typ: str, payload: bytes) -> str:
    """Return the document of type `typ` whose canonical bytes are `payload`, signed.

    They are not looked at: what is not canonical verifies nowhere.
    """
    header = _header(signer.suite, signer.public_key, typ)
    signing_input = f"{header}.{b64encode(payload)}"
    return f"{signing_input}.{b64encode(signer.sign(signing_input.encode()))}"


def token_id(suite: Suite, token: str) -> bytes:
    """Return the hash of the token's text, 32 bytes: by what other documents name it."""
    return suite.digest(token.encode())


def peek(token: str) -> Token:
    """Take `token` apart without verifying it, to learn whose key to verify it with.

    Raises:
        CanonicalError: not three base64url parts, a payload that is not canonical JSON, or
            another header than canonical `{"alg","kid","typ"}` of texts.

    """
    parts = token.split(".")
    if len(parts) != 3:
        raise CanonicalError("token has not three parts")
    header = canonical.decode(b64decode(parts[0]))
    if not isinstance(header, dict) or header.keys() != {"alg", "kid", "typ"}:
        raise CanonicalError("token header has not exactly alg, kid and typ", clause="header")
    kid, typ = header["kid"], header["typ"]
    if not (isinstance(kid, str) and isinstance(typ, str) and isinstance(header["alg"], str)):
        raise CanonicalError("token header holds more than texts", clause="header")
    return Token(
        header=header,
        payload=canonical.decode(b64decode(parts[1])),
        kid=kid,
        typ=typ,
        signing_input=f"{parts[0]}.{parts[1]}".encode(),
        signature=b64decode(parts[2]),
    )


def verify(token: str, *, typ: str, suite: Suite, public_key: bytes) -> Json:
    """Return the payload of a token of type `typ` that `public_key` signed.

    Raises:
        CanonicalError: the token is malformed.
        SignatureInvalidError: another key, algorithm or type, or a signature that fails.

    """
    return verify_token(peek(token), typ=typ, suite=suite, public_key=public_key)


def verify_token(token: Token, *, typ: str, suite: Suite, public_key: bytes) -> Json:
    """Do as `verify` does, for a token that was taken apart already.

    Raises:
        SignatureInvalidError: another key, algorithm or type, or a signature that fails.

    """
    header = _header(suite, public_key, typ).encode()
    if token.signing_input.partition(b".")[0] != header:
        raise SignatureInvalidError("token is not of this type and by this key")
    suite.verify(public_key, token.signature, token.signing_input)
    return token.payload


@lru_cache(maxsize=256)
def _header(suite: Suite, public_key: bytes, typ: str) -> str:
    kid = key_id(suite, public_key)
    return b64encode(canonical.encode({"alg": suite.algorithm, "kid": kid, "typ": typ}))
