"""Oblivious pseudorandom functions: RFC 9497, ristretto255-SHA512, modes OPRF and VOPRF."""

from unseen.protocols.oprf.suite import MAX_BATCH, OUTPUT_BYTES, Mode, finalize

__all__ = ["MAX_BATCH", "OUTPUT_BYTES", "Mode", "finalize"]
