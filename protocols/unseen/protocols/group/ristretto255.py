"""The ristretto255 group of RFC 9496, with hashing by RFC 9380, on libsodium through rbcl.

Elements and scalars are 32-byte `bytes`. Multiplications are constant time in libsodium;
`hash_to_scalar`, `random_scalar` and `invert_each` reduce with Python integers and are not.
Nothing here wipes memory.

libsodium 1.0.18 decodes s and s + 2^255 to the same element, so the upper bit is refused here;
rbcl's own `add` answers the identity where an input is invalid, so every return code is looked
at here.
"""

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, ScalarInvalidError
from unseen.protocols.group import sodium
from unseen.protocols.group.xmd import expand_message_xmd
from unseen.protocols.party import Rng

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
IDENTITY: Final = bytes(ELEMENT_BYTES)
GENERATOR: Final = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")

_WIDE_BYTES = 64
_Buffer = ctypes.c_char * ELEMENT_BYTES
_multiply = sodium.function("scalarmult_ristretto255", 2)
_multiply_base = sodium.function("scalarmult_ristretto255_base", 1)
_add = sodium.function("core_ristretto255_add", 2)
_subtract = sodium.function("core_ristretto255_sub", 2)
_from_hash = sodium.function("core_ristretto255_from_hash", 1)
_scalar_invert = sodium.function("core_ristretto255_scalar_invert", 1)
_scalar_multiply = sodium.function("core_ristretto255_scalar_mul", 2)
_scalar_subtract = sodium.function("core_ristretto255_scalar_sub", 2)
_is_valid_point = sodium.predicate("core_ristretto255_is_valid_point")


def multiply(scalar: bytes, element: bytes) -> bytes:
    """Return scalar * element. One multiplication, which also decodes strictly.

    Raises:
        ScalarInvalidError: the scalar is zero or not canonical.
        ElementInvalidError: the element is not canonical, not in the group, or the identity.

    """
    check_scalar(scalar)
    return _product(scalar, element, None)


def multiply_each(scalar: bytes, elements: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return scalar * element for each element, in order. One multiplication each.

    Raises:
        ScalarInvalidError: as in `multiply`.
        ElementInvalidError: as in `multiply`; `position` names the first bad element.

    """
    check_scalar(scalar)
    return tuple(_product(scalar, element, i) for i, element in enumerate(elements))


def weighted_sum(scalars: Sequence[bytes], elements: Sequence[bytes]) -> bytes:
    """Return the sum of scalars[i] * elements[i]: n multiplications and n - 1 additions.

    Both sequences are of the same length, at least 1. The sum may be the identity.

    Raises:
        ScalarInvalidError: as in `multiply`.
        ElementInvalidError: as in `multiply`; `position` names the first bad element.

    """
    total = IDENTITY
    for position, (scalar, element) in enumerate(zip(scalars, elements, strict=True)):
        check_scalar(scalar)
        product = _product(scalar, element, position)
        total = product if position == 0 else add(total, product)
    return total


def multiply_base(scalar: bytes) -> bytes:
    """Return scalar * generator, at a third of the cost of `multiply`.

    Raises:
        ScalarInvalidError: the scalar is zero or not canonical.

    """
    check_scalar(scalar)
    out = _Buffer()
    if _multiply_base(out, scalar) != 0:
        raise ScalarInvalidError
    return out.raw


def add(a: bytes, b: bytes) -> bytes:
    """Return a + b. Unlike `multiply` this takes and gives the identity.

    Raises:
        ElementInvalidError: an input is not canonical or not in the group.

    """
    return _combine(_add, a, b)


def subtract(a: bytes, b: bytes) -> bytes:
    """Return a - b. Unlike `multiply` this takes and gives the identity.

    Raises:
        ElementInvalidError: an input is not canonical or not in the group.

    """
    return _combine(_subtract, a, b)


def check_element(element: bytes) -> None:
    """Refuse what is no element other than the identity. `multiply` does this by itself.

    Raises:
        ElementInvalidError: the element is not canonical, not in the group, or the identity.

    """
    if not _is_encoding(element) or element == IDENTITY or _is_valid_point(element) != 1:
        raise ElementInvalidError


def check_scalar(scalar: bytes) -> None:
    """Refuse what is not the canonical encoding of an integer from 1 to ORDER - 1.

    Raises:
        ScalarInvalidError: it is not.

    """
    if len(scalar) != SCALAR_BYTES or not 0 < int.from_bytes(scalar, "little") < ORDER:
        raise ScalarInvalidError


def hash_to_group(message: bytes, tag: bytes) -> bytes:
    """Return the element that RFC 9380 appendix B hashes `message` to under the DST `tag`.

    Raises:
        InputInvalidError: the message hashes to the identity (nobody knows one that does).

    """
    element = from_uniform(expand_message_xmd(message, tag, _WIDE_BYTES))
    if element == IDENTITY:
        raise InputInvalidError("the input hashes to the identity")
    return element


def from_uniform(wide: bytes) -> bytes:
    """Return the element that RFC 9496 section 4.3.4 derives from 64 uniform bytes.

    Raises:
        InputInvalidError: there are not 64 bytes.

    """
    if len(wide) != _WIDE_BYTES:
        raise InputInvalidError(f"found {len(wide)} bytes, expected {_WIDE_BYTES}")
    out = _Buffer()
    _from_hash(out, wide)
    return out.raw


def hash_to_scalar(message: bytes, tag: bytes) -> bytes:
    """Return the scalar that RFC 9497 section 4.1 hashes `message` to under the DST `tag`.

    It is zero for one message in 2^252; `multiply` then refuses it.
    """
    return _reduce(expand_message_xmd(message, tag, _WIDE_BYTES))


def random_scalar(rng: Rng) -> bytes:
    """Return a scalar from 1 to ORDER - 1, within 2^-259 of uniform. Draws 64 bytes.

    Raises:
        InputInvalidError: `rng` did not give the number of bytes asked for.

    """
    while True:
        wide = rng(_WIDE_BYTES)
        if len(wide) != _WIDE_BYTES:
            raise InputInvalidError(f"rng gave {len(wide)} bytes, expected {_WIDE_BYTES}")
        scalar = _reduce(wide)
        if any(scalar):
            return scalar


def invert(scalar: bytes) -> bytes:
    """Return 1 / scalar modulo ORDER.

    Raises:
        ScalarInvalidError: the scalar is zero or not canonical.

    """
    check_scalar(scalar)
    out = _Buffer()
    _scalar_invert(out, scalar)
    return out.raw


def invert_each(scalars: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return 1 / scalar for each scalar, for one inversion and three products each.

    Montgomery's trick: invert the product of all, then peel one factor at a time.

    Raises:
        ScalarInvalidError: a scalar is zero or not canonical.

    """
    if not scalars:
        return ()
    for scalar in scalars:
        check_scalar(scalar)
    factors = [int.from_bytes(scalar, "little") for scalar in scalars]
    products = list(accumulate(factors, lambda a, b: a * b % ORDER))
    rest = int.from_bytes(invert(_encode_scalar(products[-1])), "little")
    inverses = [b""] * len(factors)
    for i in range(len(factors) - 1, 0, -1):
        inverses[i] = _encode_scalar(rest * products[i - 1] % ORDER)
        rest = rest * factors[i] % ORDER
    inverses[0] = _encode_scalar(rest)
    return tuple(inverses)


def subtract_product(a: bytes, b: bytes, c: bytes) -> bytes:
    """Return a - b * c modulo ORDER, in constant time: the response of a Schnorr proof.

    Raises:
        ScalarInvalidError: a scalar is zero or not canonical.

    """
    for scalar in (a, b, c):
        check_scalar(scalar)
    product, out = _Buffer(), _Buffer()
    _scalar_multiply(product, b, c)
    _scalar_subtract(out, a, product.raw)
    return out.raw


def _is_encoding(element: bytes) -> bool:
    return len(element) == ELEMENT_BYTES and element[ELEMENT_BYTES - 1] < 0x80


def _product(scalar: bytes, element: bytes, position: int | None) -> bytes:
    # libsodium's multiplication decodes the element, and refuses an identity in or out: a
    # check of our own beside the upper bit would decode every element a second time.
    out = _Buffer()
    if not _is_encoding(element) or _multiply(out, scalar, element) != 0:
        raise ElementInvalidError(position=position)
    return out.raw


def _combine(function: Any, a: bytes, b: bytes) -> bytes:
    out = _Buffer()
    if not _is_encoding(a) or not _is_encoding(b) or function(out, a, b) != 0:
        raise ElementInvalidError
    return out.raw


def _reduce(wide: bytes) -> bytes:
    return _encode_scalar(int.from_bytes(wide, "little") % ORDER)


def _encode_scalar(value: int) -> bytes:
    return value.to_bytes(SCALAR_BYTES, "little")
