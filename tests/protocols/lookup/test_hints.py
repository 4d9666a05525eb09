"""Rows of a hint file: a second program's bytes, back from its bytes, and nothing else."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.lookup.lwe_pir.hints import HintRow, decode_row, encode_row
from unseen.protocols.lookup.lwe_pir.parameters import SECRET, Shape

FILE = Path(__file__).parents[2] / "vectors/lookup/lwe_pir_hint_row_v1.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))["rows"]


def made(case: dict[str, Any]) -> tuple[Shape, HintRow]:
    shape = Shape(5, 2048, case["label_bytes"])
    words = np.arange(shape.cell_bytes * SECRET, dtype=np.uint64) * case["step"]
    hint = words.astype(np.uint16).reshape(shape.cell_bytes, SECRET)
    return shape, HintRow(bytes.fromhex(case["nonce"]), bytes.fromhex(case["digest"]), hint)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["label_bytes"]))
def test_a_row_is_the_second_program_s(case: dict[str, Any]) -> None:
    shape, row = made(case)
    data = encode_row(shape, row)
    assert (len(data), shape.hint_row_bytes) == (case["bytes"], case["bytes"])
    assert data[:64].hex() == case["head"]
    assert hashlib.sha256(data).hexdigest() == case["sha256"]
    again = decode_row(shape, data)
    assert (again.nonce, again.digest) == (row.nonce, row.digest)
    assert (again.hint == row.hint).all()
    assert again.hint.dtype == np.uint16


@pytest.mark.parametrize("size", [0, 48, 26543, 26545])
def test_a_row_of_another_length_is_none(size: int) -> None:
    shape, _ = made(CASES[0])
    with pytest.raises(MalformedMessageError):
        decode_row(shape, bytes(size))


@pytest.mark.parametrize("part", ["nonce", "digest", "hint"])
def test_a_part_of_another_length_is_not_written(part: str) -> None:
    shape, row = made(CASES[0])
    parts: dict[str, Any] = {"nonce": row.nonce, "digest": row.digest, "hint": row.hint}
    with pytest.raises(InputInvalidError):
        encode_row(shape, HintRow(**parts | {part: parts[part][1:]}))
