"""Finding a planted value in bytes, however it was written down.

A value is looked for raw in both byte orders, in hexadecimal, base64 and base64url at each
alignment, and in decimal; each of these texts again in each of these encodings; all of that also
inside zlib and gzip streams and inside longer runs of base64 and hexadecimal that hold it.
"""

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_PREFIX = 8
_LIMIT = 16 << 20
_DEPTH = 3
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){12,}")
_DEFLATED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|\x58\x85|\x48\x89|\x68[\x05\x81\xde]")


def encodings(value: bytes) -> dict[str, bytes]:
    """Return what `value` (8 bytes or more) looks like in each encoding, by its name."""
    found = _written("", value) | _written("reversed ", value[::-1])
    for name, text in list(found.items()):
        if name.endswith(("hex", "HEX", "decimal")):
            found |= _written(f"{name} in ", text)
    return found


def _written(name: str, value: bytes) -> dict[str, bytes]:
    found = {
        f"{name}raw": value,
        f"{name}hex": value.hex().encode(),
        f"{name}HEX": value.hex().upper().encode(),
        f"{name}decimal": b"%d" % int.from_bytes(value, "big"),
    }
    for pad in range(3):
        # What stands before and after shifts the alphabet: the ends of the text depend on it.
        whole = base64.b64encode(bytes(pad) + value)
        end = len(whole) - (4 if (pad + len(value)) % 3 else 0)
        text = whole[4 if pad else 0 : end]
        found[f"{name}base64+{pad}"] = text
        found[f"{name}base64url+{pad}"] = text.translate(bytes.maketrans(b"+/", b"-_"))
    return found


@dataclass(frozen=True)
class Found:
    """A planted value that was found: which one, where, and in which encoding."""

    value: bytes
    place: str
    encoding: str


class Scanner:
    """Looks for many values at once."""

    def __init__(self, values: Iterable[bytes]) -> None:
        """Prepare to look for `values`, each of 8 bytes or more."""
        self._needles: dict[bytes, list[tuple[bytes, bytes, str]]] = {}
        for value in values:
            for name, text in encodings(value).items():
                if len(text) >= _PREFIX:
                    entry = (text, value, name)
                    self._needles.setdefault(text[:_PREFIX], []).append(entry)

    def find(self, data: bytes, place: str) -> list[Found]:
        """Return what of the values is in `data`, which comes from `place`."""
        return [
            found for layer, name in _layers(data, place, 0) for found in self._scan(layer, name)
        ]

    def _scan(self, data: bytes, place: str) -> Iterator[Found]:
        needles = self._needles
        for at in range(len(data) - _PREFIX + 1):
            for text, value, name in needles.get(data[at : at + _PREFIX], ()):
                if data.startswith(text, at):
                    yield Found(value, place, name)


def _layers(data: bytes, place: str, depth: int) -> Iterator[tuple[bytes, str]]:
    yield data, place
    if depth == _DEPTH:
        return
    for inner, name in _inside(data):
        yield from _layers(inner, f"{place} > {name}", depth + 1)


def _inside(data: bytes) -> Iterator[tuple[bytes, str]]:
    for match in _DEFLATED.finditer(data):
        inner = _inflated(data[match.start() :])
        if len(inner) >= _PREFIX:
            yield inner, "deflated"
    for match in _BASE64.finditer(data):
        text = match.group().translate(bytes.maketrans(b"-_", b"+/"))
        yield base64.b64decode(text[: len(text) // 4 * 4]), "base64"
    for match in _HEX.finditer(data):
        yield bytes.fromhex(match.group().decode()), "hex"


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=47)  # zlib or gzip, by its header
    found = bytearray()
    try:
        # In small steps: what stands before a damaged or foreign byte counts too.
        for start in range(0, len(data), 512):
            found += stream.decompress(data[start : start + 512], _LIMIT - len(found))
            if stream.eof or len(found) >= _LIMIT:
                break
    except zlib.error:
        pass
    return bytes(found)
