"""Which contract stands for each node of a joint command, where people name one of them.

A home may have several with the same joint clause: trainings over one file, one after the other.
"""

from collections.abc import Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from unseen.cli.failures import UsageError
from unseen.protocols.errors import UnseenError

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract
    from unseen.client.api import Client
    from unseen.evidence.contracts.joint import Joint

_MOST_TRIED: Final = 4096  # lists of contracts that are looked up among the trainings begun

Lists = Sequence[Sequence["Contract"]]


def chosen(
    clients: "Sequence[Client]", every: Lists, wanted: Sequence[str], clause: "Joint"
) -> list[str]:
    """Return the id of a contract for each client, out of what each has; `wanted` are named.

    Those that are named; else of those in force under the clause the ones that a training of
    this home was begun with; else the ones that stand as the first that is named does: with all
    steps done, or not.

    Raises:
        UsageError: a node has none, or several that nothing tells apart.

    """
    under = [under_clause(own, wanted, clause) for own in every]
    active = [_in_force(own, wanted) for own in under]
    # What has ended still shows what it came to, where nothing is in force in its place.
    found = _begun(clients, active if all(active) else under)
    if found is not None:
        return found
    first = next(each for own in every for each in own if each.id == wanted[0])
    done = used_up(first)
    return [
        only(client.profile.node.name, own, wanted, done=done)
        for client, own in zip(clients, under, strict=True)
    ]


def used_up(contract: "Contract") -> bool:
    """Return whether all steps of its training, or all units, are used."""
    from unseen.evidence.contracts.training.clause import steps_of, training_of

    terms = contract.terms
    try:
        spec = training_of(terms.parameters)
    except UnseenError:  # no library for vectors here
        spec = None
    enough = terms.quota.units if spec is None else len(steps_of(spec))
    return contract.units_used >= enough


def under_clause(
    own: "Sequence[Contract]", wanted: Sequence[str], clause: "Joint"
) -> "list[Contract]":
    """Return what is named of a node's contracts, or all with this clause."""
    from unseen.evidence.contracts.joint import joint_of

    named = [each for each in own if each.id in wanted]
    return named or [each for each in own if joint_of(each.terms.parameters) == clause]


def _begun(clients: "Sequence[Client]", under: Lists) -> list[str] | None:
    """Return the contracts of the one training that was begun in the first home, if it is one."""
    from unseen.client.joint.absorbed import begun

    names = [client.profile.node.name for client in clients]
    _, home = min(zip(names, [client.home for client in clients], strict=True), key=lambda x: x[0])
    found = []
    for each in islice(product(*under), _MOST_TRIED):
        ids = [contract.id for contract in each]
        if begun(home, dict(zip(names, ids, strict=True))):
            found.append(ids)
    return found[0] if len(found) == 1 else None


def only(name: str, under: "Sequence[Contract]", wanted: Sequence[str], *, done: bool) -> str:
    """Return the one contract with the node called `name`, out of those with the clause.

    Of several the one whose units are used up, if the first one's are (`done`), or else are not.
    """
    own = _in_force(under, wanted)
    if not own:
        raise _none_in_force(name, under)
    alike = [each for each in own if used_up(each) is done] if len(own) > 1 else own
    if len(alike) != 1:
        raise UsageError(
            f"{len(own)} contracts with {name} have this joint clause, each with a budget"
            f" of its own: {', '.join(each.id[:12] for each in own)}",
            clause="contract",
            remedy=f"name the one with {name}, too",
        )
    return alike[0].id


def _in_force(under: "Sequence[Contract]", wanted: Sequence[str]) -> "list[Contract]":
    """Return those that are named, or in force."""
    from unseen.evidence.contracts.states import State

    return [each for each in under if each.id in wanted or each.state is State.ACTIVE]


def _none_in_force(name: str, alike: "Sequence[Contract]") -> UsageError:
    """Return what to say where those with this joint clause are none, or not in force."""
    waiting = next((each for each in alike if each.lacking), None)
    if waiting is not None:
        buyer = waiting.lacking == ("buyer",)
        return UsageError(
            f"contract {waiting.id} with {name} has this joint clause, is"
            f" {waiting.state.value}, and waits for: {', '.join(waiting.lacking)}",
            clause="contract",
            remedy=f"sign it: unseen contract sign {waiting.id}"
            if buyer
            else f"have it signed first: unseen contract approve {waiting.id}",
        )
    states = ", ".join(f"{each.id} is {each.state.value}" for each in alike)
    beside = f": {states}" if states else ""
    return UsageError(
        f"no contract in force with {name} has the same joint clause{beside}",
        clause="joint",
        remedy="ask for one with the same file: unseen contract request PRODUCT --joint FILE",
    )
