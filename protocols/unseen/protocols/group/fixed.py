"""Brickell et al., EUROCRYPT 1992, section 2: few fixed elements times very many scalars.

With a table of the multiples d 256^j B, 0 <= d < 256, a scalar of w bytes times B is a sum of w
entries, one for each byte. Sums with other elements, and of many elements, come with it.

Scalars decide which entries are read, and nothing else: no branch, no count. Whoever shares the
processor's cache may see some of that; for scalars that serve once. Each implementation is tried
with the RFC's own numbers before its first use.
"""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from unseen.protocols.errors import ElementInvalidError, InputInvalidError, KernelFaultError
from unseen.protocols.group import ristretto255
from unseen.protocols.kernels import features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORTH_COMPILING: Final = 100_000  # elements that take the portable one as long as the compiler
WORTH_LOADING: Final = 5_000  # as long as loading what was compiled, and making a table
_BYTES: Final = ristretto255.ELEMENT_BYTES
_ENTRIES: Final = 256
# RFC 9496 appendix A.1: the multiples 5 and 15.
_FIVE: Final = bytes.fromhex("e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e")
_FIFTEEN: Final = bytes.fromhex("e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e")


class Term(NamedTuple):
    """Multiples of one element: scalars of `width` bytes, little-endian, one after another."""

    element: bytes
    scalars: bytes
    width: int = ristretto255.SCALAR_BYTES


_Plus: TypeAlias = Callable[[bytes, Sequence[Term]], bytes]
_Total: TypeAlias = Callable[[bytes], bytes]


class Implementation(NamedTuple):
    """One way: its name, and its two functions, as `plus_multiples` and `total`."""

    name: str
    plus: _Plus
    total: _Total


def plus_multiples(elements: bytes, terms: Sequence[Term]) -> bytes:
    """Return each element plus its multiples, 32 bytes each, one after another.

    Args:
        elements: 32 bytes each, as many as scalars; or one that all sums begin with, perhaps the
            identity.
        terms: at least one, all for the same number of scalars. A scalar may be 0, or above the
            order of the group.

    Raises:
        InputInvalidError: the numbers of elements and scalars differ.
        ElementInvalidError: an element is not canonical, not in the group, or the identity among
            several; `position` names the first. Or a term's is (`position` is None).
        KernelFaultError: this machine computes sums wrongly.

    """
    counts = {_count(term.scalars, term.width) for term in terms}
    count = max(counts, default=0)
    if len(counts) != 1 or _count(elements, _BYTES) not in {1, count}:
        raise InputInvalidError("every element takes one scalar of each term")
    for term in terms:
        ristretto255.check_element(term.element)
    if count == 0:
        return b""
    return _chosen(count).plus(elements, terms)


def total(elements: bytes, among: int = 0) -> bytes:
    """Return the sum of elements of 32 bytes, one after another; of none the identity.

    `among` is how many they were chosen from, where nobody is to see by the time how many they are:
    by it the implementation is chosen, if there are more.

    Raises:
        InputInvalidError: the bytes are not whole elements.
        ElementInvalidError: as `plus_multiples`.
        KernelFaultError: this machine computes sums wrongly.

    """
    count = _count(elements, _BYTES)
    return _chosen(max(count, among)).total(elements) if count else ristretto255.IDENTITY


def implementations() -> tuple[Implementation, ...]:
    """Return what this machine can run, the fastest first. Not tried yet."""
    if not features.has_vectors():
        return (_PORTABLE,)
    # Here and not above: it needs numpy, and LLVM.
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    name = f"compiled-{64 * ristretto_compiled.LANES}"
    return Implementation(name, _plus_compiled, _total_compiled), _PORTABLE


def check_known_answers(one: Implementation) -> None:
    """Try an implementation with numbers of RFC 9496 appendix A.

    Raises:
        KernelFaultError: it does not compute them.

    """
    back = (ristretto255.ORDER - 10).to_bytes(_BYTES, "little")
    found = (
        one.plus(_FIVE, [Term(ristretto255.GENERATOR, b"\x0a", 1)]),
        one.plus(_FIFTEEN, [Term(ristretto255.GENERATOR, back)]),
        one.total(_FIVE * 3),
    )
    if found != (_FIFTEEN, _FIVE, _FIFTEEN):
        raise KernelFaultError(f"ristretto255 {one.name}")


def warm_up() -> str:
    """Compile what is to be compiled, try it, and return the name of what will be used.

    Raises:
        KernelFaultError: this machine computes sums wrongly.

    """
    return _fastest().name


def prepare(count: int) -> None:
    """Warm up if so many elements are to come, in calls of any size, that it is worth it.

    Raises:
        KernelFaultError: as `warm_up`.

    """
    if count >= WORTH_COMPILING:
        warm_up()


def _chosen(count: int) -> Implementation:
    loaded = _fastest.cache_info().currsize
    if count >= WORTH_COMPILING or (count >= WORTH_LOADING and (loaded or _is_compiled())):
        return _fastest()
    return _PORTABLE


def _is_compiled() -> bool:
    if not features.has_vectors():
        return False
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    return ristretto_compiled.is_fixed_ready()


@cache
def _fastest() -> Implementation:
    fastest = implementations()[0]
    check_known_answers(fastest)
    return fastest


@lru_cache(maxsize=8)
def _table(element: bytes, width: int) -> "NDArray[np.uint64]":
    """Return d 256^j times an element, d from 0 and then j: 30 kB for each j below `width`."""
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    found, base = [], element
    for _ in range(width):
        multiple = ristretto255.IDENTITY
        for _ in range(_ENTRIES):
            found.append(multiple)
            multiple = ristretto255.add(multiple, base)
        base = multiple
    return ristretto_compiled.tabled(b"".join(found))


def _plus_compiled(elements: bytes, terms: Sequence[Term]) -> bytes:
    import numpy as np  # noqa: PLC0415

    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    if len(elements) == _BYTES and elements != ristretto255.IDENTITY:
        ristretto255.check_element(elements)
    entries = [
        (
            _table(each.element, each.width),
            np.frombuffer(each.scalars, np.uint8).reshape(-1, each.width),
        )
        for each in terms
    ]
    found, invalid = ristretto_compiled.plus_chosen(elements, entries)
    if invalid is not None:
        raise ElementInvalidError(position=invalid)
    return found


def _total_compiled(elements: bytes) -> bytes:
    from unseen.protocols.kernels import ristretto_compiled  # noqa: PLC0415

    parts, invalid = ristretto_compiled.total(elements)
    if invalid is not None:
        raise ElementInvalidError(position=invalid)
    found = ristretto255.IDENTITY
    for part in parts:
        found = ristretto255.add(found, part)
    return found


def _plus_portable(elements: bytes, terms: Sequence[Term]) -> bytes:
    count = _count(terms[0].scalars, terms[0].width)
    several = len(elements) > _BYTES
    found = []
    for position in range(count):
        element = elements[_BYTES * position :][:_BYTES] if several else elements
        if several or element != ristretto255.IDENTITY:
            _check(element, position)
        for term in terms:
            start = term.width * position
            element = ristretto255.add(
                element, _multiple(term.element, term.scalars[start : start + term.width])
            )
        found.append(element)
    return b"".join(found)


def _total_portable(elements: bytes) -> bytes:
    found, invalid = ristretto255.IDENTITY, None
    for position in range(_count(elements, _BYTES)):
        element = elements[_BYTES * position :][:_BYTES]
        try:
            ristretto255.check_element(element)
        except ElementInvalidError:  # told at the end, as the compiled one does
            invalid = position if invalid is None else invalid
            continue
        found = ristretto255.add(found, element)
    if invalid is not None:
        raise ElementInvalidError(position=invalid)
    return found


def _multiple(element: bytes, scalar: bytes) -> bytes:
    number = int.from_bytes(scalar, "little") % ristretto255.ORDER
    if number == 0:
        return ristretto255.IDENTITY
    reduced = number.to_bytes(ristretto255.SCALAR_BYTES, "little")
    if element == ristretto255.GENERATOR:
        return ristretto255.multiply_base(reduced)
    return ristretto255.multiply(reduced, element)


def _check(element: bytes, position: int) -> None:
    try:
        ristretto255.check_element(element)
    except ElementInvalidError:
        raise ElementInvalidError(position=position) from None


def _count(joined: bytes, width: int) -> int:
    count, rest = divmod(len(joined), width)
    if rest:
        raise InputInvalidError(f"elements and scalars have {width} bytes each")
    return count


_PORTABLE: Final = Implementation("portable", _plus_portable, _total_portable)
