"""Bundles: everything about one request, and each way in which it may not belong together."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.evidence.conftest import NOW, ORIGIN, World, make_signer
from tests.evidence.governance import labelled_plan, make_rule, make_rules, make_template
from tests.evidence.registry import Registry

from unseen.evidence import canonical
from unseen.evidence.audit.bundle import CHECKS, Bundle, Cosigned, check_bundle
from unseen.evidence.audit.export import (
    ContractRecord,
    Frame,
    checkpoint_line,
    contract_line,
    document_line,
    entry_line,
    frame_bytes,
)
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import sign_terms
from unseen.evidence.contracts.template import sign_template
from unseen.evidence.errors import BundleInvalidError, EvidenceError, LogForkedError
from unseen.evidence.log import encode_leaf, event_leaf
from unseen.evidence.registry.mandate import sign_mandate
from unseen.evidence.releases.manifest import sign_manifest
from unseen.evidence.releases.review import Review, sign_review
from unseen.evidence.suite import signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosign
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

PLACE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_audit.json"


@dataclass
class Case:
    """A lookup, or a verification, with all that is known of it."""

    world: World
    hidden: bool = True
    review: bool = False
    more: dict[str, Any] = field(default_factory=dict)  # further clauses of the terms
    decision_of: dict[str, Any] = field(default_factory=dict)  # what the decision is on
    labelled: bool = False

    def __post_init__(self) -> None:
        world = self.world
        self.witness = make_signer(world.suite, 8)
        named = TrustedParty("witness", "witness", world.suite.id, self.witness.public_key)
        self.trust = Trust.of([*world.trust.parties.values(), named], world.trust.logs.items())
        kind: dict[str, Any] = {} if self.hidden else {"kind": "verify", "protocol": "clear"}
        self.plan = world.plan(**kind, label_bytes=1 if self.hidden else 0)
        if self.labelled:
            self.plan = labelled_plan(world)
        self.terms = world.terms(**kind, plan=self.plan.digest(world.suite), **self.more)
        request: dict[str, Any] = {"contract": self.terms.id(), "kind": self.terms.kind}
        announcement, token = None, ""
        if self.hidden:
            manifest = world.manifest(contract=self.terms.id(), until=self.terms.period.until)
            announcement, token = world.announce(manifest), sign_manifest(world.node, manifest)
            request["manifest"] = manifest.id()
        else:
            request |= {"manifest": b"", "epoch": 0}
        self.decision = self._decide(request)
        changes: dict[str, Any] = {"plan": self.terms.plan}
        if self.review:
            changes |= {"review": world.hash(self.decision), "since": 1}
        leaf = world.leaf(world.request(**request), **changes)
        receipt = world.receipt(leaf)
        index = world.tree.size - 2
        self.bundle = Bundle(
            receipt=receipt,
            terms=self.terms,
            plan=self.plan,
            leakage=world.leakage(),
            approvals={
                "operator": sign_terms(world.operator, self.terms),
                "buyer": sign_terms(world.buyer, self.terms),
            },
            manifest=token,
            announcement=announcement,
            cosigned=(self.cosigned(index),),
            documents=(("review", self.decision),) if self.review else (),
        )

    def _decide(self, request: dict[str, Any]) -> str:
        if not self.review:
            return ""
        fields: dict[str, Any] = {
            "suite": self.world.suite.id,
            "contract": request["contract"],
            "request": f"{1:032x}",
            "release": self.world.hash("release"),
            "bits": 4,
            "rules": ("rule",),
            "decision": "pass",
            "role": "operator",
            "time": NOW,
        }
        review = Review(**fields | self.decision_of)
        return sign_review(self.world.operator, review, self.terms)

    def cosigned(self, index: int, origin: str = ORIGIN, number: int = 8) -> Cosigned:
        world = self.world
        body = Checkpoint(origin, world.tree.size, world.tree.root()).body()
        note_type, key, log = world.suite.note_type, make_signer(world.suite, number), world.log
        note = sign_note(body, origin, note_type, log.public_key, log.sign)
        at, kind = int(NOW.timestamp()), world.suite.cosign_type
        signed = cosign(note, "w", kind, key.public_key, key.sign, time=at)
        return Cosigned(note=signed, proof=tuple(world.tree.inclusion_proof(index)))

    def value(self, **changes: Any) -> dict[str, Any]:
        value: Any = canonical.decode(canonical.encode(self.bundle.to_json()))
        return {name: item for name, item in (value | changes).items() if item is not None}

    def refused(self, check: str, **changes: Any) -> EvidenceError:
        with pytest.raises(EvidenceError) as caught:
            check_bundle(self.value(**changes), self.trust)
        assert caught.value.clause == check
        return caught.value


@pytest.fixture
def case(world: World) -> Case:
    return Case(world)


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("review", [True, False])
def test_what_belongs_together_holds(world: World, hidden: bool, review: bool) -> None:
    case = Case(world, hidden, review)
    found = check_bundle(case.value(), case.trust, 1)
    assert (found.terms, found.plan, found.leakage) == (case.terms, case.plan, world.leakage())
    assert found.receipt.contract == case.terms.id()
    assert (found.manifest is not None) == hidden
    assert [item.witness for item in found.witnesses] == ["witness"]
    assert list(found.documents.values()) == ["review"] * review
    assert Bundle.from_json(case.value()) == case.bundle


def test_without_witnesses_it_holds_unless_they_are_asked_for(case: Case) -> None:
    assert check_bundle(case.value(cosigned=None), case.trust).witnesses == ()
    with pytest.raises(BundleInvalidError) as caught:
        check_bundle(case.value(), case.trust, 2)
    assert caught.value.what == "cosigned"
    # A head cosigned by somebody who is not trusted is a head, and no witness.
    assert check_bundle(case.value(), case.world.trust).witnesses == ()


def test_the_contract_is_the_releases(case: Case) -> None:
    world = case.world
    case.refused("terms", terms=world.terms(nonce=bytes(16)).to_json())
    case.refused("plan", plan=world.plan(retention="none").to_json())
    case.refused("leakage", leakage=world.leakage(ciphertext_leaves=False).to_json())


def test_everybody_has_signed(case: Case) -> None:
    given = dict(case.bundle.approvals)
    case.refused("approvals", approvals={"operator": given["operator"]})
    case.refused("approvals", approvals={**given, "operator": given["buyer"]})
    others = [p for p in case.trust.parties.values() if p.role != "operator"]
    with pytest.raises(EvidenceError) as caught:
        check_bundle(case.value(), Trust.of(others, case.trust.logs.items()))
    assert caught.value.clause == "operator"


def test_the_epoch_is_the_releases(world: World, case: Case) -> None:
    case.refused("epoch", manifest=None)
    case.refused("epoch", announcement=None)
    case.refused("epoch", manifest=None, announcement=None)
    other = sign_manifest(world.node, world.manifest(nonce=bytes(32)))
    case.refused("epoch", manifest=other)
    clear = Case(World(world.suite), hidden=False)
    clear.refused("epoch", manifest=case.value()["manifest"])


def test_a_cosigned_head_is_over_the_release(world: World, case: Case) -> None:
    entry = case.value()["cosigned"][0]
    case.refused("cosigned", cosigned=[entry | {"proof": ""}])
    case.refused("cosigned", cosigned=[entry | {"note": entry["note"] + "x"}])
    log = TrustedLog(world.suite.id, world.log.public_key, case.trust.logs[ORIGIN].node)
    logs = [*case.trust.logs.items(), ("other/log", log)]
    case.trust = Trust.of(case.trust.parties.values(), logs)
    other = case.cosigned(0, "other/log")
    proof = b64encode(b"".join(other.proof))
    case.refused("cosigned", cosigned=[{"note": other.note, "proof": proof}])


def test_a_cosigned_head_may_be_a_later_one(world: World, case: Case) -> None:
    index = check_bundle(case.value(), case.trust).receipt.index
    world.tree.append(leaf_hash(b"later", world.suite.hash))
    later = case.cosigned(index)
    entry = {"note": later.note, "proof": b64encode(b"".join(later.proof))}
    found = check_bundle(case.value(cosigned=[entry]), case.trust, 1)
    assert [item.size for item in found.witnesses] == [world.tree.size]


def test_a_cosigned_head_tells_the_same_history(world: World, case: Case) -> None:
    """The release is under both heads, of one size: the node has shown two logs."""
    other = Tree(world.suite.hash)
    receipt = check_bundle(case.value(), case.trust).receipt
    for number in range(receipt.size):
        data = receipt.leaf.encode() if number == receipt.index else b"%d" % number
        other.append(leaf_hash(data, world.suite.hash))
    world.tree = other
    forked = case.cosigned(receipt.index)
    entry = {"note": forked.note, "proof": b64encode(b"".join(forked.proof))}
    with pytest.raises(LogForkedError):
        check_bundle(case.value(cosigned=[entry]), case.trust)


def test_documents_are_named_and_signed(world: World) -> None:
    case = Case(world, review=True)
    case.refused("documents", documents=[{"kind": "review", "body": "x"}])
    # The contract is another one than the decision is about: only its signature tells.
    body = case.value()["documents"][0]["body"]
    case.refused("documents", documents=[{"kind": "review", "body": body[:-8] + "AAAAAAAA"}])
    others = [p for p in case.trust.parties.values() if p.role != "operator"]
    with pytest.raises(EvidenceError):
        check_bundle(case.value(), Trust.of(others, case.trust.logs.items()))
    case.refused("documents", documents=None)
    case.refused("documents", documents=case.value()["documents"] * 2)
    Case(World(world.suite)).refused("documents", documents=case.value()["documents"])
    # A type that nobody verifies does not spare a document its check.
    case.refused("documents", documents=[{"kind": "something", "body": body}])


@pytest.mark.parametrize(
    "changes", [{"decision": "refuse"}, {"request": f"{2:032x}"}, {"release": bytes(32)}], ids=str
)
def test_a_decision_lets_this_release_out(world: World, changes: dict[str, Any]) -> None:
    """The leaf names it by its hash: what it says, only reading it tells."""
    Case(world, review=True, decision_of=changes).refused("decision")


def document(kind: str, body: str) -> dict[str, str]:
    return {"kind": kind, "body": body}


def trusting(case: Case, role: Any, *signers: Any) -> None:
    suite = case.world.suite.id
    named = [TrustedParty(f"{role} {n}", role, suite, s.public_key) for n, s in enumerate(signers)]
    case.trust = Trust.of([*case.trust.parties.values(), *named], case.trust.logs.items())


def test_mandates_come_with_those_above_them_and_permit_the_contract(world: World) -> None:
    registry = Registry(world)
    top = sign_mandate(registry.authority, registry.mandate(grantee=signer_id(registry.second)))
    fields: dict[str, Any] = {
        "grantor": signer_id(registry.second),
        "grantee": signer_id(world.operator),
        "start": NOW - timedelta(days=2),
    }
    given_on = registry.nested(top, **fields)
    nested = sign_mandate(registry.second, given_on)
    both = [document("mandate", nested), document("mandate", top)]
    case = Case(world, more={"mandates": (world.hash(nested),)})
    trusting(case, "holder", registry.second)
    trusting(case, "authority", registry.authority)
    assert len(check_bundle(case.value(documents=both), case.trust).documents) == 2
    case.refused("documents", documents=both[:1])  # who granted it is not shown
    case.refused("documents", documents=both[1:])
    wrong = sign_mandate(registry.second, registry.nested(top, **fields, scenarios=("benefits",)))
    case = Case(World(world.suite), more={"mandates": (world.hash(wrong),)})
    trusting(case, "holder", registry.second)
    trusting(case, "authority", registry.authority)
    case.refused("mandates", documents=[document("mandate", wrong), both[1]])


def test_mandates_begin_with_an_authority(world: World) -> None:
    registry = Registry(world)
    _, token, _ = registry.signed()
    case = Case(world, more={"mandates": (world.hash(token),)})
    trusting(case, "holder", registry.authority)  # trusted, and no authority
    case.refused("mandates", documents=[document("mandate", token)])


def test_the_contract_stays_within_its_rules(world: World) -> None:
    for levels, good in ((("1", "2"), True), (("1",), False)):
        fields: dict[str, Any] = {"approvals": ("operator",), "order": False, "region": ""}
        public = make_rule(category="public", **fields)
        file = make_rules(world, rules=(make_rule(levels=levels, **fields), public))
        body = canonical.encode(file.to_json()).decode()
        more = {"rules": world.hash(body)}
        case = Case(World(world.suite), more=more, labelled=True)
        case.refused("documents")
        if good:
            found = check_bundle(case.value(documents=[document("rules", body)]), case.trust)
            assert list(found.documents.values()) == ["rules"]
        else:
            case.refused("rules", documents=[document("rules", body)])


def test_a_template_s_signature_counts_for_the_contracts_that_follow_it(world: World) -> None:
    """Its operator has signed the template and not the contract."""
    limits: dict[str, Any] = {"consent": False, "region": "", "order": False, "declarations": ()}
    template = make_template(world, **limits, approver="")
    token = sign_template(world.operator, template)
    case = Case(world, more={"template": template.id()}, labelled=True)
    shown = [document("template", template.encode().decode())]
    approvals = {**case.bundle.approvals, "operator": token}
    for given in (approvals, case.bundle.approvals):  # by the template, and by itself as well
        found = check_bundle(case.value(documents=shown, approvals=dict(given)), case.trust)
        assert list(found.documents.values()) == ["template"]
    case.refused("documents", approvals=approvals)
    beyond = make_template(world, **limits, approver="", max_units=10)
    case = Case(World(world.suite), more={"template": beyond.id()}, labelled=True)
    shown = [document("template", beyond.encode().decode())]
    approvals = {**case.bundle.approvals, "operator": sign_template(world.operator, beyond)}
    case.refused("approvals", documents=shown, approvals=approvals)


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"receipt": 1},
        {"receipt": None},
        {"manifest": 1},
        {"manifest": ""},
        {"approvals": []},
        {"approvals": {"operator": 1}},
        {"cosigned": []},
        {"cosigned": {}},
        {"cosigned": [{"note": 1, "proof": ""}]},
        {"cosigned": [{"note": ""}]},
        {"cosigned": [{"note": "x", "proof": ""}] * 65},
        {"documents": [{"kind": "a b", "body": ""}]},
        {"documents": [{"kind": "x", "body": 1}]},
        {"announcement": {}},
        {"suite": "sm"},
        {"type": "opening"},
    ],
    ids=str,
)
def test_a_bundle_has_one_form(case: Case, changes: dict[str, Any]) -> None:
    value = {**case.value(), **changes}
    value = {name: item for name, item in value.items() if item is not None}
    with pytest.raises(BundleInvalidError) as caught:
        check_bundle(value, case.trust)
    assert caught.value.what


def test_every_check_is_named() -> None:
    assert CHECKS[0] == "form"
    assert len(set(CHECKS)) == len(CHECKS)


# The frozen bytes of the formats of audits


def frozen(world: World) -> dict[str, str]:
    case, suite = Case(world), world.suite
    leaf = encode_leaf(event_leaf(suite, "node.started", NOW, {"version": "0.1.0"}))
    record = ContractRecord(4, case.terms, case.plan, world.leakage(), case.bundle.approvals)
    note = case.bundle.cosigned[0].note
    lines = {
        "frame": frame_bytes(Frame(suite.id, ORIGIN, 9, (8, 9), 1, 2)),
        "checkpoint": checkpoint_line(8, note),
        "contract_record": contract_line(record),
        "document": document_line(suite, 3, "instance", world.instance),
        "entry": entry_line(3, leaf_hash(leaf, suite.hash), leaf),
        "hidden_entry": entry_line(3, leaf_hash(leaf, suite.hash), None),
    }
    return {
        **{name: line.decode().removesuffix("\n") for name, line in lines.items()},
        "cosigned_note": note,
        "bundle": canonical.encode(case.bundle.to_json()).decode(),
    }


def test_every_format_is_what_it_was(world: World) -> None:
    assert frozen(world) == json.loads(PLACE.read_text(encoding="utf-8"))[world.suite.id]


def test_the_frozen_bundle_holds(world: World) -> None:
    vector = json.loads(PLACE.read_text(encoding="utf-8"))[world.suite.id]
    found = check_bundle(canonical.decode(vector["bundle"].encode()), Case(world).trust, 1)
    assert found.receipt.time == NOW + timedelta(seconds=1)
