"""SEAL 4.3 through `tenseal.sealapi` (TenSEAL 0.3.18): CKKS by Cheon, Kim, Kim, Song (2016/421).

TenSEAL ships no types; here its objects get some, and bytes on their outside. Nobody else names
TenSEAL. Objects come and go as SEAL writes them, uncompressed (see memory); plaintexts and
ciphertexts are in NTT form.

SEAL draws its own randomness for keys, errors and encryptions of zero from the operating system; a
generator with a seed cannot be given to it, since SEAL would start it anew at each encryption.
Not protected: SEAL's CKKS hides nothing from whoever holds the secret key, see privacy.py for that;
and what a key owner decrypts must not go back to the evaluator (Li, Micciancio 2020/1533).
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final

from unseen.protocols.errors import InputInvalidError, MalformedMessageError
from unseen.protocols.he.memory import library, load, saved

# Beside its words an object has headers, ids, seeds and sizes.
_SURROUNDINGS: Final = 1 << 12


_LIBRARY: Final = "tenseal"


def is_installed() -> bool:
    """Return whether this machine has the library that computes."""
    return find_spec(_LIBRARY) is not None


def _seal() -> Any:
    return library(f"{_LIBRARY}.sealapi")


class Ring:
    """Public parameters: polynomials of `degree` coefficients modulo `primes`, the last special.

    `parms_ids[k]` names the level that has k of the primes, as 32 bytes; keys have all of them,
    plaintexts and ciphertexts at most all but the special one.
    """

    def __init__(self, degree: int, primes: Sequence[int]) -> None:
        """Make the tables of a ring.

        Raises:
            InputInvalidError: SEAL refuses the parameters, also as weaker than 128 bits.

        """
        seal = _seal()
        self.seal = seal
        self.degree = degree
        self.primes = tuple(primes)
        try:
            parameters = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
            parameters.set_poly_modulus_degree(degree)
            parameters.set_coeff_modulus([seal.Modulus(prime) for prime in primes])
            self.context = seal.SEALContext(parameters, True, seal.SEC_LEVEL_TYPE.TC128)
        except (RuntimeError, ValueError, TypeError) as refused:
            raise InputInvalidError(f"SEAL refuses these parameters: {refused}") from None
        if not self.context.parameters_set():
            raise InputInvalidError(
                f"SEAL refuses these parameters: {self.context.parameters_error_name()}"
            )
        self.parms_ids = self._chain()

    def limit(self, polynomials: int) -> int:
        """Return how many bytes an object of so many polynomials has at most."""
        return _SURROUNDINGS + polynomials * len(self.primes) * (8 * self.degree + 64)

    def words_of(self, primes: int) -> list[int]:
        """Return the name of a level as SEAL's calls take it."""
        name = self.parms_ids[primes]
        return [int.from_bytes(name[at : at + 8], "little") for at in range(0, len(name), 8)]

    def _chain(self) -> dict[int, bytes]:
        found = {}
        data = self.context.key_context_data()
        while data is not None:
            primes = data.parms().coeff_modulus()
            found[len(primes)] = b"".join(word.to_bytes(8, "little") for word in data.parms_id())
            data = data.next_context_data()
        return found


class KeyOwner:
    """Whoever holds the secret key: makes public keys, encrypts, decrypts."""

    def __init__(self, ring: Ring, secret: bytes | None = None) -> None:
        """Take the bytes of `secret()`, or draw a key: uniform in {-1, 0, 1}.

        Raises:
            MalformedMessageError: the bytes are no secret key of this ring.

        """
        self.ring = ring
        seal = ring.seal
        if secret is None:
            self._generator = seal.KeyGenerator(ring.context)
            self._secret = self._generator.secret_key()
        else:
            self._secret = seal.SecretKey()
            load(self._secret, ring.context, secret)
            self._generator = seal.KeyGenerator(ring.context, self._secret)
        self._encryptor = seal.Encryptor(ring.context, self._secret)
        self._decryptor = seal.Decryptor(ring.context, self._secret)

    def secret(self) -> bytes:
        """Return the secret key: to be sealed wherever it is kept."""
        return saved(self._secret, self.ring.limit(1))

    def public_key(self) -> bytes:
        """Return a fresh public key. TenSEAL cannot write SEAL's seeded form of one."""
        key = self.ring.seal.PublicKey()
        self._generator.create_public_key(key)
        return saved(key, self.ring.limit(2))

    def relin_keys(self) -> bytes:
        """Return fresh keys, seeded, that bring a product of two ciphertexts back to size two."""
        return saved(self._generator.create_relin_keys(), self._key_limit(1))

    def galois_keys(self, steps: Sequence[int]) -> bytes:
        """Return fresh keys, seeded, that rotate slots by each of `steps`, and by no other."""
        degree = self.ring.degree
        elements = [pow(3, step % (degree // 2), 2 * degree) for step in steps]
        keys = self._generator.create_galois_keys(elements)
        # SEAL writes a length for every element of the group, also where there is no key.
        return saved(keys, self._key_limit(len(steps)) + 16 * self.ring.degree)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return a fresh ciphertext of a plaintext, its second half as a seed.

        Raises:
            MalformedMessageError: SEAL refuses the plaintext.

        """
        return saved(self._encryptor.encrypt_symmetric(self._read(plaintext)), self.ring.limit(2))

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of a ciphertext. Never for the eyes of whoever computed it.

        Raises:
            MalformedMessageError: SEAL refuses the ciphertext.

        """
        seal = self.ring.seal
        found, plain = seal.Ciphertext(), seal.Plaintext()
        load(found, self.ring.context, ciphertext)
        try:
            self._decryptor.decrypt(found, plain)
        except (RuntimeError, ValueError) as refused:
            raise MalformedMessageError(f"SEAL refuses a ciphertext: {refused}") from None
        return saved(plain, self.ring.limit(1))

    def _read(self, plaintext: bytes) -> Any:
        plain = self.ring.seal.Plaintext()
        load(plain, self.ring.context, plaintext)
        return plain

    def _key_limit(self, keys: int) -> int:
        """One key is a public key for each prime that ciphertexts may have."""
        return keys * len(self.ring.primes) * self.ring.limit(2)


class Stranger:
    """Whoever has a public key and nothing else."""

    def __init__(self, ring: Ring, public_key: bytes) -> None:
        """Take a key that `KeyOwner.public_key` returned.

        Raises:
            MalformedMessageError: it is no public key of this ring.

        """
        self.ring = ring
        key = ring.seal.PublicKey()
        load(key, ring.context, public_key)
        self._encryptor = ring.seal.Encryptor(ring.context, key)

    def zero(self, primes: int | None = None) -> bytes:
        """Return a fresh encryption of zero, both halves, under so many primes: all of ciphertexts.

        It is divided by the next prime, the special one where all are taken.
        """
        level = self.ring.words_of(len(self.ring.primes) - 1 if primes is None else primes)
        found = self.ring.seal.Ciphertext()
        self._encryptor.encrypt_zero(level, found)
        return saved(found, self.ring.limit(2))
