"""A table that stays with its owner is asked with numpy alone; numba makes it fast, and no more."""

import subprocess
import sys

PROGRAM = """
import sys

sys.modules["numba"] = sys.modules["llvmlite"] = None  # as if they were not installed

import numpy as np
from unseen.client.queries import hidden
from unseen.protocols.kernels import aes, matrix
from unseen.protocols.lookup.lwe_pir import client, filters, fitting, server
from unseen.protocols.lookup.lwe_pir.parameters import Shape
from unseen.protocols.lookup.lwe_pir.public import Public
from unseen.protocols.lookup.lwe_pir.seeds import Seeded
from unseen.protocols.testing import seeded_rng

shape, domain, rng = Shape(1, 1024, 1), b"a domain", seeded_rng(1)
items = [(bytes([number]) * 64, bytes([number])) for number in range(40)]
block = server.build_block(shape, domain, items, rng)
public = Public.of(b"registry", shape)
hint = server.hint(public, block.rows)
keys = [(0, filters.keyed(shape, domain, block.nonce, output)) for output, _ in items]
keys.append((0, filters.keyed(shape, domain, block.nonce, bytes([99]) * 64)))
prepared = client.prepare_each(public, [Seeded(rng(32)) for _ in keys])
queries, asked = client.query(shape, prepared, keys)
answers = server.answer(block.rows, queries)
assert fitting.fits(shape, prepared.secrets, hint, answers)
found = [client.open_answer(shape, one, hint, a) for one, a in zip(asked, answers)]
assert found == [label for _, label in items] + [None], found
assert matrix.warm_up() == "portable", matrix.warm_up()
assert hidden.find_spec("numpy") is not None
print("asked", len(found))
"""


def test_a_hidden_table_is_asked_and_answered_without_numba() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "asked 41\n"
