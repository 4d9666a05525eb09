"""What one release costs in privacy, as the kind that computed it says; charged with the release.

zCDP: rho adds up over releases about the same people (Bun and Steinke 2016, lemma 1.7), whoever
asks. That the noise of an answer is what its rho says, only the kind can know.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64decode, b64encode
from unseen.evidence.contracts.privacy import UNITS, charged_units
from unseen.evidence.suite import DIGEST_BYTES, suite_of
from unseen.node.contracts.register import Contract
from unseen.node.errors import InternalError
from unseen.protocols.dp.exact import Exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The one exact partition of a table: its digest (32 bytes), and the snapshot's version."""

    table: str
    partition: bytes
    version: int

    def __post_init__(self) -> None:
        """Check the digest's length."""
        if len(self.partition) != DIGEST_BYTES:
            raise InternalError("a partition is named by 32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What a release costs: `rho`, 0 for what is exact. The tables follow from the contract.

    `answer` names the question over its rows (`answer_key`, 32 bytes; empty: never given again):
    while an answer of this name is stored, it is what leaves, and it costs nothing. `pins` are the
    partitions that an exact answer shows, one for each table. `known` says that the reply is the
    stored answer, read before anything was computed.
    """

    rho: Exact
    answer: bytes = field(default=b"", repr=False)
    pins: tuple[Pin, ...] = ()
    known: bool = False

    def __post_init__(self) -> None:
        """Check the cost and the name.

        Raises:
            InputInvalidError: rho is a float or below zero.
            InternalError: the name has another length, or an answer is known that has none.

        """
        charged_units(self.rho)
        if len(self.answer) not in (0, DIGEST_BYTES) or (self.known and not self.answer):
            raise InternalError("an answer that is given again is named by 32 bytes")

    @property
    def units(self) -> int:
        """Return what it costs in units of 10^-12 of rho, as the leaf says it."""
        return charged_units(self.rho)

    def to_text(self) -> str:
        """Return it as it is kept with a reply that waits for a person."""
        body: dict[str, Json] = {
            "units": str(self.units),  # a cost may be beyond all numbers of JSON
            "answer": b64encode(self.answer),
            "pins": [[pin.table, b64encode(pin.partition), pin.version] for pin in self.pins],
            "known": self.known,
        }
        return canonical.encode(body).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return what `to_text` gives `text` for."""
        body: dict[str, canonical.Json] = dict(canonical.decode(text.encode()))  # type: ignore[arg-type]
        pins: list[list[str | int]] = body["pins"]  # type: ignore[assignment]
        return cls(
            rho=Fraction(int(str(body["units"])), UNITS),
            answer=b64decode(str(body["answer"])),
            pins=tuple(
                Pin(table=str(table), partition=b64decode(str(digest)), version=int(version))
                for table, digest, version in pins
            ),
            known=body["known"] is True,
        )


def answer_key(contract: Contract, question: bytes, *rows: bytes) -> bytes:
    """Return the name of a question over its rows, 32 bytes: equal only where answers are one.

    `question` is its canonical form; `rows` are digests of what chose the rows: the snapshot of
    each table, the root of consents, the scenario. Product, group and menu are the contract's, so
    contracts whose menus differ share no answers: each pays for its own noise.
    """
    terms = contract.terms
    body: dict[str, Json] = {
        "type": "answer",
        "product": b64encode(terms.product_digest),
        "table": terms.table,
        "kind": terms.kind,
        "group": contract.plan.group,
        "parameters": dict(terms.parameters),
        "question": b64encode(question),
        "rows": [b64encode(part) for part in rows],
    }
    return suite_of(terms.suite).digest(canonical.encode(body))
