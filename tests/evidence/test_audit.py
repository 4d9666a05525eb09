"""The audit of exports: what an honest node wrote holds, and each rule has what breaks it.

Most cases have the node itself do wrong: it writes another leaf and signs the head anew, so that
only the rule that is meant can find it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.conftest import DUMMY, Ed448Signer

from unseen.bench.ledger import ORIGIN, START, Ledger, Memory, memory_ledger
from unseen.evidence import canonical
from unseen.evidence.audit import (
    EXPORTER,
    Finding,
    Policy,
    Report,
    Signature,
    check_export,
    verify_all,
)
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    CONTRACTS,
    DOCUMENTS,
    FRAME,
    LEAVES_PER_FILE,
    PARTIES,
    Export,
    checkpoint_line,
    document_line,
    entry_line,
    leaves_file,
    parse_entry,
)
from unseen.evidence.audit.findings import MAX_KEPT, Findings
from unseen.evidence.audit.heads import forks, read_head
from unseen.evidence.audit.leaves import Event, _fast, _slow, read_leaf
from unseen.evidence.canonical import b64encode, format_time
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.errors import EvidenceError, ExportInvalidError, TrustMissingError
from unseen.evidence.log import event_leaf
from unseen.evidence.registry.handover import Handover, sign_handover
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import Manifest, sign_manifest
from unseen.evidence.releases.request import Request, sign_request
from unseen.evidence.suite import INTL, Ed25519Signer, Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.oprf import keys
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosign
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Frontier, leaf_hash

LEAVES = 120
Leaf = dict[str, Any]
Log = list[Leaf]


@cache
def made(leaves: int = LEAVES) -> tuple[dict[str, bytes], Ledger]:
    return memory_ledger(leaves)


@dataclass
class Case:
    """An honest export, to be spoilt."""

    files: dict[str, bytes]
    ledger: Ledger
    trust: Trust

    @property
    def log(self) -> Log:
        entries = map(parse_entry, self.files[leaves_file(0)].splitlines(keepends=True))
        return [object_of(entry.leaf) for entry in entries if entry and entry.leaf]

    def place(self, kind: str, number: int = 0, **fields: Any) -> int:
        """Return where the leaf of a type is that has these fields, the first or a later one."""
        return [
            at
            for at, leaf in enumerate(self.log)
            if leaf["type"] == kind and all(leaf.get(k) == v for k, v in fields.items())
        ][number]

    def write(self, log: Sequence[Leaf]) -> None:
        """Have the node log this, and sign its head."""
        bodies = [canonical.encode(leaf) for leaf in log]
        tree, lines = Frontier(INTL.hash), []
        for index, body in enumerate(bodies):
            hashed = leaf_hash(body, INTL.hash)
            tree.append(hashed)
            lines.append(entry_line(index, hashed, body))
        head = Checkpoint(ORIGIN, len(bodies), tree.root()).body()
        log_key = self.ledger.log
        note = sign_note(head, ORIGIN, INTL.note_type, log_key.public_key, log_key.sign)
        frame = object_of(self.files[FRAME][:-1]) | {"size": len(log), "checkpoints": [len(log)]}
        for number in range(0, len(lines), LEAVES_PER_FILE):
            part = lines[number : number + LEAVES_PER_FILE]
            self.files[leaves_file(number // LEAVES_PER_FILE)] = b"".join(part)
        self.files[CHECKPOINTS] = checkpoint_line(len(bodies), note)
        self.files[FRAME] = canonical.encode(frame) + b"\n"

    def frame(self, **changes: Any) -> None:
        frame = object_of(self.files[FRAME][:-1]) | changes
        self.files[FRAME] = canonical.encode(frame) + b"\n"

    def check(self, **policy: Any) -> Report:
        return check_export(Export(Memory(self.files)), self.trust, Policy(**policy))

    def rules(self, **policy: Any) -> set[tuple[int, str]]:
        return {(finding.index, finding.rule) for finding in self.check(**policy).findings}

    def edit(self, at: int, **changes: Any) -> None:
        log = self.log
        log[at] |= changes
        self.write(log)

    def insert(self, at: int, *leaves: Leaf) -> None:
        log = self.log
        self.write([*log[:at], *leaves, *log[at:]])

    def delete(self, at: int) -> None:
        log = self.log
        del log[at]
        self.write(log)

    def document(self, at: int, kind: str, body: str) -> str:
        """Add a document of the leaf `at`; return its id."""
        lines = [object_of(line) for line in self.files[DOCUMENTS].splitlines()]
        lines.append(object_of(document_line(INTL, at, kind, body)[:-1]))
        lines.sort(key=lambda line: line["index"])
        self.files[DOCUMENTS] = b"".join(canonical.encode(line) + b"\n" for line in lines)
        self.frame(documents=len(lines))
        return b64encode(INTL.digest(body.encode()))


def object_of(data: bytes) -> dict[str, Any]:
    value: Any = canonical.decode(data)
    return dict(value)


@pytest.fixture
def case() -> Case:
    files, ledger = made()
    return Case(dict(files), ledger, ledger.trust)


def event(kind: str, **fields: Any) -> Leaf:
    return event_leaf(INTL, kind, START, fields)


# What holds


def _ed448(rng: Rng) -> Signer:
    return Ed448Signer(rng(57))


@pytest.mark.parametrize("make", [Ed25519Signer.generate, _ed448], ids=["intl", "dummy"])
@pytest.mark.parametrize("full", [True, False])
def test_an_honest_log_holds(make: Callable[[Rng], Signer], full: bool) -> None:
    files, ledger = memory_ledger(300, 5, make)
    heads = [("head", ledger.head), ("earlier", ledger.earlier)]
    policy = Policy(full=full, heads=heads, witnesses=1)
    done: list[int] = []
    report = check_export(
        Export(Memory(files)), ledger.trust, policy, progress=lambda at, of: done.append(at)
    )
    assert report.findings == ()
    assert report.ok
    assert (report.size, report.full, report.hidden) == (300, full, 0)
    assert [witness.witness for witness in report.witnesses] == ["witness"]
    assert report.witnessed == report.witnesses[0].size
    assert sum(report.events.values()) == 300
    if full:
        assert report.releases == report.signatures == report.events["release"]
        assert {item.state for item in report.contracts} == {"active", "exhausted", "revoked"}
        assert report.units == sum(item.units for item in report.contracts)
        assert report.documents == {"instance": 4, "manifest": 2}
    rows = dict(report.rows())
    assert rows["log"] == f"{ORIGIN}, 300 leaves"
    assert report.to_json()["ok"] is True
    assert canonical.encode(report.to_json())


def test_a_log_of_more_than_one_file_holds() -> None:
    files, ledger = memory_ledger(LEAVES_PER_FILE + 10)
    done: list[int] = []
    report = check_export(
        Export(Memory(files)),
        ledger.trust,
        Policy(full=False),
        progress=lambda at, of: done.append(at),
    )
    assert report.ok
    assert done == list(range(4096, LEAVES_PER_FILE + 10, 4096))
    assert (report.releases, report.units, report.contracts) == (0, 0, ())
    # A line of the second file that stands in the first is where it does not belong.
    files = dict(files)
    one, two = (files[leaves_file(n)].splitlines(keepends=True) for n in range(2))
    files |= {leaves_file(0): b"".join([*one, two[0]]), leaves_file(1): b"".join(two[1:])}
    report = check_export(Export(Memory(files)), ledger.trust, Policy(full=False))
    assert [finding.rule for finding in report.findings] == ["log.line"]
    del files[leaves_file(1)]
    report = check_export(Export(Memory(files)), ledger.trust, Policy(full=False))
    assert "export.leaves" in {finding.rule for finding in report.findings}


def test_the_last_leaf_in_time_has_no_clock_behind(case: Case) -> None:
    case.insert(0)
    assert case.check().ok


# Form, sequence and tree


def test_a_log_without_its_key_is_not_checked(case: Case) -> None:
    case.trust = Trust.of([], case.trust.logs.items())
    with pytest.raises(TrustMissingError):
        case.check()
    case.trust = Trust.of(case.ledger.trust.parties.values(), [])
    with pytest.raises(TrustMissingError):
        case.check()


def test_an_export_of_another_suite_is_not_checked(case: Case) -> None:
    case.frame(suite=DUMMY.id)
    with pytest.raises(ExportInvalidError, match="suite"):
        case.check()


def test_a_malformed_leaf_is_found(case: Case) -> None:
    case.edit(8, type="node.exploded")
    assert (8, "leaf.form") in case.rules()
    case.edit(8, type="node.started", suite=DUMMY.id)
    assert (8, "leaf.form") in case.rules()


def test_time_does_not_run_backwards(case: Case) -> None:
    case.edit(8, time="2025-12-31T23:59:59Z")
    (finding,) = case.check().findings
    assert finding.to_json() == {
        "index": 8,
        "rule": "log.time",
        "party": "bench",
        "what": "is dated before the leaf above it",
        "where": "",
    }


def test_heads_have_to_be_those_of_the_log(case: Case) -> None:
    note = checkpoint_line(LEAVES, case.ledger.head)
    for lines, rule in (
        (note, "export.checkpoints"),  # one is missing
        (note.replace(b"bench", b"bunch"), "log.head"),
        (checkpoint_line(7, case.ledger.head), "log.head"),
        (b"{}\n", "export.checkpoints"),
    ):
        case.files[CHECKPOINTS] = lines
        assert rule in {found for _, found in case.rules()}


def test_a_head_of_another_log_says_nothing_of_this_one(case: Case) -> None:
    key = Ed25519Signer(bytes(32))
    log = TrustedLog(INTL.id, key.public_key, signer_id(case.ledger.log))
    logs = [*case.trust.logs.items(), ("other/log", log)]
    case.trust = Trust.of(case.trust.parties.values(), logs)
    body = Checkpoint("other/log", 3, bytes(32)).body()
    note = sign_note(body, "other/log", INTL.note_type, key.public_key, key.sign)
    with pytest.raises(ExportInvalidError, match="another log"):
        case.check(heads=[("theirs", note)])


def test_a_fork_is_the_nodes(case: Case) -> None:
    case.edit(8, version="another")
    found = case.check(heads=[("what the buyer saw", case.ledger.head)]).findings
    assert {(f.rule, f.party, f.index) for f in found} >= {("log.fork", "bench", LEAVES)}
    case.delete(LEAVES - 1)
    found = case.check(heads=[("what the buyer saw", case.ledger.head)]).findings
    assert {(f.rule, f.party) for f in found} >= {("log.rolled_back", "bench")}


def test_a_size_that_is_not_the_logs_is_found(case: Case) -> None:
    leaves = case.files[leaves_file(0)].splitlines(keepends=True)
    case.files[leaves_file(0)] = b"".join(leaves[:-5])
    assert {(LEAVES - 5, "log.truncated"), (LEAVES - 5, "export.size")} <= case.rules()


def test_missing_leaves_are_named(case: Case) -> None:
    leaves = case.files[leaves_file(0)].splitlines(keepends=True)
    case.files[leaves_file(0)] = b"".join([*leaves[:20], *leaves[23:]])
    found = next(f for f in case.check().findings if f.rule == "log.sequence")
    assert (found.index, found.party) == (20, EXPORTER)
    assert "leaves to 22 missing" in found.what


def test_a_changed_hash_is_told_from_a_changed_leaf(case: Case) -> None:
    """A wrong hash beside the right leaf leaves the tree as it is, and the other way round."""
    leaves = case.files[leaves_file(0)].splitlines(keepends=True)
    spoilt = leaves[31][:53] + leaves[30][53:]  # with the next one's hash
    case.files[leaves_file(0)] = b"".join([*leaves[:30], spoilt, *leaves[31:]])
    assert case.rules(full=False) == {(30, "log.hash")}
    other = leaves[8].replace(b'"version":"bench"', b'"version":"bunch"')
    case.files[leaves_file(0)] = b"".join([*leaves[:8], other, *leaves[9:]])
    assert case.rules(full=False) == {(8, "log.hash")}
    both = leaves[30][:53] + leaves[31][53:]
    case.files[leaves_file(0)] = b"".join([*leaves[:30], spoilt, both, *leaves[32:]])
    assert {(30, "log.hash"), (31, "log.hash")} <= case.rules(full=False)


def test_for_what_was_altered_later_the_node_does_not_answer(case: Case) -> None:
    at = hidden(case)
    leaves = case.files[leaves_file(0)].splitlines(keepends=True)
    total = case.log[at]["total"]
    altered = leaves[at].replace(b'"total":%d' % total, b'"total":%d' % (total + 1))
    case.files[leaves_file(0)] = b"".join([*leaves[:at], altered, *leaves[at + 1 :]])
    parties = {(f.rule, f.party) for f in case.check().findings if f.index == at}
    assert parties == {("log.hash", EXPORTER), ("release.total", EXPORTER)}
    case.edit(at, total=total + 1)
    parties = {(f.rule, f.party) for f in case.check().findings if f.index == at}
    assert parties == {("release.total", "bench")}


def test_a_hidden_leaf_is_only_for_parts(case: Case) -> None:
    leaves = case.files[leaves_file(0)].splitlines(keepends=True)
    at = case.place("node.started")
    entry = parse_entry(leaves[at])
    assert entry is not None
    leaves[at] = b'{"hash":"%s","index":%d}\n' % (entry.hash, at)
    case.files[leaves_file(0)] = b"".join(leaves)
    assert case.rules() == {(at, "leaf.hidden")}
    report = case.check(partial=True)
    assert (report.ok, report.hidden) == (True, 1)
    assert dict(report.rows())["hidden"]


def test_witnesses_are_counted(case: Case) -> None:
    assert case.rules(witnesses=1) == set()
    assert case.rules(witnesses=2) == {(LEAVES, "log.witnesses")}
    assert case.check(witnesses=2).witnessed == 0


def test_of_each_witness_the_newest_counts(case: Case) -> None:
    key = Ed25519Signer(bytes([9]) * 32)
    named = TrustedParty("second", "witness", INTL.id, key.public_key)
    case.trust = Trust.of([*case.trust.parties.values(), named], case.trust.logs.items())

    def by_second(note: str, time: int) -> str:
        return cosign(note, "x", INTL.cosign_type, key.public_key, key.sign, time=time)

    earlier = by_second(by_second(case.ledger.earlier, 100), 200)
    heads = [("one", earlier), ("two", by_second(case.ledger.head, 50))]
    report = case.check(heads=heads, witnesses=2)
    assert report.ok
    assert [(w.witness, w.size) for w in report.witnesses] == [("second", LEAVES), ("witness", 35)]
    assert report.witnessed == 35
    report = case.check(heads=[("one", earlier)], witnesses=2)
    assert max(w.time.timestamp() for w in report.witnesses if w.witness == "second") == 200


def test_a_cosignature_is_dated_within_the_calendar(case: Case) -> None:
    key = Ed25519Signer(bytes([9]) * 32)
    named = TrustedParty("second", "witness", INTL.id, key.public_key)
    case.trust = Trust.of([*case.trust.parties.values(), named], case.trust.logs.items())
    note = cosign(case.ledger.head, "x", INTL.cosign_type, key.public_key, key.sign, time=2**63 - 1)
    with pytest.raises(Exception, match="calendar"):
        read_head("x", note, case.trust)


def test_heads_of_other_sizes_are_no_forks(case: Case) -> None:
    heads = [read_head("x", note, case.trust) for note in (case.ledger.head, case.ledger.earlier)]
    assert forks([*heads, *heads]) == []


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


# Epochs and releases


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


def hidden(case: Case, number: int = 3) -> int:
    """Return where a release of the lender's lookup is."""
    contract = case.log[case.place("contract.proposed")]["contract"]
    found = [
        at
        for at, leaf in enumerate(case.log)
        if leaf["type"] == "release" and leaf["request"]["contract"] == contract
    ]
    return found[number]


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


def event_of(case: Case, at: int, kind: str, **fields: Any) -> Leaf:
    """Return an event dated as the leaf that it comes before."""
    return event(kind, **fields) | {"time": case.log[at]["time"]}


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


# Documents


def test_a_document_is_named_by_its_leaf(case: Case) -> None:
    at = case.place("node.started")
    case.document(at, "note", "nobody names it")
    assert case.rules() == {(at, "export.documents")}
    case = replace(case, files=dict(made()[0]))
    name = case.document(at + 1, "note", "text")
    case.edit(at, document=name)
    assert case.rules() == {(at, "document.index")}
    case = replace(case, files=dict(made()[0]))
    case.document(at, "note", "text")
    case.edit(at, document=name)
    report = case.check()
    assert report.ok
    assert report.unverified == {"note": 1}
    assert dict(report.rows())["not verified"]
    case.edit(at, document="*")
    assert (at, "document.missing") in case.rules()


def test_a_document_is_of_the_type_that_its_leaf_wants(case: Case) -> None:
    at = case.place("instance.registered", party="rival")
    files = case.files
    lines = [object_of(line) for line in files[DOCUMENTS].splitlines()]
    for line in lines:
        if line["index"] == at:
            line["kind"] = "note"
    files[DOCUMENTS] = b"".join(canonical.encode(line) + b"\n" for line in lines)
    assert (at, "document.type") in case.rules()


def test_no_document_escapes_its_check_under_another_name(case: Case) -> None:
    """Whoever exports says of what type a document is; its leaf knows what it has to be."""
    at = len(case.log)
    root = ConsentRoot(
        suite=INTL.id,
        node=signer_id(case.ledger.log),  # another node's: a verifier would refuse it
        public_key=keys.generate(seeded_rng(1)).public_key,
        number=1,
        size=1,
        root=bytes(32),
        time=START,
    )
    name = case.document(at, "something", root.encode().decode())
    time = case.log[-1]["time"]
    leaf = event("consent.root", **root.leaf_fields()) | {"time": time}
    case.insert(at, leaf | {"document": name})
    assert case.rules() == {(at, "document.type")}
    case.edit(at, type="node.started")
    assert case.check().ok  # what no leaf of a type has to name is counted as not verified
    case.delete(at)
    case.insert(at, leaf)
    assert (at, "document.missing") in case.rules()


def test_the_counts_are_right(case: Case) -> None:
    case.frame(documents=99)
    assert case.rules() == {(LEAVES, "export.count")}
    del case.files[DOCUMENTS]
    assert "export.documents" in {rule for _, rule in case.rules()}
    del case.files[CONTRACTS]
    assert "export.contracts" in {rule for _, rule in case.rules()}


# The parts


def test_findings_are_kept_up_to_a_number() -> None:
    findings = Findings()
    assert not findings
    for index in range(MAX_KEPT + 5):
        findings.add("rule", "party", MAX_KEPT - index, "wrong")
    assert len(findings) == MAX_KEPT + 5
    kept = findings.sorted()
    assert len(kept) == MAX_KEPT
    assert list(kept) == sorted(kept)
    assert str(Finding(3, "rule", "party", "wrong", "log:4")) == "3  rule  party: wrong (log:4)"


def test_signatures_are_checked_in_batches() -> None:
    files, ledger = memory_ledger(1500)
    sizes: list[int] = []

    def verify(signatures: Sequence[Signature]) -> list[bool]:
        sizes.append(len(signatures))
        return verify_all(signatures)

    report = check_export(Export(Memory(files)), ledger.trust, verify=verify)
    assert report.ok
    assert len(sizes) == 2
    assert sum(sizes) == report.signatures == report.releases


def test_signatures_are_told_apart() -> None:
    key = Ed25519Signer(bytes(32))
    good = Signature(INTL.id, key.public_key, key.sign(b"x"), b"x")
    assert verify_all([good, good._replace(data=b"y"), good]) == [True, False, True]


def _mutants(data: bytes) -> st.SearchStrategy[bytes]:
    def change(place: int, byte: int) -> bytes:
        return data[:place] + bytes([byte]) + data[place + 1 :]

    return st.builds(change, st.integers(0, len(data) - 1), st.integers(0, 255))


@given(data=st.data())
def test_the_short_way_reads_what_the_long_way_does(data: Any) -> None:
    files, _ = made()
    lines = files[leaves_file(0)].splitlines(keepends=True)
    entry = parse_entry(data.draw(st.sampled_from([ln for ln in lines if b"release" in ln])))
    assert entry is not None
    assert entry.leaf is not None
    assert _fast(entry.leaf, INTL) == _slow(entry.leaf, INTL)
    mutant = data.draw(_mutants(entry.leaf))
    short = _fast(mutant, INTL)
    try:
        long = _slow(mutant, INTL)
    except EvidenceError:
        assert short is None
    else:
        assert short in (None, long)


OPTIONAL = {
    "since": 7,
    "review": b64encode(bytes(32)),
    "consent_root": b64encode(bytes(32)),
    "billed": 0,
}


@pytest.mark.parametrize("names", [(), *((name,) for name in OPTIONAL), tuple(OPTIONAL)])
def test_the_short_way_reads_what_may_be_left_out(names: tuple[str, ...]) -> None:
    files, _ = made()
    log = Case(dict(files), made()[1], made()[1].trust).log
    leaf = next(leaf for leaf in log if leaf["type"] == "release")
    data = canonical.encode(leaf | {name: OPTIONAL[name] for name in names})
    found = _fast(data, INTL)
    assert found == _slow(data, INTL) == read_leaf(data, INTL)
    assert found is not None
    assert found.timely


@pytest.mark.parametrize(
    "change",
    [
        {"time": "2026-02-30T00:00:00Z"},
        {"total": 0},
        {"total": 2**53},
        {"since": 2**53},
        {"since": 0},
        {"billed": 1000},
        {"plan": "x"},
    ],
)
def test_the_short_way_reads_nothing_more(change: dict[str, Any]) -> None:
    files, ledger = made()
    log = Case(dict(files), ledger, ledger.trust).log
    leaf = next(leaf for leaf in log if leaf["type"] == "release")
    data = canonical._ENCODER.encode(leaf | change).encode()
    assert _fast(data, INTL) is None
    with pytest.raises(EvidenceError):
        read_leaf(data, INTL)


@pytest.mark.parametrize(
    "change", [{"units": 1_000_001}, {"epoch": 0}, {"epoch": 2**53}, {"manifest": ""}]
)
def test_the_short_way_reads_no_other_request(change: dict[str, Any]) -> None:
    files, ledger = made()
    case = Case(dict(files), ledger, ledger.trust)
    leaf = case.log[hidden(case)]
    request = leaf["request"] | change
    total = max(leaf["total"], request["units"])
    data = canonical._ENCODER.encode(leaf | {"request": request, "total": total}).encode()
    assert _fast(data, INTL) is None
    with pytest.raises(EvidenceError):
        read_leaf(data, INTL)


def test_other_leaves_are_events() -> None:
    leaf = event("node.started", version="1")
    found = read_leaf(canonical.encode(leaf), INTL)
    assert found == Event("node.started", START, {"version": "1"})


def test_a_seed_gives_one_log() -> None:
    assert memory_ledger(100, 3)[0] == memory_ledger(100, 3)[0]
    assert memory_ledger(100, 3)[0] != memory_ledger(100, 4)[0]
    assert seeded_rng(1)(4) == seeded_rng(1)(4)
