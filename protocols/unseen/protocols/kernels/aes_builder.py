"""FIPS 197 and SP 800-38A section 6.5: AES-128-CTR added into vectors, in numba and LLVM.

Imported where there is something to compile; `aes_compiled.py` says what it computes. LLVM's
intrinsics for the processor's AES instructions, 128 or (VAES) 256 bits wide; no table look-up and
no branch depends on a key.
"""

from typing import Any, Final

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from unseen.protocols.kernels.aes_compiled import CHUNK_BYTES, KEY_BYTES, LANES, UNROLLED
from unseen.protocols.kernels.lowering import I8, I32, I64, at, call

_TILE_CHUNKS: Final = 16384 // CHUNK_BYTES  # half a first-level cache: all masks, then the next
_ROUND_CONSTANTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 27, 54)
_BLOCK = ir.VectorType(I64, 2)
_VECTOR = ir.VectorType(I64, 2 * LANES)


@intrinsic
def _expand(_context: Any, _key: Any, _out: Any) -> Any:
    """Write the eleven round keys of the 16 bytes at an address to another, for every lane."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        source, target = arguments
        words = ir.VectorType(I32, 4)
        present = builder.load(at(builder, source, 0, _BLOCK), align=1)
        for number in range(11):
            for lane in range(LANES):
                place = at(builder, target, 16 * (number * LANES + lane), _BLOCK)
                builder.store(present, place, align=1)
            if number == 10:
                break
            constant = ir.Constant(I8, _ROUND_CONSTANTS[number])
            help_ = call(builder, "llvm.x86.aesni.aeskeygenassist", _BLOCK, [present, constant])
            last = ir.Constant(ir.VectorType(I32, 4), [3, 3, 3, 3])
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
        return ir.Constant(I64, 0)

    return types.int64(types.uint64, types.uint64), generate


def _chunk(bits: int, subtract: bool) -> Any:
    """Return what adds or subtracts `CHUNK_BYTES` of key stream, as words of so many bits.

    It takes the address of the words, that of what `_expand` wrote, and the upper and the lower
    half of the first counter.
    """

    def chunk(_context: Any, _place: Any, _keys: Any, _high: Any, _low: Any) -> Any:
        lane = ir.VectorType(ir.IntType(bits), 16 * LANES * 8 // bits)

        def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
            place, keys, high, low = arguments
            for number, state in enumerate(_key_stream(builder, keys, high, low)):
                target = at(builder, place, 16 * LANES * number, lane)
                old, mask = builder.load(target, align=1), builder.bitcast(state, lane)
                new = builder.sub(old, mask) if subtract else builder.add(old, mask)
                builder.store(new, target, align=1)
            return ir.Constant(I64, 0)

        return types.int64(*[types.uint64] * 4), generate

    return intrinsic(chunk)


def _key_stream(builder: Any, keys: Any, high: Any, low: Any) -> list[Any]:
    counter = ir.Constant(_VECTOR, ir.Undefined)
    for half in range(2 * LANES):
        part = low if half % 2 else high
        counter = builder.insert_element(counter, part, ir.Constant(I32, half))

    def round_key(number: int) -> Any:
        return builder.load(at(builder, keys, 16 * LANES * number, _VECTOR), align=1)

    first, states = round_key(0), []
    for number in range(UNROLLED):
        step = [n for block in range(LANES) for n in (0, number * LANES + block)]
        counted = builder.add(counter, ir.Constant(_VECTOR, step))
        # SP 800-38A counts with the most significant byte first.
        turned = call(builder, f"llvm.bswap.v{2 * LANES}i64", _VECTOR, [counted])
        states.append(builder.xor(turned, first))
    suffix = ".256" if LANES == 2 else ""
    for number in range(1, 11):
        name = f"llvm.x86.aesni.aesenc{'last' if number == 10 else ''}{suffix}"
        key = round_key(number)
        states = [call(builder, name, _VECTOR, [state, key]) for state in states]
    return states


@intrinsic
def _byte(_context: Any, _place: Any) -> Any:
    """Return the byte at an address."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.load(at(builder, arguments[0], 0, I8))

    return types.uint8(types.uint64), generate


# Any: to mypy the decorator keeps the typing context among the arguments.
_expand_one: Any = _expand
_byte_at: Any = _byte
# Whole numbers of 64 bits without a sign stay so only among themselves.
_KEY, _SCHEDULE, _CHUNK = np.uint64(16), np.uint64(KEY_BYTES), np.uint64(CHUNK_BYTES)
_BLOCKS, _TILE, _ONE = np.uint64(CHUNK_BYTES // 16), np.uint64(_TILE_CHUNKS), np.uint64(1)


def expand(keys: Any, count: Any, out: Any) -> None:
    """Write the round keys of `count` keys, 16 bytes each, from one address to another."""
    for _ in range(count):
        _expand_one(keys, out)
        keys += _KEY
        out += _SCHEDULE


def _adding(bits: int) -> Any:
    add_chunk: Any = _chunk(bits, subtract=False)
    subtract_chunk: Any = _chunk(bits, subtract=True)

    @numba.njit(inline="always")
    def run(place: Any, keys: Any, minus: Any, high: Any, low: Any, chunks: Any) -> None:
        for _ in range(chunks):
            if minus:
                subtract_chunk(place, keys, high, low)
            else:
                add_chunk(place, keys, high, low)
            place += _CHUNK
            low += _BLOCKS

    def add(
        words: Any, chunks: Any, expanded: Any, minus: Any, count: Any, high: Any, low: Any
    ) -> None:
        # Tile by tile, so that a tile is in the cache for every key.
        while chunks:
            part = min(chunks, _TILE)
            keys, sign = expanded, minus
            for _ in range(count):
                run(words, keys, _byte_at(sign), high, low, part)
                keys += _SCHEDULE
                sign += _ONE
            words += part * _CHUNK
            low += part * _BLOCKS
            chunks -= part

    return add


add32 = _adding(32)
add64 = _adding(64)
