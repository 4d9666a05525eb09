"""The audit of exports: what an honest node wrote holds; its form, sequence, tree and heads.

Most cases have the node itself do wrong: it writes another leaf and signs the head anew, so that
only the rule that is meant can find it.
"""

from collections.abc import Callable, Sequence

import pytest
from tests.evidence.auditing import LEAVES, Case, case, hidden
from tests.evidence.conftest import DUMMY, Ed448Signer

from unseen.bench.ledger import ORIGIN, Memory, memory_ledger
from unseen.evidence import canonical
from unseen.evidence.audit import EXPORTER, Finding, Policy, Signature, check_export, verify_all
from unseen.evidence.audit.export import (
    CHECKPOINTS,
    LEAVES_PER_FILE,
    Export,
    checkpoint_line,
    leaves_file,
    parse_entry,
)
from unseen.evidence.audit.findings import MAX_KEPT, Findings
from unseen.evidence.audit.heads import forks, read_head
from unseen.evidence.errors import ExportInvalidError, TrustMissingError
from unseen.evidence.suite import INTL, Ed25519Signer, Signer, signer_id
from unseen.evidence.trust import Trust, TrustedLog, TrustedParty
from unseen.protocols.party import Rng
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.cosignature import cosign
from unseen.protocols.tlog.note import sign_note

__all__ = ["case"]


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


def test_a_seed_gives_one_log() -> None:
    assert memory_ledger(100, 3)[0] == memory_ledger(100, 3)[0]
    assert memory_ledger(100, 3)[0] != memory_ledger(100, 4)[0]
    assert seeded_rng(1)(4) == seeded_rng(1)(4)
