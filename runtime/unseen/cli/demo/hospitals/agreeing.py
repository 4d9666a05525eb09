"""Six contracts: at each hospital one for the sum and one for the model, under joint clauses."""

from typing import TYPE_CHECKING, Any

from unseen.cli.demo.checks import check, there
from unseen.cli.demo.hospitals import script
from unseen.cli.demo.hospitals.cast import Scene
from unseen.cli.demo.hospitals.texts import headings, told
from unseen.cli.demo.stage import leak_rows

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract
    from unseen.evidence.contracts.joint import Joint

_SHOWN = 12  # letters of an id or a key


def agree(scene: Scene) -> dict[str, Any]:
    """Let the insurer ask, each operator read and sign, and the insurer sign."""
    screen = scene.screen
    screen.doing("agreeing")
    rows, clauses = [], {}
    for purpose in script.PURPOSES:
        found = {name: _contract(scene, name, purpose) for name in script.HOSPITALS}
        clauses[purpose] = _one_clause(found)
        rows += [
            (
                told(purpose),
                name,
                each.id[:_SHOWN],
                each.terms.quota.units,
                script.BUDGETS[purpose],
                ", ".join(sorted(each.approvals)),
            )
            for name, each in found.items()
        ]
        screen.tick()
    screen.section(told("agreed"))
    screen.table(headings("agreed.head"), rows)
    nodes, tasks = clauses[script.SUM].nodes, {n: c.task.hex() for n, c in clauses.items()}
    check(clauses[script.MODEL].nodes == nodes, "both clauses are over the same nodes")
    shown = {purpose: task[:_SHOWN] for purpose, task in tasks.items()}
    screen.say(told("agreed.clause", **shown, honest=clauses[script.SUM].honest))
    screen.facts([(node.name, f"Ed25519 {node.key.hex()[: 2 * _SHOWN]}...") for node in nodes])
    screen.say(told("agreed.leaks"))
    first = scene.hospitals[script.HOSPITALS[0]].contract(script.MODEL)
    screen.table(headings("leaks.head"), leak_rows(first.leakage, told))
    return {
        "contracts": {purpose: scene.contracts(purpose) for purpose in script.PURPOSES},
        "clauses": {purpose: clause.to_json() for purpose, clause in clauses.items()},
    }


def _contract(scene: Scene, name: str, purpose: str) -> "Contract":
    hospital = scene.hospitals[name]
    wished = scene.buyer.do("request", hospital=name, purpose=purpose)
    hospital.operator.approve(wished["id"])
    signed = scene.buyer.do("sign", hospital=name, contract=wished["id"])
    check(signed["state"] == "active", "a contract is in force once both have signed")
    hospital.contracts[purpose] = wished["id"]
    found = hospital.contract(purpose)
    signers = {"operator", "buyer"}
    check(signers <= {*found.approvals}, f"{name} and the insurer have signed, {found.approvals}")
    return found


def _one_clause(found: "dict[str, Contract]") -> "Joint":
    """Return the joint clause that all contracts hold."""
    from unseen.evidence.contracts.joint import joint_of

    clauses = [joint_of(each.terms.parameters) for each in found.values()]
    first = there(clauses[0], "a contract holds a joint clause")
    check(clauses == [first] * len(found), "all contracts hold the same joint clause")
    check(first.names == script.HOSPITALS, "the clause names all three hospitals")
    return first
