"""RFC 9496: one scalar times very many elements, by whichever implementation is fastest here.

For work that nobody times, such as an operator's own table: the compiled one branches on digits of
the scalar. Online, with a key that whoever asks could time, `ristretto255.multiply_each` is the one
to use. Each is tried with the RFC's own numbers before its first use.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, KernelFaultError
from unseen.protocols.group import ristretto255
from unseen.protocols.group.xmd import expand_each
from unseen.protocols.kernels import features, sha512

WIDE_BYTES: Final = 64
WORTH_COMPILING: Final = 50_000  # elements that take the portable one as long as the compiler
WORTH_LOADING: Final = 2_000  # as long as loading what was compiled
_HASHES: Final = 2  # of an item before it is an element
_BYTES: Final = ristretto255.ELEMENT_BYTES
# RFC 9496 appendix A.3: the first input and its element; A.1: the multiples 5 and 15.
_WIDE: Final = (
    "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
    "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6"
)
_MAPPED: Final = "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46"
_FIVE: Final = "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e"
_FIFTEEN: Final = "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e"

_Scaled: TypeAlias = Callable[[bytes, bytes], bytes]


class Implementation(NamedTuple):
    """One way: its name, and its two functions of a scalar and concatenated inputs.

    `uniform` takes 64 bytes each and gives scalar times what they stand for; `multiply` takes 32
    bytes each and refuses what is no element, by its position.
    """

    name: str
    uniform: _Scaled
    multiply: _Scaled


def multiply_each(scalar: bytes, elements: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return scalar * element for each element, in order.

    Raises:
        ScalarInvalidError: the scalar is zero or not canonical.
        ElementInvalidError: an element is not canonical, not in the group, or the identity;
            `position` names the first.
        KernelFaultError: this machine computes products wrongly.

    """
    for position, element in enumerate(elements):
        if len(element) != _BYTES:
            raise ElementInvalidError(position=position)
    return _split(multiply_joined(scalar, b"".join(elements)))


def multiply_joined(scalar: bytes, elements: bytes) -> bytes:
    """Return what `multiply_each` does; elements stand one after another, 32 bytes each.

    Raises:
        InputInvalidError: the bytes are not whole elements.
        ScalarInvalidError, ElementInvalidError, KernelFaultError: as `multiply_each`.

    """
    ristretto255.check_scalar(scalar)
    count, rest = divmod(len(elements), _BYTES)
    if rest:
        raise InputInvalidError(f"elements have {_BYTES} bytes each")
    return _chosen(count).multiply(scalar, elements)


def hash_each(scalar: bytes, messages: Sequence[bytes], tag: bytes) -> tuple[bytes, ...]:
    """Return scalar * `ristretto255.hash_to_group` of each message, in order.

    Raises:
        ScalarInvalidError: the scalar is zero or not canonical.
        InputInvalidError: a message hashes to the identity (nobody knows one that does).
        KernelFaultError: this machine computes products wrongly.

    """
    return _split(hash_joined(scalar, messages, tag))


def hash_joined(scalar: bytes, messages: Sequence[bytes], tag: bytes) -> bytes:
    """Return what `hash_each` does, elements one after another, 32 bytes each.

    Raises:
        ScalarInvalidError, InputInvalidError, KernelFaultError: as `hash_each`.

    """
    ristretto255.check_scalar(scalar)
    wide = expand_each(messages, tag)
    found = _chosen(len(messages)).uniform(scalar, wide)
    if ristretto255.IDENTITY in found and ristretto255.IDENTITY in _split(found):
        raise InputInvalidError("an input hashes to the identity")
    return found


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    if not features.has_vectors():
        return (_PORTABLE,)
    # Here and not above: it needs numpy, and LLVM.
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    width = 64 * ristretto_compiled.LANES
    compiled = f"compiled-{width}"
    return Implementation(compiled, _uniform_compiled, _multiply_compiled), _PORTABLE


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with numbers of RFC 9496 appendix A.

    Raises:
        KernelFaultError: it does not compute them.

    """
    three = (3).to_bytes(ristretto255.SCALAR_BYTES, "little")
    unit = (1).to_bytes(ristretto255.SCALAR_BYTES, "little")
    mapped = one.uniform(unit, bytes.fromhex(_WIDE))
    product = one.multiply(three, bytes.fromhex(_FIVE))
    if (mapped.hex(), product.hex()) != (_MAPPED, _FIFTEEN):
        raise KernelFaultError(f"ristretto255 {one.name}")


def warm_up() -> str:
    """Compile what is to be compiled, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine computes products wrongly.

    """
    return _fastest().name


def prepare(count: int) -> None:
    """Warm up if so many elements are to come, in calls of any size, that it is worth it.

    Raises:
        KernelFaultError: as `warm_up`.

    """
    if count >= WORTH_COMPILING:
        warm_up()
    sha512.prepare(_HASHES * count)


def _chosen(count: int) -> Implementation:
    """Return the fastest, or the portable one where getting ready takes longer than the work."""
    loaded = _fastest.cache_info().currsize
    if loaded or count >= WORTH_COMPILING or (count >= WORTH_LOADING and _is_compiled()):
        return _fastest()
    return _PORTABLE


def _is_compiled() -> bool:
    if not features.has_vectors():
        return False
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    return ristretto_compiled.is_ready()


@cache
def _fastest() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


def _uniform_compiled(scalar: bytes, wide: bytes) -> bytes:
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    return ristretto_compiled.from_uniform(wide, int.from_bytes(scalar, "little"))


def _multiply_compiled(scalar: bytes, elements: bytes) -> bytes:
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    found, invalid = ristretto_compiled.multiply(elements, int.from_bytes(scalar, "little"))
    if invalid is not None:
        raise ElementInvalidError(position=invalid)
    return found


def _uniform_portable(scalar: bytes, wide: bytes) -> bytes:
    mapped = [
        ristretto255.from_uniform(wide[start : start + WIDE_BYTES])
        for start in range(0, len(wide), WIDE_BYTES)
    ]
    return b"".join(
        each if each == ristretto255.IDENTITY else ristretto255.multiply(scalar, each)
        for each in mapped
    )


def _multiply_portable(scalar: bytes, elements: bytes) -> bytes:
    return b"".join(ristretto255.multiply_each(scalar, _split(elements)))


def _split(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[start : start + _BYTES] for start in range(0, len(joined), _BYTES))


_PORTABLE: Final = Implementation("portable", _uniform_portable, _multiply_portable)
