"""The limit of masking: AES-CTR streams by OpenSSL, made and thrown away."""

from collections.abc import Callable

from unseen.protocols.party import Rng

_BLOCK = 1 << 16


def openssl(count: int, size: int, rng: Rng) -> Callable[[], None]:
    """Return what writes `count` streams of `size` bytes, in 64 KiB, and adds none of them."""
    from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415
        Cipher,
        algorithms,
        modes,
    )

    zeros, out = bytes(_BLOCK), bytearray(_BLOCK)
    whole, rest = divmod(size, _BLOCK)

    def work() -> None:
        for _ in range(count):
            made = Cipher(algorithms.AES(rng(16)), modes.CTR(bytes(16))).encryptor()
            for _ in range(whole):
                made.update_into(zeros, out)
            made.update_into(zeros[:rest], out)

    return work
