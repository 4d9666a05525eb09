"""FIPS 197 and SP 800-38A section 6.5: AES-128-CTR added into vectors, compiled by numba.

LLVM's intrinsics for the processor's AES instructions, 128 or (VAES) 256 bits wide; no table
look-up and no branch depends on a key. Whether that holds against power, faults or a hypervisor
is the processor's matter, and round keys stay in memory until the interpreter reuses it.

The first call compiles, or loads what an earlier process compiled from numba's cache on disk:
`__pycache__` beside this file, or the user's cache folder. Who may write there may run code here,
as with every `.pyc` of Python. Call only where `features.has_aes()` says so: LLVM ends the process
when it is asked for an instruction that it may not use.
"""

from functools import cache
from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.features import compiled_features
from unseen.protocols.kernels.words import Words

WIDE: Final = {"vaes", "avx2"} <= compiled_features()
LANES: Final = 2 if WIDE else 1  # blocks of 16 bytes in one vector
UNROLLED: Final = 8  # vectors under way at once: the instruction takes several cycles
CHUNK_BYTES: Final = 16 * LANES * UNROLLED
TILE_BYTES: Final = 16384  # half a first-level cache: every mask is added to it before the next
KEY_BYTES: Final = 11 * 16 * LANES  # a round key for each lane
_ROUND_CONSTANTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 27, 54)

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(_I64, 2)
_VECTOR = ir.VectorType(_I64, 2 * LANES)


def _call(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    found = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(found, arguments)


def _at(builder: Any, address: Any, offset: int, kind: Any) -> Any:
    moved = builder.add(address, ir.Constant(_I64, offset))
    return builder.inttoptr(moved, kind.as_pointer())


@intrinsic
def _expand(_context: Any, _key: Any, _out: Any) -> Any:
    """Write the eleven round keys of the 16 bytes at an address to another, for every lane."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        source, target = arguments
        words = ir.VectorType(_I32, 4)
        present = builder.load(_at(builder, source, 0, _BLOCK), align=1)
        for number in range(11):
            for lane in range(LANES):
                place = _at(builder, target, 16 * (number * LANES + lane), _BLOCK)
                builder.store(present, place, align=1)
            if number == 10:
                break
            constant = ir.Constant(_I8, _ROUND_CONSTANTS[number])
            help_ = _call(builder, "llvm.x86.aesni.aeskeygenassist", _BLOCK, [present, constant])
            last = ir.Constant(ir.VectorType(_I32, 4), [3, 3, 3, 3])
            spread = builder.bitcast(help_, words)
            mixed = builder.shuffle_vector(spread, spread, last)
            word = builder.bitcast(present, words)
            zero = ir.Constant(words, [0, 0, 0, 0])
            # word, word << 32, word << 64 and word << 96 of the 128 bits, xored.
            for shift in (1, 2, 3):
                moved = ir.Constant(words, [4 + (n - shift) if n >= shift else 0 for n in range(4)])
                shifted = builder.shuffle_vector(zero, builder.bitcast(present, words), moved)
                word = builder.xor(word, shifted)
            present = builder.bitcast(builder.xor(word, mixed), _BLOCK)
        return ir.Constant(_I64, 0)

    return types.int64(types.uint64, types.uint64), generate


def _chunk(subtract: bool) -> Any:
    """Return what adds or subtracts `CHUNK_BYTES` of key stream at the address `place`.

    It takes the vector for its type, the address, that of what `_expand` wrote, and the upper and
    the lower half of the first counter.
    """

    def chunk(_context: Any, words: Any, _place: Any, _keys: Any, _high: Any, _low: Any) -> Any:
        bits = words.dtype.bitwidth
        lane = ir.VectorType(ir.IntType(bits), 16 * LANES * 8 // bits)

        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            _, place, keys, high, low = arguments
            for number, state in enumerate(_key_stream(builder, keys, high, low)):
                target = _at(builder, place, 16 * LANES * number, lane)
                old, mask = builder.load(target, align=1), builder.bitcast(state, lane)
                new = builder.sub(old, mask) if subtract else builder.add(old, mask)
                builder.store(new, target, align=1)
            return ir.Constant(_I64, 0)

        return types.int64(words, *[types.uint64] * 4), generate

    return intrinsic(chunk)


def _key_stream(builder: Any, keys: Any, high: Any, low: Any) -> list[Any]:
    counter = ir.Constant(_VECTOR, ir.Undefined)
    for half in range(2 * LANES):
        part = low if half % 2 else high
        counter = builder.insert_element(counter, part, ir.Constant(_I32, half))

    def round_key(number: int) -> Any:
        return builder.load(_at(builder, keys, 16 * LANES * number, _VECTOR), align=1)

    first, states = round_key(0), []
    for number in range(UNROLLED):
        step = [n for block in range(LANES) for n in (0, number * LANES + block)]
        counted = builder.add(counter, ir.Constant(_VECTOR, step))
        # SP 800-38A counts with the most significant byte first.
        turned = _call(builder, f"llvm.bswap.v{2 * LANES}i64", _VECTOR, [counted])
        states.append(builder.xor(turned, first))
    suffix = ".256" if LANES == 2 else ""
    for number in range(1, 11):
        name = f"llvm.x86.aesni.aesenc{'last' if number == 10 else ''}{suffix}"
        key = round_key(number)
        states = [_call(builder, name, _VECTOR, [state, key]) for state in states]
    return states


_add_chunk = _chunk(subtract=False)
_subtract_chunk = _chunk(subtract=True)


# Any: to mypy the decorator keeps the typing context among the arguments.
_expand_one: Any = _expand


def _expand_each(keys: Any, expanded: Any) -> None:
    for number in range(keys.shape[0]):
        _expand_one(keys[number].ctypes.data, expanded[number].ctypes.data)


def _run(words: Any, start: Any, keys: Any, minus: Any, high: Any, low: Any, count: Any) -> None:
    # `count` chunks from the word `start` on, with the keys at this address.
    place = words.ctypes.data + np.uint64(start * words.itemsize)
    for _ in range(count):
        if minus:
            _subtract_chunk(words, place, keys, high, low)
        else:
            _add_chunk(words, place, keys, high, low)
        place += np.uint64(CHUNK_BYTES)
        low += np.uint64(CHUNK_BYTES // 16)


def _add_each(words: Any, expanded: Any, minus: Any, high: Any, low: Any) -> None:
    # As many chunks as fit. Tile by tile, so that a tile is in the cache for every key.
    size = words.itemsize
    chunk, tile = CHUNK_BYTES // size, TILE_BYTES // size
    whole = words.size // chunk * chunk
    for start in range(0, whole, tile):
        count = min(tile, whole - start) // chunk
        block = low + np.uint64(start * size // 16)
        for number in range(expanded.shape[0]):
            keys = expanded[number].ctypes.data
            _run_compiled(words, start, keys, minus[number], high, block, count)


def _compile(function: Any, *signatures: str) -> Any:
    wanted = list(signatures) or None
    try:
        return numba.njit(wanted, cache=True, nogil=True)(function)
    except RuntimeError:  # no folder to cache in
        return numba.njit(wanted, nogil=True)(function)


_run_compiled = _compile(_run)


@cache
def _kernels() -> tuple[Any, Any]:
    # Late: compiling asks for the instructions, importing this module does not.
    expand_each = _compile(_expand_each, "void(uint8[:, ::1], uint8[:, ::1])")
    add_each = _compile(
        _add_each,
        "void(uint32[::1], uint8[:, ::1], boolean[::1], uint64, uint64)",
        "void(uint64[::1], uint8[:, ::1], boolean[::1], uint64, uint64)",
    )
    return expand_each, add_each


def add(words: Words, keys: bytes, minus: bytes, high: int, low: int) -> None:
    """Add the key stream of each 16-byte key to `words`, or subtract it, in place.

    `words` are contiguous. `keys` are 16 bytes each, `minus` has one byte for each, not zero to
    subtract. The first counter is `high` * 2^64 + `low`; `low` does not pass 2^64.
    """
    expand_each, add_each = _kernels()
    rows = np.frombuffer(keys, np.uint8).reshape(-1, 16)
    expanded = np.empty((len(rows), KEY_BYTES), np.uint8)
    expand_each(rows.copy(), expanded)
    signs = np.frombuffer(minus, np.uint8) != 0
    add_each(words, expanded, signs, np.uint64(high), np.uint64(low))
    whole = words.nbytes // CHUNK_BYTES * CHUNK_BYTES
    if whole < words.nbytes:
        # The end is less than a chunk: in a chunk of its own, and back.
        rest = words[whole // words.itemsize :]
        end = np.zeros(CHUNK_BYTES // words.itemsize, words.dtype)
        end[: rest.size] = rest
        add_each(end, expanded, signs, np.uint64(high), np.uint64(low + whole // 16))
        rest[:] = end[: rest.size]
    expanded.fill(0)
