"""The register of consents: what hubs hand over, checked in workers, written in transactions.

A withdrawal counts from its transaction on. Consents and delegations are taken from the hub whose
key their chain begins with; withdrawals of anything from any hub, since they can only narrow
what is permitted, and a hub may have been cut off.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from unseen.evidence import canonical, jws
from unseen.evidence.canonical import Json, b64encode, format_time
from unseen.evidence.consents.consent import (
    Target,
    Withdrawal,
    read_consent,
    read_withdrawal,
    verify_withdrawal,
)
from unseen.evidence.consents.delegation import MAX_LINKS, read_delegation, verify_chain
from unseen.evidence.contracts.plan import columns_to_json
from unseen.evidence.errors import (
    CanonicalError,
    ConsentExpiredError,
    ConsentInvalidError,
    DelegationInvalidError,
    SignatureInvalidError,
    SuiteUnknownError,
)
from unseen.evidence.suite import key_id, suite_of
from unseen.node.consent import rotation
from unseen.node.consent.admission import token_name
from unseen.node.consent.changes import (
    CHUNK,
    DELEGATION,
    EndConsents,
    EndDelegation,
    Entry,
    PutConsents,
    PutDelegation,
    taken_back,
)
from unseen.node.consent.tree import MakeTree, Root, TreeKeys, load_keys, newest_root, open_secret
from unseen.node.context import Node
from unseen.node.errors import (
    ConsentNotFoundError,
    ConsentScopeError,
    DelegationNotFoundError,
    FieldInvalidError,
    PartyNotFoundError,
    TableNotFoundError,
)
from unseen.node.identity.parties import Caller, Party
from unseen.node.identity.rights import Role
from unseen.node.jobs import frames
from unseen.node.store.schema_consent import consents, delegations
from unseen.protocols.errors import SubjectInvalidError, UnseenError

SLICE = 32  # documents a worker checks at once: a buyer's question waits no longer than that
_ERRORS: dict[str, type[UnseenError]] = {
    kind.reason: kind
    for kind in (
        CanonicalError,
        ConsentExpiredError,
        ConsentInvalidError,
        DelegationInvalidError,
        SignatureInvalidError,
        SubjectInvalidError,
        SuiteUnknownError,
    )
}


async def tree_of(node: Node) -> TreeKeys:
    """Return the tree's keys; the first who asks has them made, and an empty root logged."""
    if node.consents.tree is None:
        async with node.consents.making:
            if node.consents.tree is None:
                await node.writer.submit(MakeTree(node.vault, node.suite, node.key_id))
                with node.engine.connect() as connection:
                    found = load_keys(connection, node.vault, node.suite, node.key_id)
                node.consents.tree = found
    tree = node.consents.tree
    if tree is None:  # unreachable: it was made, or the writer raised
        raise FieldInvalidError("there is no tree of consents", clause="consent")
    return tree


async def add(node: Node, caller: Caller, token: str) -> tuple[str, Root]:
    """Take one consent; return its id and the root that holds it.

    Raises:
        UnseenError: why it cannot be taken; nothing was written.

    """
    tree = await tree_of(node)
    (entry,) = await checked(node, caller, [token])
    if isinstance(entry, UnseenError):
        raise entry
    root = await node.writer.submit(PutConsents(tree, (entry,)))
    return entry.id, root


async def withdraw(node: Node, caller: Caller, token: str) -> Root:
    """Take back one consent; return the root without it. A second withdrawal changes nothing.

    Raises:
        ConsentNotFoundError: no such consent.
        ConsentInvalidError: the withdrawal is malformed or by nobody who may.

    """
    tree = await tree_of(node)
    name, target = target_of(token)
    if target != "consent":
        raise FieldInvalidError("this takes back a delegation, not a consent", clause="withdrawal")
    keys = withdrawal_keys(node, caller, name)
    verify_withdrawal(token, node.suite, keys)
    return await end(node, tree, {name: token})


async def end(node: Node, tree: TreeKeys, tokens: Mapping[str, str], cause: str = "") -> Root:
    """End consents by id, write the root, and see to the tables that still hold their rows."""
    change = EndConsents(tree, tokens, cause) if cause else EndConsents(tree, tokens)
    root = await node.writer.submit(change)
    rotation.note_ended(node, uses_of(node, tokens))
    return root or newest_root(node.reader.connection)


async def delegate(node: Node, caller: Caller, token: str, parent: str) -> str:
    """Take a delegation made by a hub's own key, or under the delegation `parent`; return its id.

    Raises:
        DelegationInvalidError: the chain does not hold.
        DelegationNotFoundError: there is no such parent.
        DelegationWithdrawnError: it was taken back.

    """
    tree = await tree_of(node)
    hub = _party(node, caller.party)
    above = chain_ids(node, parent) if parent else ()
    if len(above) >= MAX_LINKS:
        raise DelegationInvalidError(f"delegation: links exceed {MAX_LINKS}", clause="links")
    tokens = chain_tokens(node, tree, above)
    links = verify_chain([*tokens, token], suite_of(hub.suite), hub.key, node.clock.now())
    name = b64encode(links[-1].id())
    row = {
        "id": name,
        "parent": parent,
        "hub": hub.name,
        "until": format_time(links[-1].until),
        "sealed_token": tree.sealer.seal(token_name(name), token.encode()),
    }
    await node.writer.submit(PutDelegation(row))
    return name


async def withdraw_delegation(node: Node, caller: Caller, token: str) -> Root:
    """Take back a delegation, all under it and, if it says so, what was consented to under them.

    Raises:
        DelegationNotFoundError: no such delegation.
        ConsentInvalidError: the withdrawal is malformed or by nobody who may.

    """
    tree = await tree_of(node)
    name, target = target_of(token)
    if target != "delegation":
        raise FieldInvalidError("this takes back a consent, not a delegation", clause="withdrawal")
    ids = chain_ids(node, name)
    keys = _hub_keys(node, caller, _delegation_hub(node, name))
    links = [read_delegation(link) for link in unsealed_chain(node, tree, ids[:-1])]
    keys |= {link.key_id: link.key for link in links}
    withdrawal = verify_withdrawal(token, node.suite, keys)
    ended = await node.writer.submit(EndDelegation(name, token, withdrawal.consents))
    if withdrawal.consents:
        await _end_under(node, tree, ended, token)
    return newest_root(node.reader.connection)


async def _end_under(node: Node, tree: TreeKeys, ended: Sequence[str], token: str) -> None:
    """End what was given under delegations, chunk by chunk; it counts no more already."""
    under = select(consents.c.id).where(
        consents.c.delegation.in_(ended), consents.c.ended.is_(None)
    )
    while found := list(node.reader.connection.execute(under.limit(CHUNK)).scalars()):
        await end(node, tree, dict.fromkeys(found, token), DELEGATION)


async def finish_withdrawals(node: Node) -> None:
    """End what a withdrawn delegation should have ended when the node stopped in between."""
    if node.consents.tree is None:
        return
    left = select(delegations.c.id, delegations.c.withdrawal).where(
        delegations.c.ends_consents == 1,
        delegations.c.id.in_(select(consents.c.delegation).where(consents.c.ended.is_(None))),
    )
    for row in node.reader.connection.execute(left).all():
        await _end_under(node, node.consents.tree, [row.id], row.withdrawal)


async def checked(node: Node, caller: Caller, tokens: Sequence[str]) -> list[Entry | UnseenError]:
    """Return for each token, in order, the entry for the register or why it cannot be taken."""
    tree = await tree_of(node)
    hub = _party(node, caller.party)
    found: dict[int, Entry | UnseenError] = {}
    parts: list[bytes] = []
    sent: list[int] = []
    for place, token in enumerate(tokens):
        try:
            chain = chain_tokens(node, tree, _claimed_chain(token))
        except UnseenError as error:
            found[place] = error
        else:
            sent.append(place)
            parts.append(frames.pack([part.encode() for part in (token, *chain)]))
    desk: dict[str, Json] = {
        "suite": hub.suite,
        "hub_key": b64encode(hub.key),
        "at": format_time(node.clock.now()),
    }
    keys = [tree.key.scalar, open_secret(node.reader.connection, node.vault)]
    for start in range(0, len(sent), SLICE):
        part = parts[start : start + SLICE]
        answers = await node.executor.run("admit_consents", [canonical.encode(desk), *keys, *part])
        for place, answer in zip(sent[start : start + SLICE], answers, strict=True):
            found[place] = _entry(node, hub.name, canonical.decode(answer))
    return [found[place] for place in range(len(tokens))]


def _entry(node: Node, hub: str, body: Any) -> Entry | UnseenError:
    if "error" in body:
        told = body["error"]
        kind = _ERRORS.get(told["reason"], ConsentInvalidError)
        return kind(told["message"], clause=told["clause"])
    try:
        check_scope(node, body)
    except ConsentScopeError as error:
        return error
    return Entry(hub, body)


def check_scope(node: Node, body: Mapping[str, Any]) -> None:
    """Return if recipient, table, subject columns and products are ones this node knows.

    Raises:
        ConsentScopeError: names the first that is not.

    """
    buyers = (p.key_id for p in node.parties.all() if p.role is Role.BUYER and not p.revoked)
    if body["recipient"] not in buyers:
        raise _out_of_scope("recipient", "is no buyer of this node")
    try:
        table = node.catalogue.table(body["table"])
    except TableNotFoundError:
        raise _out_of_scope("table", "is none of this node's") from None
    if columns_to_json(table.subject) != body["columns"]:
        raise _out_of_scope("subject", "does not have the table's subject columns, in their order")
    offered = {p.name for p in node.catalogue.products() if p.table == table.name}
    if not set(body["products"]) <= offered:
        raise _out_of_scope("products", "are not all offered over the table")


def _out_of_scope(field: str, why: str) -> ConsentScopeError:
    return ConsentScopeError(
        f"consent: {field} {why}", clause=f"consent.{field}", remedy="see: unseen product list"
    )


def target_of(token: str) -> tuple[str, Target]:
    """Return the id of what a withdrawal takes back, and which of the two it is."""
    withdrawal: Withdrawal = read_withdrawal(token)
    return b64encode(withdrawal.id), withdrawal.target


def withdrawal_keys(node: Node, caller: Caller, consent: str) -> dict[str, bytes]:
    """Return the keys, by name, of all who may take a consent back.

    Raises:
        ConsentNotFoundError: no such consent.

    """
    tree = node.consents.tree
    row = node.reader.connection.execute(
        select(consents.c.hub, consents.c.sealed_token).where(consents.c.id == consent)
    ).one_or_none()
    if row is None or tree is None:
        raise ConsentNotFoundError(
            "no consent of this id",
            clause="consent.id",
            remedy="see: unseen consent show TABLE SUBJECT",
        )
    token = tree.sealer.open(token_name(consent), row.sealed_token).decode()
    chain = unsealed_chain(node, tree, [b64encode(link) for link in read_consent(token).chain])
    keys = {link.key_id: link.key for link in map(read_delegation, chain)}
    return keys | _hub_keys(node, caller, row.hub)


def uses_of(node: Node, ids: Iterable[str]) -> set[tuple[str, str, str]]:
    """Return (recipient, scenario, table) of consents, each once."""
    found = select(consents.c.recipient, consents.c.scenario, consents.c.table_name).where(
        consents.c.id.in_(list(ids))
    )
    rows = node.reader.connection.execute(found.distinct())
    return {(row.recipient, row.scenario, row.table_name) for row in rows}


def chain_ids(node: Node, last: str) -> tuple[str, ...]:
    """Return the ids of the chain that ends with the delegation `last`, from the hub on.

    Raises:
        DelegationNotFoundError: no such delegation.

    """
    found: list[str] = []
    while last and len(found) <= MAX_LINKS:
        parent = node.reader.connection.execute(
            select(delegations.c.parent).where(delegations.c.id == last)
        ).scalar_one_or_none()
        if parent is None:
            raise _no_delegation()
        found.append(last)
        last = parent
    return tuple(reversed(found))


def chain_tokens(node: Node, tree: TreeKeys, ids: Sequence[str]) -> list[str]:
    """Return the delegations of a chain as they were signed, if none was taken back.

    Raises:
        DelegationNotFoundError: one is not known.
        DelegationWithdrawnError: one was taken back.

    """
    if not ids:
        return []
    gone = select(delegations.c.id).where(
        delegations.c.id.in_(list(ids)), delegations.c.withdrawn_at.is_not(None)
    )
    if node.reader.connection.execute(gone.limit(1)).first():
        raise taken_back()
    return unsealed_chain(node, tree, ids)


def unsealed_chain(node: Node, tree: TreeKeys, ids: Sequence[str]) -> list[str]:
    """Return delegations by id as they were signed, whether or not they were taken back since."""
    rows = node.reader.connection.execute(
        select(delegations.c.id, delegations.c.sealed_token).where(delegations.c.id.in_(list(ids)))
    )
    sealed = {row.id: row.sealed_token for row in rows}
    if len(sealed) < len(ids):
        raise _no_delegation()
    return [tree.sealer.open(token_name(name), sealed[name]).decode() for name in ids]


def _claimed_chain(token: str) -> list[str]:
    """Return the ids of the delegations that a consent names; nothing is verified."""
    payload = jws.peek(token).payload
    chain = payload.get("chain") if isinstance(payload, dict) else None
    if not isinstance(chain, list) or not all(isinstance(link, str) for link in chain):
        raise ConsentInvalidError("consent: chain is not a list of texts", clause="chain")
    if len(chain) > MAX_LINKS:
        raise ConsentInvalidError(f"consent: chain exceeds {MAX_LINKS} links", clause="chain")
    return [str(link) for link in chain]


def _delegation_hub(node: Node, name: str) -> str:
    hub: str = node.reader.connection.execute(
        select(delegations.c.hub).where(delegations.c.id == name)
    ).scalar_one()
    return hub


def _hub_keys(node: Node, caller: Caller, hub: str) -> dict[str, bytes]:
    """Return the keys of the hub that handed something over, and of the one that calls."""
    found = (node.parties.get(name) for name in {caller.party, hub})
    return {key_id(suite_of(p.suite), p.key): p.key for p in found if p is not None}


def _no_delegation() -> DelegationNotFoundError:
    return DelegationNotFoundError(
        "no delegation of this id",
        clause="delegation.id",
        remedy="hand it over first: unseen consent delegate",
    )


def _party(node: Node, name: str) -> Party:
    party = node.parties.get(name)
    if party is None:
        raise PartyNotFoundError("the hub is not enrolled", clause="party")
    return party
