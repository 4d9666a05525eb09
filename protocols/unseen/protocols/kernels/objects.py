"""LLVM's object files: kernels as machine code, compiled by numba once and loaded without it.

A builder module writes a kernel as a function of 64-bit whole numbers, addresses among them, that
numba compiles to LLVM's text; LLVM makes an object file of that, which is what `cache.py` keeps.
Loading takes llvmlite alone: a tenth of a second, where numba takes one or two and its compiler as
much again. Nothing is unpickled. A kernel sees addresses and believes them: lengths are checked by
whoever calls it.
"""

import ctypes
import hashlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias

from unseen.protocols.errors import KernelFaultError
from unseen.protocols.kernels import cache as kept
from unseen.protocols.kernels.features import target

Compiled: TypeAlias = Callable[..., None]
"""Takes 64-bit whole numbers, not negative, and lets other threads run meanwhile."""

_SYMBOL: Final = "unseen_kernel"
_PACKAGE: Final = "unseen.protocols.kernels"
_SHARED: Final = tuple(
    f"{_PACKAGE}.{name}"
    for name in (
        "objects",
        "lowering",
        "field25519",
        "field_builder",
        "modular_builder",
        "blake2b_rounds",
    )
)
_engines: list[Any] = []  # machine code lives as long as the process
_loaded: set[str] = set()


@cache
def load(builder: str, function: str) -> Compiled:
    """Return a kernel of this package: `function` of the module `builder`.

    Ask `features` first: LLVM ends the process over an instruction that may not be used.

    Raises:
        KernelFaultError: it cannot be compiled, or asks for something outside itself.

    """
    name = f"{builder}.{function}"
    key = _key(f"{_PACKAGE}.{builder}", function)
    code = kept.read(key)
    if code is None:
        code = _object_of(f"{_PACKAGE}.{builder}", function, name)
        kept.write(key, code)
    _loaded.add(key)
    return _linked(code, name)


def is_ready(builder: str, function: str) -> bool:
    """Return whether `load` would need no compiler: it is loaded, or on disk."""
    key = _key(f"{_PACKAGE}.{builder}", function)
    return key in _loaded or kept.read(key) is not None


def _key(module: str, function: str) -> str:
    """Return a name that changes with everything that the machine code depends on."""
    found = hashlib.sha256(f"{function}\x00{target()}\x00".encode())
    for library in ("numba", "llvmlite", "numpy"):
        found.update(f"{library} {importlib.metadata.version(library)}\x00".encode())
    for source in (*_SHARED, module):
        found.update(hashlib.sha256(_source(source)).digest())
    return f"{function}-{found.hexdigest()}"


def _source(module: str) -> bytes:
    spec = importlib.util.find_spec(module)
    loader: Any = spec.loader if spec else None
    return (loader.get_source(module) or "").encode() if loader else b""


def text_of(module: str, function: str) -> str:
    """Return a kernel in LLVM's language, optimised, as its object file is made from it."""
    import numba  # noqa: PLC0415 - only where there is something to compile

    _llvm()

    source = getattr(importlib.import_module(module), function)
    count = source.__code__.co_argcount
    signature = f"void({', '.join(['uint64'] * count)})"
    # Inlined, LLVM sees that nothing in it can raise, and drops what would tell Python so.
    compiled = numba.cfunc(signature, forceinline=True)(source)
    text: str = compiled.inspect_llvm().replace(compiled.native_name, _SYMBOL)
    return text


def _object_of(module: str, function: str, name: str) -> bytes:
    from llvmlite import binding  # noqa: PLC0415

    try:
        parsed = binding.parse_assembly(text_of(module, function))
    except Exception as error:  # numba's errors have no common name
        raise KernelFaultError(name, "cannot be compiled") from error
    for each in parsed.functions:
        # What is resolved at link time would be looked up in this process: there is nothing.
        if each.is_declaration and not each.name.startswith("llvm."):
            raise KernelFaultError(name, "asks for something outside itself")
    machine = _machine()
    return bytes(machine.emit_object(parsed))


def _linked(code: bytes, name: str) -> Compiled:
    from llvmlite import binding  # noqa: PLC0415

    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(_SYMBOL)
    if not address:
        raise KernelFaultError(name, "is not in its object file")
    _engines.append(engine)

    def run(*numbers: int) -> None:
        pointer(*map(ctypes.c_uint64, numbers))

    pointer = ctypes.CFUNCTYPE(None)(address)
    return run


def _machine() -> Any:
    found = target()
    if found is None:
        raise KernelFaultError("llvm", "compiles for x86-64 alone")
    return (
        _llvm()
        .Target.from_triple(found.triple)
        .create_target_machine(cpu=found.processor, features=found.features, opt=3, jit=True)
    )


def _llvm() -> Any:
    """Return LLVM, ready for this machine and for kernels that name an instruction."""
    from llvmlite import binding  # noqa: PLC0415

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    return binding
