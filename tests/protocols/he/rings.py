"""SEAL itself, through TenSEAL: what our own words are held against."""

from typing import Any, Self

import pytest

from unseen.protocols.he import memory

api = pytest.importorskip("tenseal.sealapi")


LIMIT = 1 << 20


def loaded(kind: str, context: Any, data: bytes) -> Any:
    """Return SEAL's object of that kind of serialized bytes."""
    found = getattr(api, kind)()
    memory.load(found, context, data)
    return found


class Engine:
    """One context with its keys. Small rings hide nothing: for tests alone."""

    def __init__(self, degree: int, bits: list[int]) -> None:
        """Make keys for primes of so many bits, the last one for keys alone."""
        self._begin(degree, api.CoeffModulus.Create(degree, bits))

    @classmethod
    def of(cls, degree: int, primes: list[int]) -> Self:
        """Return one under these primes."""
        found = cls.__new__(cls)
        found._begin(degree, [api.Modulus(prime) for prime in primes])
        return found

    def _begin(self, degree: int, moduli: list[Any]) -> None:
        given = api.EncryptionParameters(api.SCHEME_TYPE.CKKS)
        given.set_poly_modulus_degree(degree)
        given.set_coeff_modulus(moduli)
        self.degree = degree
        self.primes = tuple(int(prime.value()) for prime in moduli)
        self.context = api.SEALContext(given, True, api.SEC_LEVEL_TYPE.NONE)
        self.generator = api.KeyGenerator(self.context)
        self.secret = self.generator.secret_key()
        self.public = api.PublicKey()
        self.generator.create_public_key(self.public)
        self.encryptor = api.Encryptor(self.context, self.public, self.secret)
        self.evaluator = api.Evaluator(self.context)
        self.encoder = api.CKKSEncoder(self.context)

    def encoded(self, values: list[complex], scale: float) -> Any:
        """Return SEAL's own encoding in slots."""
        found = api.Plaintext()
        self.encoder.encode(values, scale, found)
        return found

    def encrypted(self, values: list[complex], scale: float) -> bytes:
        """Return a seeded ciphertext of slots."""
        return saved(self.encryptor.encrypt_symmetric(self.encoded(values, scale)))


def saved(value: Any) -> bytes:
    """Return an object as SEAL writes it, unpacked."""
    return memory.saved(value, LIMIT)
