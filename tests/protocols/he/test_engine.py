"""SEAL behind bytes: what goes out comes back, what is altered or foreign is refused."""

import os
import sys
from pathlib import Path

import pytest

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he import memory
from unseen.protocols.he.engine import KeyOwner, Ring, Stranger

DEGREE = 4096
PRIMES = (68719403009, 68719230977, 1032193)  # 36, 36 and 20 bits, each 1 modulo 2 x 4096


@pytest.fixture(scope="module")
def ring() -> Ring:
    return Ring(DEGREE, PRIMES)


@pytest.fixture(scope="module")
def owner(ring: Ring) -> KeyOwner:
    return KeyOwner(ring)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_levels_have_names(ring: Ring) -> None:
    assert sorted(ring.parms_ids) == [1, 2, 3]
    assert {len(name) for name in ring.parms_ids.values()} == {32}
    assert len(set(ring.parms_ids.values())) == 3


@pytest.mark.parametrize(
    ("degree", "primes"),
    [
        (4096, (68719403009, 68719230977, 68719403009)),
        (4096, (68719403009, 68719230978)),
        (4096, (1152921504606830593, 18014398508400641)),  # 114 bits are too many for 4096
        (4000, PRIMES),
        (4096, ()),
    ],
)
def test_bad_parameters_are_refused(degree: int, primes: tuple[int, ...]) -> None:
    with pytest.raises(InputInvalidError, match="SEAL refuses these parameters"):
        Ring(degree, primes)


def test_an_encryption_of_zero_decrypts_to_little(ring: Ring, owner: KeyOwner) -> None:
    zero = Stranger(ring, owner.public_key()).zero()
    again = KeyOwner(ring, owner.secret()).decrypt(zero)
    assert len(again) > 2 * 8 * DEGREE
    assert Stranger(ring, owner.public_key()).zero() != zero


def test_a_plaintext_comes_back_from_an_encryption(ring: Ring, owner: KeyOwner) -> None:
    plain = owner.decrypt(Stranger(ring, owner.public_key()).zero())
    sent = owner.encrypt(plain)
    assert len(sent) < 8 * 2 * DEGREE + 1000  # half of it is a seed
    assert sent != owner.encrypt(plain)
    assert len(owner.decrypt(sent)) == len(plain)


def test_keys_for_a_few_steps_are_few(owner: KeyOwner) -> None:
    one, two = (len(owner.galois_keys(steps)) for steps in ((1,), (1, 2)))
    assert one < two
    assert len(owner.relin_keys()) < 2 * len(owner.public_key())


def test_keys_rotate_by_their_steps_and_by_no_other(ring: Ring, owner: KeyOwner) -> None:
    keys = ring.seal.GaloisKeys()
    memory.load(keys, ring.context, owner.galois_keys((1, -2)))
    rotated, given = ring.seal.Ciphertext(), ring.seal.Ciphertext()
    memory.load(given, ring.context, Stranger(ring, owner.public_key()).zero())
    evaluator = ring.seal.Evaluator(ring.context)
    for step in (1, -2):
        evaluator.rotate_vector(given, step, keys, rotated)
        assert rotated.size() == 2
    for step in (-1, 2):
        with pytest.raises(ValueError, match="Galois key"):
            evaluator.rotate_vector(given, step, keys, rotated)


def test_another_key_does_not_decrypt(ring: Ring, owner: KeyOwner) -> None:
    zero = Stranger(ring, owner.public_key()).zero()
    assert owner.decrypt(zero) != KeyOwner(ring).decrypt(zero)


@pytest.mark.parametrize("damage", ["", "short", "long", "compressed", "foreign", "noise"])
def test_altered_objects_are_refused_and_leave_no_file_open(
    ring: Ring, owner: KeyOwner, damage: str
) -> None:
    whole = owner.public_key()
    foreign = KeyOwner(Ring(DEGREE, (PRIMES[1], PRIMES[0], PRIMES[2]))).public_key()
    sent = {
        "": b"",
        "short": whole[:-1],
        "long": whole[:8] + (len(whole) + 8).to_bytes(8, "little") + whole[16:],
        "compressed": whole[:5] + b"\x02" + whole[6:],
        "foreign": foreign,
        "noise": whole[:16] + b"\xff" * (len(whole) - 16),
    }[damage]
    before = descriptors()
    with pytest.raises(MalformedMessageError):
        Stranger(ring, sent)
    assert descriptors() == before


def test_what_stands_behind_an_object_is_not_read(ring: Ring, owner: KeyOwner) -> None:
    # SEAL reads as far as the header says. Lengths are for the checks before it, see checks.py.
    assert Stranger(ring, owner.public_key() + b"more").zero()


class Written:
    """An object that writes what it is given, as SEAL would."""

    def __init__(self, whole: bytes) -> None:
        self.whole = whole

    def save(self, path: str, /) -> None:
        with open(path, "wb") as file:  # noqa: PTH123 - as SEAL opens it
            file.write(self.whole)


def header(body: bytes, mode: int) -> bytes:
    return b"\x5e\xa1\x10\x04\x01" + bytes([mode, 0, 0]) + (16 + len(body)).to_bytes(8, "little")


def test_what_is_compressed_is_read_up_to_a_ceiling() -> None:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    body = memory.library(name).compress(bytes(1 << 20))
    assert len(body) < 1000
    written = Written(header(body, 2) + body)
    assert memory.saved(written, 16 + (1 << 20)) == header(bytes(1 << 20), 0) + bytes(1 << 20)
    for limit in (0, 16, 17, 15 + (1 << 20)):
        with pytest.raises(InputInvalidError, match="is longer than"):
            memory.saved(written, limit)


@pytest.mark.parametrize("whole", [b"", b"x" * 40, header(b"", 2) + b"more"])
def test_what_is_not_seals_is_not_returned(whole: bytes) -> None:
    with pytest.raises(InputInvalidError, match="something else"):
        memory.saved(Written(whole), 100)


def test_other_compression_and_half_an_object_are_not_read() -> None:
    with pytest.raises(InputInvalidError, match="another way"):
        memory.saved(Written(header(b"abc", 1) + b"abc"), 100)
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    half = memory.library(name).compress(bytes(100))[:-4]
    with pytest.raises(InputInvalidError, match="ends early"):
        memory.saved(Written(header(half, 2) + half), 1000)


def test_a_missing_library_says_what_to_install() -> None:
    with pytest.raises(InputInvalidError) as refused:
        memory.library("tenseal_that_nobody_has")
    assert refused.value.remedy == "pip install 'unseen[he]'"


def test_a_system_without_memory_files_is_refused(
    monkeypatch: pytest.MonkeyPatch, owner: KeyOwner
) -> None:
    monkeypatch.delattr(os, "memfd_create")
    with pytest.raises(InputInvalidError, match="anonymous files"):
        owner.public_key()
