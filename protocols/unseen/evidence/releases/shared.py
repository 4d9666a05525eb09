"""Under which id a run's part is sent that other runs of the contract share: a context, or rows.

It is sent once, as a run of its own, and every request commits to its digest. Own format.
"""

from typing import Final

_DIGITS: Final = 32  # as many as a request's id has


def shared_name(digest: bytes) -> str:
    """Return the id of the part that has a digest: its first 32 hexadecimal digits."""
    return digest.hex()[:_DIGITS]
