"""All kernels of a job at once, before a first answer waits: loaded, or compiled, and tried."""

from unseen.protocols.kernels import aes, blake2xb, noise, ntt, residues


def warm_up() -> str:
    """Return the names of what will mask vectors, once it has given the known answers.

    Raises:
        KernelFaultError: this machine computes one of them wrongly.

    """
    return f"AES {aes.warm_up()}, noise {noise.warm_up()}"


def warm_rings() -> str:
    """Return the names of what will compute with ciphertexts; errors as `warm_up`."""
    names = ntt.warm_up(), residues.warm_up(), blake2xb.warm_up()
    return "NTT {}, residues {}, BLAKE2Xb {}".format(*names)
