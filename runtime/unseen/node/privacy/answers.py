"""Answers that are given again: the same question over the same rows yields the same noise.

Asking again would otherwise average the noise away, at a price; given again, an answer says
nothing new, so it costs a unit of the contract and no privacy. A contract that did not pay for it
gets it within its own budget: to this buyer it is new. It lies in the store under the
vault and passes the gate anew, since its type may have been switched off since.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from unseen.evidence.canonical import b64encode
from unseen.node.jobs import frames
from unseen.node.privacy.charging import Ledger
from unseen.node.privacy.spend import Spend
from unseen.node.release.gate import Held, Refused, Released, again, release
from unseen.node.release.register import refused
from unseen.node.store.schema_privacy import privacy_answers
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.node.context import Node
    from unseen.node.contracts.register import Contract
    from unseen.node.identity.vault import Vault
    from unseen.node.release.facts import Facts
    from unseen.node.release.gate import Ask


@dataclass(frozen=True, slots=True)
class Known:
    """A stored answer: its parts, the snapshot (32 bytes) it was computed from, what it costs."""

    parts: tuple[bytes, ...] = field(repr=False)
    snapshot: bytes
    spend: Spend


@dataclass(frozen=True, slots=True)
class _Look:
    contract: "Contract"
    privacy: Spend


def look(node: "Node", contract: "Contract", spend: Spend) -> Known | None:
    """Return the stored answer to a question, or None if one may be computed at its cost.

    Asked before the work, to save it; the charge asks once more, and for good.

    Raises:
        PrivacyBudgetSpentError: a table's ledger, or the contract's budget, has less left.
        PrivacyBudgetMissingError: a table or the contract has no budget.
        PartitionPinnedError: the table is shown exactly in another partition already.

    """
    connection = node.reader.connection
    ledger = Ledger.read(connection, [_Look(contract, spend)])
    if ledger.answer(spend) is not None:
        if error := ledger.against_known(contract, spend):
            raise error
        key = b64encode(spend.answer)
        row = connection.execute(select(privacy_answers).where(privacy_answers.c.key == key)).one()
        parts = _open(node.vault, spend, row.sealed_reply)
        return Known(parts, row.snapshot, replace(spend, known=True))
    error = ledger.against(contract, spend)
    if error is not None:
        raise error
    return None


def leave(
    node: "Node", ask: "Ask", parts: Sequence[bytes], spend: Spend | None, facts: "Facts | None"
) -> Released | Held | Refused:
    """Return what the gate makes of a reply, be it new or known."""
    standing = node.releases.standing(ask.contract, ask.type)
    if spend is not None and spend.known:
        return again(ask, parts, standing)
    return release(ask, parts, standing, facts)


def seal_answer(node: "Node", spend: Spend | None, released: Released) -> bytes:
    """Return a new answer as it is kept to be given again; empty if it is not."""
    if spend is None or spend.known or not spend.answer:
        return b""
    return node.vault.seal(_place(spend), frames.pack(released.parts))


def let_again(
    node: "Node", ask: "Ask", spend: Spend | None
) -> Callable[[bytes], Released | UnseenError] | None:
    """Return what lets out an answer that was stored while this one was computed.

    It is called on the writer's thread: it reads no state but what it was made with.
    """
    if spend is None or not spend.answer:
        return None
    standing, vault = node.releases.standing(ask.contract), node.vault

    def open_again(sealed: bytes) -> Released | UnseenError:
        try:
            parts = _open(vault, spend, sealed)
        except UnseenError as error:  # it concerns this charge alone, not the others of its group
            return error
        outcome = again(ask, parts, standing)
        return outcome if isinstance(outcome, Released) else refused()

    return open_again


def _open(vault: "Vault", spend: Spend, sealed: bytes) -> tuple[bytes, ...]:
    return tuple(frames.unpack(vault.open(_place(spend), sealed)))


def _place(spend: Spend) -> str:
    return f"answer/{b64encode(spend.answer)}"
