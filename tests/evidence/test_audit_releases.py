"""The audit of exports: epochs, and what was released under them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.auditing import LEAVES, Case, case, event, event_of, hidden, made, object_of
from tests.evidence.test_manifest import HIDDEN

from unseen.bench.ledger import ORIGIN, START
from unseen.evidence import canonical
from unseen.evidence.audit.export import DOCUMENTS
from unseen.evidence.canonical import b64encode
from unseen.evidence.registry.handover import Handover, sign_handover
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import Manifest, sign_manifest
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, signer_id

__all__ = ["case"]


def test_a_manifest_is_the_leafs(case: Case) -> None:
    at = case.place("manifest.published")
    case.edit(at, root=b64encode(bytes(32)))
    assert (at, "epoch.manifest") in case.rules()
    case.edit(at, manifest=b64encode(bytes(32)))
    assert (at, "document.missing") in case.rules()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"outputs": ("overdue", "other")}, "epoch.terms"),
        ({"until": START + timedelta(days=61)}, "epoch.terms"),
        (HIDDEN, "epoch.terms"),  # as if a table stayed that is sent
        ({"snapshot": bytes(32)}, "epoch.snapshot"),
        ({"epoch": 2}, ""),
    ],
)
def test_a_manifest_is_the_contracts(case: Case, changes: dict[str, Any], rule: str) -> None:
    at = case.place("manifest.published")
    _publish(case, at, **changes)
    found = {name for _, name in case.rules() if name.startswith("epoch.")}
    assert found == ({rule} if rule else set())


def _publish(case: Case, at: int, *, insert: bool = False, **changes: Any) -> None:
    """Have the node sign the manifest at `at` with changes, in its place or after it."""
    lines = [object_of(line) for line in case.files[DOCUMENTS].splitlines()]
    old = next(line for line in lines if line["index"] == at and line["kind"] == "manifest")
    payload = canonical.decode(canonical.b64decode(old["body"].split(".")[1]))
    manifest = replace(Manifest.from_json(payload), **changes)
    place = at + 1 if insert else at
    if not insert:
        lines.remove(old)
        case.files[DOCUMENTS] = b"".join(canonical.encode(line) + b"\n" for line in lines)
    case.document(place, "manifest", sign_manifest(case.ledger.node, manifest))
    leaf = case.log[at] | {
        "epoch": manifest.epoch,
        "manifest": b64encode(manifest.id()),
        "snapshot": b64encode(manifest.snapshot),
    }
    if insert:
        case.insert(place, leaf)
    else:
        case.edit(at, **leaf)


def test_epochs_follow_each_other(case: Case) -> None:
    at = case.place("manifest.published")
    _publish(case, at, insert=True, nonce=bytes(32))
    assert {(at + 1, "epoch.number"), (at + 1, "epoch.open")} <= case.rules()


def test_an_epoch_is_of_a_contract_in_force(case: Case) -> None:
    at = case.place("contract.revoked")
    contract = case.log[at]["contract"]
    begin = case.place("manifest.published", contract=contract)
    log = case.log
    log[at], log[begin] = log[begin], log[at]
    case.write(log)
    assert (at, "epoch.contract") in case.rules()


def test_an_epoch_closes_once(case: Case) -> None:
    at = case.place("epoch.closed")
    case.insert(at + 1, case.log[at])
    assert case.rules() == {(at + 1, "epoch.closed")}
    case.edit(at, epoch="one")
    assert (at, "epoch.closed") in case.rules()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"plan": b64encode(bytes(32))}, "release.plan"),
        ({"leakage": b64encode(bytes(32))}, "release.leakage"),
        ({"snapshot": b64encode(bytes(32))}, "release.snapshot"),
        ({"instance": b64encode(bytes(32))}, "release.instance"),
        ({"total": 1_000_000}, "release.total"),
        ({"total": 1_000_000}, "release.quota"),
        ({"signature": b64encode(bytes(64))}, "release.signature"),
        ({"consent_root": b64encode(bytes(32))}, "release.consent"),
        ({"since": 3}, "release.since"),
        ({"billed": 1}, "release.billed"),
        ({"review": b64encode(bytes(32))}, "release.review"),
        ({"time": "2026-06-01T00:00:00Z"}, "release.period"),
        ({"time": "2026-06-01T00:00:00Z"}, "release.window"),
    ],
)
def test_a_release_is_as_the_contract_says(case: Case, changes: dict[str, Any], rule: str) -> None:
    at = hidden(case)
    case.edit(at, **changes)
    assert (at, rule) in case.rules()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"kind": "verify"}, "release.kind"),
        ({"epoch": 7}, "release.epoch"),
        ({"manifest": b64encode(bytes(32))}, "release.manifest"),
        ({"contract": b64encode(bytes(32))}, "export.contracts"),
        ({"request": "0" * 32}, ""),
    ],
)
def test_a_request_is_as_the_contract_says(case: Case, changes: dict[str, Any], rule: str) -> None:
    """The lender's instance signs it: only the contract says otherwise."""
    at = hidden(case)
    request = case.log[at]["request"] | changes
    signed = sign_request(case.ledger.instance, Request.from_json(request))
    case.edit(at, request=request, signature=b64encode(signed))
    found = {name for where, name in case.rules() if where == at}
    assert found == {rule} - {""} if rule != "release.kind" else rule in found


def test_a_request_is_charged_once(case: Case) -> None:
    at = hidden(case)
    again = case.log[hidden(case, 0)]
    total = case.log[at]["total"] - case.log[at]["request"]["units"] + again["request"]["units"]
    log = case.log
    log[at] = again | {"total": total, "time": log[at]["time"]}
    case.write(log)
    assert (at, "release.request") in case.rules()


def test_nothing_is_released_after_the_end(case: Case) -> None:
    at, last = case.place("contract.suspended", by="node:rules"), case.log[-3]
    for ended in ("contract.suspended", "contract.revoked"):
        place = case.place(ended, by="node:rules" if ended.endswith("suspended") else "lender")
        release = dict(case.log[place - 1 if place == at else at - 1])
        assert release["type"] == "release"
        assert last["type"] == "release"
        log = case.log
        clear = next(
            leaf
            for leaf in reversed(log)
            if leaf["type"] == "release" and leaf["request"]["contract"] == log[place]["contract"]
        )
        request = clear["request"] | {"request": "f" * 32}
        signed = sign_request(case.ledger.instance, Request.from_json(request))
        late = clear | {
            "request": request,
            "signature": b64encode(signed),
            "total": clear["total"] + 1,
            "time": log[place]["time"],
        }
        case.write([*log[: place + 1], late, *log[place + 1 :]])
        assert case.rules() == {(place + 1, "release.contract")}
        case = replace(case, files=dict(made()[0]))


def test_nothing_is_released_from_a_closed_epoch(case: Case) -> None:
    at = hidden(case)
    leaf = case.log[case.place("manifest.published")]
    case.insert(at, event_of(case, at, "epoch.closed", contract=leaf["contract"], epoch=1))
    assert (at + 1, "release.epoch") in case.rules()


def test_nothing_is_released_while_the_node_is_stopped(case: Case) -> None:
    at = hidden(case)
    order = {"by": "operator", "cause": "x"}
    case.insert(
        at,
        event_of(case, at, "node.stopped", **order),
        case.log[at],
        event_of(case, at, "node.resumed", **order),
    )
    found = {(where, rule) for where, rule in case.rules() if rule == "release.stopped"}
    assert found == {(at + 1, "release.stopped")}


def test_nothing_is_released_once_the_node_is_handed_over(case: Case) -> None:
    at, operator = hidden(case), case.ledger.signers["operator"]
    handover = Handover(
        suite=INTL.id,
        operator=signer_id(operator),
        node=signer_id(case.ledger.node),
        successor=signer_id(case.ledger.log),
        log=ORIGIN,
        size=LEAVES,
        root=bytes(32),
        files=(),
        time=START,
    )
    name = case.document(LEAVES, "handover", sign_handover(operator, handover))
    time, last = case.log[-1]["time"], case.log[at]
    leaf = event("node.handover", successor=handover.successor, document=name) | {"time": time}
    case.insert(LEAVES, leaf)
    assert case.rules() == set()
    case.insert(LEAVES + 1, last | {"time": time})
    assert (LEAVES + 1, "release.handover") in case.rules()


def test_a_verification_has_no_epoch_and_a_known_snapshot(case: Case) -> None:
    at = case.place("release", 0)
    assert case.log[at]["request"]["kind"] == "verify"
    case.edit(at, snapshot=b64encode(bytes(32)))
    assert (at, "release.snapshot") in case.rules()
    request = case.log[at]["request"] | {"epoch": 1, "manifest": b64encode(bytes(32))}
    case.edit(at, request=request)
    assert (at, "release.epoch") in case.rules()


def test_only_the_buyers_instance_asks(case: Case) -> None:
    at = hidden(case)
    other = case.log[case.place("instance.registered", party="rival")]["key"]
    case.edit(at, instance=other)
    assert {(at, "release.buyer"), (at, "release.signature")} <= case.rules()


def test_an_instance_asks_while_its_certification_lasts(case: Case) -> None:
    """It is certified anew, for less: the newest certification is in force."""
    at = case.place("contract.proposed")
    fields = {"party": "lender", "name": "default"}
    lender, key = case.ledger.signers["lender"], case.ledger.instance
    token = certify(lender, "default", key.public_key, START + timedelta(seconds=1))
    name = signer_id(key)
    log = case.log
    document = case.document(at - 1, "instance", token)
    leaf = event("instance.registered", **fields, key=name, document=document)
    case.write([*log[: at - 1], leaf, *log[at:]])
    releases = [where for where, rule in case.rules() if rule == "release.instance"]
    assert releases
