"""What the two sides of an objection do, each step checked before it is written down."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.oversight.objection import (
    TEXT_BYTES,
    Answered,
    Closed,
    Opened,
    commit_words,
    verify_document,
)
from unseen.evidence.oversight.objections import (
    Objection,
    advance,
    check_credit,
    check_opener,
    follow,
)
from unseen.evidence.releases.request import MAX_REQUEST_AGE
from unseen.evidence.suite import suite_of
from unseen.node.context import Node
from unseen.node.contracts.register import Contract
from unseen.node.contracts.viewing import visible
from unseen.node.errors import (
    ContractNotActiveError,
    FieldInvalidError,
    OverloadedError,
    ReleaseNotFoundError,
    RequestOutdatedError,
)
from unseen.node.identity.parties import Caller
from unseen.node.identity.rights import Role
from unseen.node.objections import register
from unseen.node.objections.register import (
    PutLater,
    PutOpened,
    Standing,
    Words,
    no_objection,
    seal_words,
)
from unseen.node.store.schema import charges, snapshots
from unseen.node.store.schema_openings import objections

_MAX_OBJECTIONS = 1000  # of one party under one contract


def seen(node: Node, who: Caller, identifier: str) -> Standing:
    """Return an objection that the caller may see.

    Raises:
        ObjectionNotFoundError: none of this id, or one the caller may not see: look the same.

    """
    standing = register.find(node.engine, identifier)
    if not _may_see(node, who, standing):
        raise no_objection()
    return standing


def listed(node: Node, who: Caller, contract: str, after: str = "") -> Iterator[Standing]:
    """Yield, by id and behind the id `after`, the objections that the caller may see.

    Under one contract if given. Each is read when it is asked for.
    """
    only = register.Only(
        contract=contract,
        by=who.party if who.role is Role.HUB else "",
        buyer=who.party if who.role is Role.BUYER else "",
        after=after,
    )
    for one in register.listed(node.engine, only):
        if _may_see(node, who, one):
            yield one


def sides(node: Node, contract: Contract) -> dict[str, bytes]:
    """Return the public keys of those who may have a say under a contract, by their names."""
    named = (contract.terms.operator, contract.terms.buyer)
    parties = (p for p in node.parties.all() if p.key_id in named or p.role is Role.HUB)
    return {party.key_id: party.key for party in parties}


async def open_objection(
    node: Node, who: Caller, identifier: str, token: str, words: Words
) -> Standing:
    """Take an objection against a release, or against a contract as a whole.

    Raises:
        ContractNotFoundError: no such contract that the caller may object under.
        ContractNotActiveError: it was never in force.
        ReleaseNotFoundError: no release of this request under it.
        ObjectionInvalidError, SignatureInvalidError: malformed, or not the caller's.

    """
    contract = _contract(node, who, identifier)
    if "buyer" not in contract.approvals:
        raise ContractNotActiveError(
            "the contract was never in force",
            clause="state",
            remedy="whoever has not signed it need not: unseen contract revoke ID",
        )
    document = verify_document(token, sides(node, contract))
    if not isinstance(document, Opened) or document.by != _own_key(node, who):
        raise FieldInvalidError("not an objection of the caller's own", clause="objection.by")
    check_opener(document, contract.terms)
    if document.role != who.role.value:
        raise FieldInvalidError("the caller has another role", clause="objection.role")
    _check_time(node.clock.now(), document.opened_at)
    _check_words(document.words, contract.terms, words)
    if document.request:
        _release_units(node, contract, document.request)
    _check_number(node, who, contract)
    suite = suite_of(contract.terms.suite)
    name = b64encode(suite.digest(token.encode()))
    sealed = seal_words(node.vault, f"{name}/opened", words)
    change = PutOpened(suite, contract.id, who.party, token, document, sealed)
    return await node.writer.submit(change)


async def answer(node: Node, who: Caller, standing: Standing, token: str, words: Words) -> Standing:
    """Take the other side's answer.

    Raises:
        ObjectionInvalidError, SignatureInvalidError: out of turn, or not the other side's, or it
            credits more than the release cost.
        FieldInvalidError: it corrects to what the node does not have.

    """
    contract = node.contracts.get(standing.contract)
    before, document = _next(node, who, contract, standing, token)
    if not isinstance(document, Answered):
        raise FieldInvalidError("not an answer", clause="objection.type")
    _check_words(document.words, contract.terms, words)
    if document.credit is not None:
        request = before.opened.request
        units = _release_units(node, contract, request) if request else contract.units_used
        check_credit(document.credit, contract.terms, units)
    if document.correction is not None:
        _check_correction(node, contract, document)
    sealed = seal_words(node.vault, f"{standing.id}/answered", words)
    return await _put(node, who, contract, standing, token, document, sealed)


async def close(node: Node, who: Caller, standing: Standing, token: str) -> Standing:
    """Take the opener's last word.

    Raises:
        ObjectionInvalidError, SignatureInvalidError: out of turn, or not the opener's.

    """
    contract = node.contracts.get(standing.contract)
    _, document = _next(node, who, contract, standing, token)
    if not isinstance(document, Closed):
        raise FieldInvalidError("not a close", clause="objection.type")
    return await _put(node, who, contract, standing, token, document, b"")


def is_side(node: Node, who: Caller, standing: Standing) -> bool:
    """Return whether the caller is one of the two sides, and so may read their words."""
    if who.party == standing.by or who.role is Role.OPERATOR:
        return True
    opener = node.parties.get(standing.by)
    buyer = node.contracts.get(standing.contract).buyer
    return who.party == buyer and opener is not None and opener.role is Role.OPERATOR


async def _put(
    node: Node,
    who: Caller,
    contract: Contract,
    standing: Standing,
    token: str,
    document: Answered | Closed,
    words: bytes,
) -> Standing:
    change = PutLater(
        suite_of(contract.terms.suite),
        standing.tokens,
        standing.id,
        who.party,
        token,
        document,
        words,
    )
    return await node.writer.submit(change)


def _next(
    node: Node, who: Caller, contract: Contract, standing: Standing, token: str
) -> tuple[Objection, Answered | Closed]:
    """Return what stands, and the document that `token` is, if it may follow now."""
    keys = sides(node, contract)
    document = verify_document(token, keys)
    if isinstance(document, Opened) or document.by != _own_key(node, who):
        raise FieldInvalidError("not a document of the caller's own", clause="objection.by")
    (before,) = follow(standing.tokens, contract.terms, keys)
    if token not in standing.tokens:  # a retry is no second step
        advance(before, document, contract.terms)
        signed = document.answered_at if isinstance(document, Answered) else document.closed_at
        _check_time(node.clock.now(), signed)
    return before, document


def _may_see(node: Node, who: Caller, standing: Standing) -> bool:
    opener = node.parties.get(standing.by)
    if opener is not None and opener.role is Role.HUB and who.role is Role.BUYER:
        return False  # who objects to a buyer's question is somebody it asked about
    if who.role is Role.HUB:
        return who.party == standing.by
    return visible(node, who, node.contracts.get(standing.contract))


def _contract(node: Node, who: Caller, identifier: str) -> Contract:
    own = who.party if who.role is Role.BUYER else None
    return node.contracts.get(identifier, buyer=own)


def _own_key(node: Node, who: Caller) -> str:
    party = node.parties.get(who.party)
    return "" if party is None else party.key_id


def _check_time(now: datetime, signed: datetime) -> None:
    if abs(now - signed) > MAX_REQUEST_AGE:
        raise RequestOutdatedError(
            "the document was signed too long before, or after, the node's time",
            clause="objection.time",
            remedy="set the clock right and sign it anew",
        )


def _check_words(committed: bytes, terms: Terms, words: Words) -> None:
    if len(words.text.encode("utf-8", "replace")) > TEXT_BYTES or not words.text:
        raise FieldInvalidError(f"the words have 1 to {TEXT_BYTES} bytes", clause="words")
    suite = suite_of(terms.suite)
    if len(words.nonce) != 32 or commit_words(suite, words.nonce, words.text) != committed:
        raise FieldInvalidError("the document commits to other words", clause="words")


def _release_units(node: Node, contract: Contract, request: str) -> int:
    with node.engine.connect() as connection:
        units = connection.execute(
            select(charges.c.units).where(
                charges.c.contract == contract.id, charges.c.request == request
            )
        ).scalar_one_or_none()
    if units is None:
        raise ReleaseNotFoundError(
            "no release of this request under the contract",
            clause="objection.request",
            remedy="see what was released: unseen receipt list",
        )
    return int(units)


def _check_number(node: Node, who: Caller, contract: Contract) -> None:
    with node.engine.connect() as connection:
        own = connection.execute(
            select(objections.c.id)
            .where(objections.c.contract == contract.id, objections.c.by == who.party)
            .limit(_MAX_OBJECTIONS)
        ).all()
    if len(own) >= _MAX_OBJECTIONS:
        raise OverloadedError(
            f"{_MAX_OBJECTIONS} objections of this party stand under the contract",
            clause="objections",
            remedy="object to the contract as a whole, in one of them",
        )


def _check_correction(node: Node, contract: Contract, document: Answered) -> None:
    correction = document.correction
    if correction is None:
        return
    with node.engine.connect() as connection:
        version = connection.execute(
            select(snapshots.c.version).where(
                snapshots.c.table_name == contract.terms.table,
                snapshots.c.commitment == b64encode(correction.snapshot),
            )
        ).scalar_one_or_none()
    if version is None:
        raise FieldInvalidError(
            "the table of the contract has no such snapshot",
            clause="correction.snapshot",
            remedy="commit to the corrected rows first: unseen table refresh NAME",
        )
