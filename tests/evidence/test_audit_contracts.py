"""The audit of exports: who enrolled, what is registered, and what was signed over it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.auditing import LEAVES, Case, case, event, made, object_of

from unseen.bench.ledger import ORIGIN, START
from unseen.evidence import canonical
from unseen.evidence.audit.export import CONTRACTS, DOCUMENTS, PARTIES
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.releases.instance import certify
from unseen.evidence.suite import INTL, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty

__all__ = ["case"]


# Parties


def test_a_party_enrols_once(case: Case) -> None:
    case.insert(5, case.log[0])
    assert (5, "party.enrolled") in case.rules()


def test_a_role_is_the_one_that_is_trusted(case: Case) -> None:
    others = [p for p in case.trust.parties.values() if p.name != "rival"]
    (rival,) = [p for p in case.trust.parties.values() if p.name == "rival"]
    case.trust = Trust.of([*others, replace(rival, role="holder")], case.trust.logs.items())
    assert case.rules() == {(case.place("party.enrolled", party="rival"), "party.role")}


def test_an_instance_is_its_partys(case: Case) -> None:
    at = case.place("instance.registered", party="rival")
    log = case.log
    case.write([*log[:at], log[at] | {"party": "nobody"}, *log[at + 1 :]])
    assert (at, "instance.party") in case.rules()
    case.write([*log[:at], log[at] | {"party": "lender"}, *log[at + 1 :]])
    assert (at, "instance.certification") in case.rules()
    case.write([*log[:at], log[at] | {"document": "-"}, *log[at + 1 :]])
    assert (at, "document.missing") in case.rules()


def test_a_certification_has_not_ended_when_it_is_shown(case: Case) -> None:
    at = case.place("instance.registered", party="witness")
    late = format_time(START + timedelta(days=90))
    case.edit(at, time=late)
    assert (at, "instance.until") in case.rules()


def test_a_key_is_one_instances(case: Case) -> None:
    at = case.place("node.started")
    operator = case.ledger.signers["operator"]
    key = case.ledger.instance.public_key  # the lender's
    token = certify(operator, "default", key, START + timedelta(days=3))
    document = case.document(at, "instance", token)
    name = b64encode(INTL.digest(key))
    fields = {"party": "operator", "name": "default", "key": name, "document": document}
    log = case.log
    case.write([*log[:at], event("instance.registered", **fields), *log[at + 1 :]])
    assert (at, "instance.key") in case.rules()


def test_what_is_revoked_stays_revoked(case: Case) -> None:
    at = case.place("node.started")
    gone = event("party.revoked", party="witness", instance="", by="operator")
    again = case.log[case.place("instance.registered", party="witness")]
    case.insert(at, gone, again)
    assert (at + 1, "instance.party") in case.rules()
    for party, instance in (("nobody", ""), ("rival", "laptop")):
        case = replace(case, files=dict(made()[0]))
        case.insert(at, event("party.revoked", party=party, instance=instance, by="operator"))
        assert (at, "party.revoked") in case.rules()


def test_a_revoked_instance_stays_so_under_a_new_certification(case: Case) -> None:
    at = case.place("node.started")
    gone = event("party.revoked", party="lender", instance="default", by="operator")
    again = case.log[case.place("instance.registered", party="lender")]
    case.insert(at, gone, again)
    assert (case.place("release", instance=again["key"]), "release.revoked") in case.rules()


def test_the_keys_that_are_told_are_those_that_enrolled(case: Case) -> None:
    told = object_of(case.files[PARTIES][:-1])
    changes: tuple[dict[str, Any], ...] = (
        {"parties": told["parties"][:-1]},
        {"parties": [dict(told["parties"][0], name="another"), *told["parties"][1:]]},
        {"logs": [dict(told["logs"][0], node=told["logs"][0]["key"])]},
        {"logs": []},
        {"more": 1},
    )
    for change in changes:
        case.files[PARTIES] = canonical.encode(told | change) + b"\n"
        assert {rule for _, rule in case.rules()} == {"export.parties"}
    case.files[PARTIES] = canonical.encode(told) + b"\n" * 2
    assert {rule for _, rule in case.rules()} == {"export.parties"}


# Tables, products, contracts


def test_versions_of_a_table_have_no_gap(case: Case) -> None:
    at = case.place("table.registered")
    case.edit(at, version=2)
    assert (at, "table.version") in case.rules()
    case.edit(at, version="one")
    assert (at, "table.version") in case.rules()


def test_a_contract_is_over_a_registered_product(case: Case) -> None:
    at = case.place("product.registered")
    case.edit(at, digest=b64encode(bytes(32)))
    assert (case.place("contract.proposed"), "contract.product") in case.rules()


def test_a_contract_binds_enrolled_parties(case: Case) -> None:
    at = case.place("party.enrolled", party="lender")
    case.edit(at, role="holder")
    assert (case.place("contract.proposed"), "contract.party") in case.rules()


def test_a_contract_is_with_this_node(case: Case) -> None:
    (log,) = case.trust.logs.values()
    node = case.ledger.log
    parties = [*case.trust.parties.values(), TrustedParty("n", "node", INTL.id, node.public_key)]
    own = TrustedLog(log.suite, log.key, signer_id(node))
    case.trust = Trust.of(parties, [(ORIGIN, own)])
    assert (case.place("contract.proposed"), "contract.node") in case.rules()


def test_a_contract_is_proposed_once(case: Case) -> None:
    at = case.place("contract.proposed")
    case.insert(at + 1, case.log[at])
    assert (at + 1, "contract.state") in case.rules()


@pytest.mark.parametrize("kind", ["contract.proposed", "contract.approved", "contract.suspended"])
@pytest.mark.parametrize("more", ["manifest.published", "epoch.closed", "release"])
def test_a_contract_is_in_the_export(case: Case, kind: str, more: str) -> None:
    case.files[CONTRACTS] = b""
    case.frame(contracts=0)
    found = case.rules()
    for each in (kind, more):
        assert (case.place(each), "export.contracts") in found


def test_lines_of_contracts_and_documents_are_whole(case: Case) -> None:
    for name, rule in ((CONTRACTS, "export.contracts"), (DOCUMENTS, "export.documents")):
        lines = case.files[name].splitlines(keepends=True)
        for data in (b"{}\n", lines[0] * 2):
            files = dict(case.files) | {name: data}
            assert (0, rule) in replace(case, files=files).rules()
        # The same once more, under another index: told to be another leaf's as well.
        value = object_of(lines[-1][:-1])
        again = canonical.encode(value | {"index": value["index"] + 1}) + b"\n"
        files = dict(case.files) | {name: b"".join([*lines, again])}
        assert rule in {found for _, found in replace(case, files=files).rules()}


def test_a_record_that_no_leaf_proposes_is_found(case: Case) -> None:
    at = case.place("contract.proposed", 2)
    log = [leaf for leaf in case.log if leaf.get("contract") != case.log[at]["contract"]]
    case.write(log)
    assert (at, "export.contracts") in case.rules()


def test_a_signature_that_is_not_due_is_found(case: Case) -> None:
    at = case.place("contract.approved")
    case.insert(at + 1, case.log[at])
    assert (at + 1, "contract.approval") in case.rules()
    case = replace(case, files=dict(made()[0]))
    case.edit(at, type="contract.activated")
    assert (at, "contract.approval") in case.rules()


def test_a_buyer_signs_last(case: Case) -> None:
    at = case.place("contract.approved")
    case.delete(at)
    found = case.rules()
    assert (at, "contract.state") in found
    assert (at - 1, "export.contracts") in found  # a signature that no leaf names


def test_leaves_of_before_roles_still_name_them(case: Case) -> None:
    """The first version's leaves did not say whose approval it was: there were two."""
    log = case.log
    for kind in ("contract.approved", "contract.activated"):
        at = case.place(kind)
        log[at] = {name: value for name, value in log[at].items() if name != "role"}
    case.write(log)
    assert case.rules() == set()


def test_a_signature_is_the_one_that_was_logged(case: Case) -> None:
    at = case.place("contract.approved")
    records = [object_of(line) for line in case.files[CONTRACTS].splitlines()]
    record = records[0]
    approvals = dict(record["approvals"])
    for other, rule in (
        ({"buyer": approvals["buyer"]}, "export.contracts"),
        ({**approvals, "operator": approvals["buyer"]}, "export.contracts"),
    ):
        records[0] = record | {"approvals": other}
        case.files[CONTRACTS] = b"".join(canonical.encode(item) + b"\n" for item in records)
        assert (at, rule) in case.rules()


def test_a_signature_by_another_key_is_found(case: Case) -> None:
    at = case.place("contract.approved")
    records = [object_of(line) for line in case.files[CONTRACTS].splitlines()]
    token = records[0]["approvals"]["buyer"]
    records[0] = records[0] | {"approvals": records[0]["approvals"] | {"operator": token}}
    case.files[CONTRACTS] = b"".join(canonical.encode(item) + b"\n" for item in records)
    case.edit(at, approval=b64encode(INTL.digest(token.encode())))
    assert (at, "document.invalid") in case.rules()
    others = [p for p in case.trust.parties.values() if p.name != "operator"]
    case.trust = Trust.of(others, case.trust.logs.items())
    found = [f for f in case.check().findings if f.rule == "trust.missing"]
    assert {finding.party for finding in found} == {"operator"}


def test_an_end_has_its_reason(case: Case) -> None:
    at = case.place("contract.revoked")
    contract = case.log[at]["contract"]
    log = case.log
    for kind in ("contract.expired", "contract.exhausted"):
        case.write([*log[:at], event(kind, contract=contract), *log[at + 1 :]])
        assert (at, kind) in case.rules()
    case.write([*log[:at], event("contract.resumed", contract=contract), *log[at + 1 :]])
    assert (at, "contract.state") in case.rules()


def test_a_used_up_contract_says_so(case: Case) -> None:
    case.delete(case.place("contract.exhausted"))
    assert (LEAVES - 1, "contract.exhausted") in case.rules()


def test_a_used_up_contract_may_be_held_and_is_used_up_again_when_it_goes_on(case: Case) -> None:
    log = case.log
    contract = log[case.place("contract.exhausted")]["contract"]
    last = {"time": log[-1]["time"], "contract": contract}
    held = event("contract.suspended", by="node:rules", cause="looked into") | last
    on = event("contract.resumed", by="node:rules", cause="compiles again") | last
    used = event("contract.exhausted") | last
    for more in ([held], [held, on, used], [held, on, used, held]):
        case.write([*log, *more])
        assert case.rules() == set(), more
    case.write([*log, held, on])
    assert (LEAVES + 2, "contract.exhausted") in case.rules()
    case.write([*log, on])
    assert (LEAVES, "contract.state") in case.rules()


def test_a_used_up_contract_may_be_ended_for_good(case: Case) -> None:
    log = case.log
    contract = log[case.place("contract.exhausted")]["contract"]
    last = {"time": log[-1]["time"], "contract": contract}
    end = event("contract.revoked", by="operator") | last
    case.write([*log, end])
    assert case.rules() == set()
    case.write([*log, end, event("contract.suspended", by="node:rules", cause="") | last])
    assert (LEAVES + 1, "contract.state") in case.rules()
