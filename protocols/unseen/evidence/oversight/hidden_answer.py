"""What opens the answer of a table that stays with its owner: shapes only, nothing yet believed.

One point of an opening whose contract is by `lwe_pir` holds, beside what any has, one `Answered`;
`hidden_table.py` checks it. Own format.
"""

from dataclasses import dataclass, field
from typing import Self

from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.errors import OpeningInvalidError
from unseen.evidence.fields import Checker
from unseen.evidence.suite import DIGEST_BYTES
from unseen.protocols.lookup.lwe_pir.seeds import SEED_BYTES

_CHECK = Checker(OpeningInvalidError, "opening")
_FIELDS = ("seed", "query", "part", "block", "answer", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A query and what came of it.

    `seed` (32 bytes) gives the query, and `query` is the path of the query's hash to the root of
    queries. `part` is what the subject's block gave of the answer, `block` its path to the root
    `answer` over the blocks, and `path` that root's to the root of answers.
    """

    seed: bytes = field(repr=False)
    query: tuple[bytes, ...] = field(repr=False)
    part: bytes = field(repr=False)
    block: tuple[bytes, ...] = field(repr=False)
    answer: bytes = field(repr=False)
    path: tuple[bytes, ...] = field(repr=False)

    def to_json(self) -> dict[str, Json]:
        """Return the object that a bundle has for it."""
        return {
            "seed": b64encode(self.seed),
            "query": b64encode(b"".join(self.query)),
            "part": b64encode(self.part),
            "block": b64encode(b"".join(self.block)),
            "answer": b64encode(self.answer),
            "path": b64encode(b"".join(self.path)),
        }

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return what `to_json` gives `value` for.

        Raises:
            OpeningInvalidError: a field is missing, not known or of another type or size.

        """
        entry = _CHECK.take(value, _FIELDS, "answered")
        seed, answer = (
            _CHECK.unb64(f"answered.{name}", entry[name]) for name in ("seed", "answer")
        )
        _CHECK.octets("answered.seed", seed, SEED_BYTES)
        _CHECK.octets("answered.answer", answer, DIGEST_BYTES)
        return cls(
            seed=seed,
            query=_CHECK.hashes("answered.query", entry["query"]),
            part=_CHECK.unb64("answered.part", entry["part"]),
            block=_CHECK.hashes("answered.block", entry["block"]),
            answer=answer,
            path=_CHECK.hashes("answered.path", entry["path"]),
        )
