"""libsodium 1.0.18 as rbcl carries it, called without rbcl's wrappers.

The wrappers drop the return code of some functions. A call made here releases the interpreter
lock while it runs, so threads do share the work of a batch.

At import rbcl writes its copy of the library into the temporary folder, 2.8 MB, and leaves it
there for good. The loader needs the file no longer than that, so this module removes it: the
one place under `unseen.protocols` that touches a disk.
"""

import contextlib
import ctypes
import importlib
from pathlib import Path
from typing import Any

_module = importlib.import_module("rbcl._sodium")
_library = importlib.import_module("rbcl.rbcl")._sodium  # noqa: SLF001 - initialised there

with contextlib.suppress(AttributeError, OSError):
    # A system that does not let go of a loaded file, and a later rbcl, keep what they have.
    Path(_module.lib_path).unlink(missing_ok=True)


def function(name: str, inputs: int) -> Any:
    """Return `crypto_<name>(out, *inputs)`; it takes byte strings and returns 0 for success.

    Lengths are the caller's to check: C reads and writes as many bytes as the function says.
    """
    # Indexing a library makes a fresh function object: rbcl's own keeps its signature.
    bound = _library["crypto_" + name]
    bound.argtypes = [ctypes.c_void_p] + [ctypes.c_char_p] * inputs
    bound.restype = ctypes.c_int
    return bound


def predicate(name: str) -> Any:
    """Return `crypto_<name>(input)`; it takes a byte string and returns 1 for true."""
    bound = _library["crypto_" + name]
    bound.argtypes = [ctypes.c_char_p]
    bound.restype = ctypes.c_int
    return bound
