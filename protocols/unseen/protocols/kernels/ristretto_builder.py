"""RFC 9496 section 4.3 and Hisil et al. 2008: ristretto255 for many elements at once, in LLVM.

Imported where there is something to compile; `ristretto_compiled.py` says what it computes. A group
is `LANES` elements side by side, a point four field elements in a row (X, Y, Z, T). The scalar is
the same for all lanes, and its digits decide branches: for whom nobody times.
"""

from typing import Any, Final

import numba

from unseen.protocols.kernels.field25519 import P
from unseen.protocols.kernels.field_builder import Code, Routine, kernel_call, kernel_read
from unseen.protocols.kernels.ristretto_compiled import (
    ELEMENT_BYTES,
    LANES,
    POINT_BYTES,
    TABLE,
)

_D: Final = -121665 * pow(121666, -1, P) % P
_SQRT_M1: Final = pow(2, (P - 1) // 4, P)


def _root(value: int) -> int:
    """Return the even one of the two roots of a square."""
    found = pow(value, (P + 3) // 8, P)
    if found * found % P != value % P:
        found = found * _SQRT_M1 % P
    return P - found if found & 1 else found


_ROOT_AD_MINUS_ONE: Final = P - _root(-_D - 1)  # the one that RFC 9496 section 4.1 gives is odd
_INVERSE_ROOT_A_MINUS_D: Final = _root(pow(-1 - _D, -1, P))


# Field.


@Routine
def _square(code: Code, out: Any, a: Any) -> None:
    code.store(code.square(code.load(a)), out)


@Routine
def _multiply(code: Code, out: Any, a: Any, b: Any) -> None:
    code.store(code.mul(code.load(a), code.load(b)), out)


@Routine
def _power(code: Code, out: Any, a: Any) -> None:
    """Write a^((p - 5) / 8) = a^(2^252 - 3), by 251 squares and 11 products."""
    names = {name: code.room() for name in ("a2", "a9", "a11", "a31", "b10", "b20", "b50", "b100")}
    t = code.room()

    def raised(source: Any, squares: int, by: Any, to: Any) -> None:
        code.call(_square, t, source)
        if squares > 1:
            code.times(squares - 1, _square, t, t)
        code.call(_multiply, to, t, by)

    code.call(_square, names["a2"], a)
    raised(names["a2"], 2, a, names["a9"])
    code.call(_multiply, names["a11"], names["a9"], names["a2"])
    raised(names["a11"], 1, names["a9"], names["a31"])  # 2^5 - 1
    raised(names["a31"], 5, names["a31"], names["b10"])  # 2^10 - 1, and so on
    raised(names["b10"], 10, names["b10"], names["b20"])
    raised(names["b20"], 20, names["b20"], names["b50"])
    raised(names["b50"], 10, names["b10"], names["b50"])
    raised(names["b50"], 50, names["b50"], names["b100"])
    raised(names["b100"], 100, names["b100"], names["b20"])
    raised(names["b20"], 50, names["b50"], names["b20"])  # 2^250 - 1
    raised(names["b20"], 2, a, out)


@Routine
def _root_of_ratio(code: Code, was_square: Any, out: Any, u: Any, v: Any) -> None:
    """Write a mask and a root: SQRT_RATIO_M1(u, v) of RFC 9496 section 4.2; u, v are tight."""
    above, below = code.load(u), code.load(v)
    cubed = code.mul(code.square(below), below)
    first, powered = code.room(), code.room()
    code.store(code.mul(above, cubed), first)
    code.store(code.mul(code.mul(above, code.square(cubed)), below), powered)
    code.call(_power, powered, powered)
    root = code.mul(code.load(first), code.load(powered))
    check = code.mul(code.load(v), code.square(root))
    above = code.load(u)
    right = code.zero(code.sub(check, above))
    minus = code.negative(above)
    flipped = code.zero(code.sub(check, minus))
    flipped_i = code.zero(code.sub(check, code.mul(minus, code.number(_SQRT_M1))))
    turned = code.mul(root, code.number(_SQRT_M1))
    root = code.choose(code.either(flipped, flipped_i), turned, root)
    code.store(code.absolute(root), out)
    code.store_mask(code.either(right, flipped), was_square)


# Points.


def _doubled(code: Code, point: Any, out: Any, *, extended: bool) -> None:
    """Write twice a point: Hisil et al. section 3.3 for a = -1; T only where it is asked for."""
    x, y, z = code.load(point, 0), code.load(point, 1), code.load(point, 2)
    xx, yy, zz = code.square(x), code.square(y), code.square(z)
    both = code.square(code.add(x, y))
    h = code.add(yy, xx)
    g = code.sub(yy, xx)
    e = code.sub(both, h, 2)
    f = code.tighten(code.sub(code.add(zz, zz), g, 2))
    code.store(code.mul(e, f), out, 0)
    code.store(code.mul(h, g), out, 1)
    code.store(code.mul(g, f), out, 2)
    if extended:
        code.store(code.mul(e, h), out, 3)


@Routine
def _double(code: Code, out: Any, point: Any) -> None:
    _doubled(code, point, out, extended=False)


@Routine
def _double_extended(code: Code, out: Any, point: Any) -> None:
    _doubled(code, point, out, extended=True)


@Routine
def _prepare(code: Code, out: Any, point: Any) -> None:
    """Write (Y + X, Y - X, 2Z, 2dT) of a point: the right side of a sum."""
    x, y, z, t = (code.load(point, place) for place in range(4))
    code.store(code.tighten(code.add(y, x)), out, 0)
    code.store(code.tighten(code.sub(y, x)), out, 1)
    code.store(code.tighten(code.add(z, z)), out, 2)
    code.store(code.mul(t, code.number(2 * _D)), out, 3)


def _summed(code: Code, point: Any, prepared: Any, out: Any, *, minus: bool) -> None:
    """Write the sum, or the difference: Hisil et al. section 3.1 for a = -1."""
    x, y, z, t = (code.load(point, place) for place in range(4))
    plus, less = (1, 0) if minus else (0, 1)
    a = code.mul(code.sub(y, x), code.load(prepared, less))
    b = code.mul(code.add(y, x), code.load(prepared, plus))
    c = code.mul(t, code.load(prepared, 3))
    d = code.mul(z, code.load(prepared, 2))
    e, h = code.sub(b, a), code.add(b, a)
    f, g = code.sub(d, c), code.add(d, c)
    if minus:
        f, g = g, f
    code.store(code.mul(e, f), out, 0)
    code.store(code.mul(g, h), out, 1)
    code.store(code.mul(f, g), out, 2)
    code.store(code.mul(e, h), out, 3)


@Routine
def _add(code: Code, out: Any, point: Any, prepared: Any) -> None:
    _summed(code, point, prepared, out, minus=False)


@Routine
def _subtract(code: Code, out: Any, point: Any, prepared: Any) -> None:
    _summed(code, point, prepared, out, minus=True)


@Routine
def _add_chosen(code: Code, point: Any, addresses: Any) -> None:
    """Add to a point, in place, an entry of a table for each lane: (Y + X, Y - X, 2dT), Z = 1."""
    plus, less, t = code.load_chosen(code.load_mask(addresses), 3)
    prepared = code.room(4)
    for place, value in enumerate((plus, less, code.number(2), t)):
        code.store(value, prepared, place)
    _summed(code, point, prepared, point, minus=False)


@Routine
def _identity(code: Code, out: Any) -> None:
    for place, value in enumerate((0, 1, 1, 0)):
        code.store(code.number(value), out, place)


# Elements of the group.


@Routine
def _map(code: Code, out: Any, field: Any) -> None:
    """Write the point of a field element: MAP of RFC 9496 section 4.3.4."""
    one = code.number(1)
    t = code.load(field)
    r = code.mul(code.square(t), code.number(_SQRT_M1))
    u = code.mul(code.add(r, one), code.number(1 - _D * _D))
    left = code.negative(code.tighten(code.add(code.mul(r, code.number(_D)), one)))
    v = code.mul(left, code.add(r, code.number(_D)))
    kept = {name: code.room() for name in "ruvsm"}
    for name, value in zip("ruv", (r, u, v), strict=True):
        code.store(value, kept[name])
    code.call(_root_of_ratio, kept["m"], kept["s"], kept["u"], kept["v"])
    mask, s, r, v = code.load_mask(kept["m"]), *(code.load(kept[name]) for name in "srv")
    flipped = code.negative(code.absolute(code.mul(s, code.load(field))))
    s = code.choose(mask, s, flipped)
    c = code.choose(mask, code.number(-1), r)
    n = code.mul(code.mul(c, code.sub(r, one)), code.number((_D - 1) ** 2))
    n = code.tighten(code.sub(n, v))
    ss = code.square(s)
    w0 = code.mul(code.add(s, s), v)
    w1 = code.mul(n, code.number(_ROOT_AD_MINUS_ONE))
    w2, w3 = code.sub(one, ss), code.add(one, ss)
    code.store(code.mul(w0, w3), out, 0)
    code.store(code.mul(w2, w1), out, 1)
    code.store(code.mul(w1, w3), out, 2)
    code.store(code.mul(w0, w2), out, 3)


@Routine
def _encode(code: Code, out: Any, point: Any) -> None:
    """Write the frozen limbs of a point's encoding: RFC 9496 section 4.3.2."""
    x, y, z = (code.load(point, place) for place in range(3))
    u1, u2 = code.mul(code.add(z, y), code.sub(z, y)), code.mul(x, y)
    kept = {name: code.room() for name in "1uwrm"}
    code.store(code.number(1), kept["1"])
    code.store(u1, kept["u"])
    code.store(u2, kept["w"])
    code.store(code.mul(u1, code.square(u2)), kept["r"])
    code.call(_root_of_ratio, kept["m"], kept["r"], kept["1"], kept["r"])
    x, y, z, t = (code.load(point, place) for place in range(4))
    root = code.load(kept["r"])
    den1 = code.mul(root, code.load(kept["u"]))
    den2 = code.mul(root, code.load(kept["w"]))
    z_inverse = code.mul(code.mul(den1, den2), t)
    rotate = code.odd(code.mul(t, z_inverse))
    root_m1 = code.number(_SQRT_M1)
    x, y = (
        code.choose(rotate, code.mul(y, root_m1), x),
        code.choose(rotate, code.mul(x, root_m1), y),
    )
    enchanted = code.mul(den1, code.number(_INVERSE_ROOT_A_MINUS_D))
    den = code.choose(rotate, enchanted, den2)
    y = code.choose(code.odd(code.mul(x, z_inverse)), code.negative(y), y)
    code.store(code.freeze(code.absolute(code.mul(den, code.sub(z, y)))), out)


@Routine
def _decode(code: Code, valid: Any, out: Any, field: Any) -> None:
    """Write the point of an even, reduced s and a mask of those that are elements: 4.3.1."""
    one = code.number(1)
    ss = code.square(code.load(field))
    u1, u2 = code.sub(one, ss), code.add(one, ss)
    squared = code.square(u2)
    v = code.mul(code.square(u1), code.number(-_D))
    v = code.tighten(code.sub(v, squared))
    kept = {name: code.room() for name in "1vrm"}
    code.store(one, kept["1"])
    code.store(v, kept["v"])
    code.store(code.mul(v, squared), kept["r"])
    code.call(_root_of_ratio, kept["m"], kept["r"], kept["1"], kept["r"])
    s, root = code.load(field), code.load(kept["r"])
    ss = code.square(s)
    u1, u2 = code.sub(one, ss), code.add(one, ss)
    den_x = code.mul(root, u2)
    den_y = code.mul(code.mul(root, den_x), code.load(kept["v"]))
    x = code.absolute(code.mul(code.add(s, s), den_x))
    y = code.mul(u1, den_y)
    t = code.mul(x, y)
    for place, value in enumerate((x, y, one, t)):
        code.store(value, out, place)
    bad = code.either(code.odd(t), code.zero(y))
    code.store_mask(code.without(code.load_mask(kept["m"]), bad), valid)


# Kernels: whole numbers and addresses. Groups follow each other.

_call_map = kernel_call(_map)
_call_prepare = kernel_call(_prepare)
_call_double = kernel_call(_double)
_call_double_extended = kernel_call(_double_extended)
_call_add = kernel_call(_add)
_call_subtract = kernel_call(_subtract)
_call_add_chosen = kernel_call(_add_chosen)
_call_encode = kernel_call(_encode)
_call_decode = kernel_call(_decode)
_call_identity = kernel_call(_identity)
_read = kernel_read()
_ELEMENT: Final = numba.uint64(ELEMENT_BYTES)
_POINT: Final = numba.uint64(POINT_BYTES)
_MASK: Final = numba.uint64(8 * LANES)
_MORE: Final = numba.uint64(TABLE - 1)
_WORD: Final = numba.uint64(8)


def map_pairs(points: Any, fields: Any, groups: Any, room: Any) -> None:
    """Write the sum of the points of two field elements; `room` is of two points."""
    for _ in range(groups):
        _call_map(points, fields)
        _call_map(room, fields + _ELEMENT)
        _call_prepare(room + _POINT, room)
        _call_add(points, points, room + _POINT)
        points += _POINT
        fields += _ELEMENT + _ELEMENT


def multiply(points: Any, groups: Any, digits: Any, count: Any, room: Any) -> None:
    """Multiply points in place by a scalar of `count` signed digits of 4 bits, the highest first.

    A digit is two words: its size, up to `TABLE`, and whether it is negative. `room` is for a point
    and `TABLE` prepared ones: the multiples of the point from 1 on.
    """
    for _ in range(groups):
        place = room + _POINT
        _call_prepare(place, points)
        _call_double_extended(room, points)
        for _ in range(_MORE):
            place += _POINT
            _call_prepare(place, room)
            _call_add(room, room, room + _POINT)
        _call_identity(points)
        digit = digits
        for _ in range(count):
            _call_double(points, points)
            _call_double(points, points)
            _call_double(points, points)
            _call_double_extended(points, points)
            size = _read(digit)
            if size:
                if _read(digit + _WORD):
                    _call_subtract(points, points, room + size * _POINT)
                else:
                    _call_add(points, points, room + size * _POINT)
            digit += _WORD + _WORD
        points += _POINT


def encode(fields: Any, points: Any, groups: Any) -> None:
    """Write the encodings of points, as limbs."""
    for _ in range(groups):
        _call_encode(fields, points)
        points += _POINT
        fields += _ELEMENT


def decode(valid: Any, points: Any, fields: Any, groups: Any) -> None:
    """Write the points of encodings, and for each 64 bits of ones where it is an element."""
    for _ in range(groups):
        _call_decode(valid, points, fields)
        valid += _MASK
        points += _POINT
        fields += _ELEMENT


def prepare(points: Any, groups: Any) -> None:
    """Write (Y + X, Y - X, 2Z, 2dT) in the place of each point."""
    for _ in range(groups):
        _call_prepare(points, points)
        points += _POINT


def add_chosen(points: Any, groups: Any, addresses: Any, count: Any) -> None:
    """Add `count` entries of tables to each point: an address for each lane of each group.

    All groups' first addresses come first, then all their second ones.
    """
    for _ in range(count):
        point = points
        for _ in range(groups):
            _call_add_chosen(point, addresses)
            point += _POINT
            addresses += _MASK


def add_up(points: Any, others: Any, room: Any) -> None:
    """Add to the first group the `others` that follow it; `room` is of a point."""
    point = points
    for _ in range(others):
        point += _POINT
        _call_prepare(room, point)
        _call_add(points, points, room)
