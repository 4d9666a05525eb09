"""Openings of hidden lookups: what a buyer can show, and what it cannot pretend."""

import copy
import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from unseen.evidence import canonical
from unseen.evidence.canonical import b64encode
from unseen.evidence.errors import (
    EvidenceError,
    LogForkedError,
    OpeningInvalidError,
    ReceiptInvalidError,
    SignatureInvalidError,
    TrustMissingError,
)
from unseen.evidence.log import event_leaf
from unseen.evidence.logged import Headed
from unseen.evidence.oversight.opening import Row, prove_rows, verify_opening
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.manifest import published_leaf, sign_manifest
from unseen.evidence.releases.request import sign_request
from unseen.evidence.trust import Trust
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.server import evaluate_input
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.protocols.tlog.checkpoint import Checkpoint
from unseen.protocols.tlog.note import sign_note
from unseen.protocols.tlog.tree import Tree, leaf_hash

ADA, BAO, CHEN, DAI = (
    ("Ada", "1815-12-10"),
    ("Bao", "1990-01-31"),
    ("陈", "2001-02-03"),
    ("Dai", "1970-01-01"),
)
ABSENT = [(f"nobody {number}", "1999-09-09") for number in range(24)]


def check_refused(bundle: Any, trust: Any, what: str) -> None:
    with pytest.raises(OpeningInvalidError) as caught:
        verify_opening(bundle, trust)
    assert caught.value.what == what


def test_an_opening_shows_subject_and_verdicts(lookup: Any) -> None:
    bundle = lookup.ask([ADA, BAO, CHEN], 1)
    found = verify_opening(canonical.decode(canonical.encode(bundle)), lookup.world.trust)
    assert found.found
    assert not found.malformed
    assert found.terms == lookup.world.terms()
    assert [str(value) for value in found.subject] == list(BAO)
    assert dict(found.verdicts) == {"overdue": None, "listed": True}
    assert found.receipt.buyer == "示范银行"
    assert found.manifest == lookup.manifest
    assert "Bao" not in repr(found)


@pytest.mark.parametrize("position", range(len(ABSENT)))
def test_an_opening_shows_absence_wherever_the_place_is(intl_lookup: Any, position: int) -> None:
    bundle = intl_lookup.ask([ABSENT[position]], 0)
    found = verify_opening(bundle, intl_lookup.world.trust)
    assert not found.found
    assert not found.malformed
    assert set(found.verdicts.values()) == {None}


@pytest.mark.parametrize("label", [b"\x03", b"\x0b", b"\x12", b"\xff"], ids=bytes.hex)
def test_a_malformed_label_is_proven_and_says_nothing(
    world: Any, make_lookup: Any, label: bytes
) -> None:
    lookup = make_lookup(world, labels={BAO: label})
    found = verify_opening(lookup.ask([ADA, BAO, CHEN], 1), world.trust)
    assert (found.found, found.malformed) == (True, True)
    assert dict(found.verdicts) == {"overdue": None, "listed": None}
    other = verify_opening(lookup.ask([ADA, BAO, CHEN], 0), world.trust)
    assert (other.malformed, dict(other.verdicts)) == (False, {"overdue": True, "listed": False})


def test_absence_was_shown_at_both_ends_and_between(intl_lookup: Any) -> None:
    places = set()
    for person in ABSENT:
        rows = intl_lookup.ask([person], 0)["rows"]
        places.add(tuple(row["index"] for row in rows))
    assert places == {(0,), (0, 1), (1, 2), (2, 3), (3,)}


def test_a_table_without_rows_shows_absence_with_none(world: Any, make_lookup: Any) -> None:
    lookup = make_lookup(world, [])
    bundle = lookup.ask([ADA], 0)
    assert bundle["rows"] == []
    assert not verify_opening(bundle, world.trust).found


def test_a_table_of_one_row(world: Any, make_lookup: Any) -> None:
    lookup = make_lookup(world, [ADA])
    assert verify_opening(lookup.ask([ADA], 0), world.trust).found
    assert not verify_opening(lookup.ask([BAO], 0), world.trust).found


def test_one_bundle_opens_one_subject_only(lookup: Any) -> None:
    bundle = lookup.ask([ADA, BAO], 0)
    trust = lookup.world.trust
    check_refused(bundle | {"subject": list(BAO)}, trust, "blinded")
    check_refused(bundle | {"position": 1}, trust, "blinded")
    check_refused(bundle | {"blind": b64encode((7).to_bytes(32, "little"))}, trust, "blinded")


def test_a_buyer_cannot_pretend_to_have_asked_something_else(lookup: Any) -> None:
    bundle, other = lookup.ask([ADA], 0), lookup.ask([BAO], 0)
    trust = lookup.world.trust
    asked = {name: other[name] for name in ("subject", "blind", "blinded")}
    check_refused(bundle | asked, trust, "request")
    nonce = {"request_nonce": other["request_nonce"]}
    check_refused(bundle | asked | nonce, trust, "request")


def test_a_buyer_cannot_pretend_to_have_been_told_something_else(lookup: Any) -> None:
    bundle, other = lookup.ask([ADA], 0), lookup.ask([BAO], 0)
    trust = lookup.world.trust
    for told in (("evaluated",), ("dleq",), ("release_nonce",), ("evaluated", "dleq")):
        check_refused(bundle | {name: other[name] for name in told}, trust, "release")
    check_refused(bundle | {"receipt": other["receipt"]}, trust, "request")


def test_an_evaluation_under_another_key_is_noticed(world: Any, make_lookup: Any) -> None:
    lookup = make_lookup(world)
    lookup.key = keys.generate(seeded_rng(99))
    lookup.manifest = world.manifest(
        rows=lookup.manifest.rows,
        root=lookup.manifest.root,
        digest=lookup.manifest.digest,
        public_key=keys.generate(seeded_rng(5)).public_key,
    )
    check_refused(lookup.ask([ADA], 0), world.trust, "dleq")


def test_a_buyer_cannot_hide_a_row_or_show_anothers(lookup: Any) -> None:
    bundle = lookup.ask([BAO], 0)
    trust = lookup.world.trust
    own = bundle["rows"][0]["index"]
    rows = []
    for person in (ADA, BAO, CHEN, DAI):
        output = evaluate_input(lookup.key, lookup.subject(person), Mode.VOPRF)
        rows += lookup.ask([person], 0)["rows"]
        assert prove_rows(lookup.manifest, lookup.table, output)[0].index == rows[-1]["index"]
    rows.sort(key=lambda row: row["index"])
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    others = [row for row in rows if row["index"] != own]
    for shown in (
        [],
        others[:1],
        others[-1:],
        others[:2],
        others[-2:],
        others[::-1][:2],
        [rows[own], rows[own]],
        [rows[own - 1], rows[own]] if own else rows[:2],
    ):
        check_refused(bundle | {"rows": shown}, trust, "rows")


def test_a_row_that_the_table_does_not_hold_is_noticed(lookup: Any) -> None:
    bundle = lookup.ask([BAO], 0)
    trust = lookup.world.trust
    row = bundle["rows"][0]
    label_flipped = canonical.b64decode(row["row"])[:-1] + bytes(
        [canonical.b64decode(row["row"])[-1] ^ 1]
    )
    for change in (
        {"row": b64encode(label_flipped)},
        {"row": b64encode(label_flipped + b"x")},
        {"index": row["index"] ^ 1},
        {"index": 4},
        {"index": -1},
        {"index": True},
        {"index": str(row["index"])},
        {"path": ""},
        {"path": "AA"},
        {"path": row["path"] + "A" * 43},
    ):
        with pytest.raises(OpeningInvalidError):
            verify_opening(bundle | {"rows": [row | change]}, trust)


def test_absence_needs_neighbours_that_touch(intl_lookup: Any) -> None:
    trust = intl_lookup.world.trust
    bundles = [intl_lookup.ask([person], 0) for person in ABSENT]
    between = next(bundle for bundle in bundles if len(bundle["rows"]) == 2)
    for shown in (
        between["rows"][:1],
        between["rows"][1:],
        between["rows"][::-1],
        [],
        [between["rows"][0]] * 2,
        [between["rows"][0], *between["rows"]],
        [*between["rows"], between["rows"][1]],
    ):
        check_refused(between | {"rows": shown}, trust, "rows")


def test_a_manifest_that_the_request_did_not_name_is_refused(lookup: Any) -> None:
    world = lookup.world
    bundle = lookup.ask([ADA], 0)
    other = world.manifest(rows=4, root=lookup.manifest.root, digest=world.hash("x"))
    check_refused(bundle | {"manifest": sign_manifest(world.node, other)}, world.trust, "manifest")
    check_refused(bundle | {"manifest": "a.b.c"}, world.trust, "manifest")
    for signer in (world.stranger, world.operator):
        forged = sign_manifest(signer, lookup.manifest)
        with pytest.raises(SignatureInvalidError, match="manifest"):
            verify_opening(bundle | {"manifest": forged}, world.trust)


@pytest.mark.parametrize("field", ["contract", "epoch", "snapshot", "until"])
def test_a_manifest_of_another_contract_epoch_snapshot_or_time_is_refused(
    world: Any, make_lookup: Any, field: str
) -> None:
    lookup = make_lookup(world)
    changes = {
        "contract": world.hash("x"),
        "epoch": 2,
        "snapshot": world.hash("x"),
        "until": world.leaf().time,
    }
    own = lookup.manifest
    lookup.manifest = world.manifest(
        rows=own.rows, root=own.root, digest=own.digest, **{field: changes[field]}
    )
    check_refused(lookup.ask([ADA], 0), world.trust, "manifest")


@pytest.mark.parametrize(
    "outputs", [("listed", "overdue"), ("overdue", "debtor"), ("overdue",), ("overdue", "x", "y")]
)
def test_a_manifest_with_other_outputs_than_the_contract_is_refused(
    lookup: Any, outputs: tuple[str, ...]
) -> None:
    lookup.manifest = dataclasses.replace(lookup.manifest, outputs=outputs)
    check_refused(lookup.ask([ADA], 0), lookup.world.trust, "manifest")


def test_terms_of_another_contract_are_refused(lookup: Any) -> None:
    world = lookup.world
    bundle = lookup.ask([ADA], 0)
    others = (
        world.terms(outputs=("listed", "overdue")),
        world.terms(nonce=bytes(16)),
        world.terms(plan=bytes(32)),
    )
    malformed: list[Any] = [None, {}, [], "x", bundle["terms"] | {"v": True}]
    for terms in [other.to_json() for other in others] + malformed:
        check_refused(bundle | {"terms": terms}, world.trust, "terms")


@pytest.mark.parametrize("clause", ["plan", "leakage", "time", "total"])
def test_terms_that_do_not_allow_the_release_are_refused(lookup: Any, clause: str) -> None:
    world, bundle = lookup.world, lookup.ask([ADA], 0)
    leaf = verify_opening(bundle, world.trust).receipt.leaf
    changes: dict[str, Any] = {"plan": bytes(32), "leakage": bytes(32), "total": 1001}
    if clause == "time":
        terms = world.terms()
        request = dataclasses.replace(leaf.request, issued_at=terms.period.until)
        world.instance = certify(
            world.buyer, "desk 7", world.client.public_key, world.ends + timedelta(days=1)
        )
        signature = sign_request(world.client, request)
        changes["time"] = terms.period.until
        leaf = dataclasses.replace(leaf, request=request, signature=signature)
    other = dataclasses.replace(leaf, **{clause: changes[clause]})
    check_refused(bundle | {"receipt": world.receipt(other)}, world.trust, "terms")


def test_a_manifest_that_the_log_never_announced_is_refused(lookup: Any) -> None:
    world = lookup.world
    manifest = lookup.manifest
    published = published_leaf(manifest, manifest.snapshot_at)
    for leaf in (
        published_leaf(dataclasses.replace(manifest, nonce=bytes(32)), manifest.snapshot_at),
        published | {"epoch": 2},
        published | {"v": True},
        published | {"note": "x"},
        published | {"time": 1},
        published | {"time": "2026-11-22"},
        {name: value for name, value in published.items() if name != "time"},
        event_leaf(world.suite, "epoch.closed", manifest.snapshot_at, {"epoch": 1}),
        world.leaf().to_json(),
    ):
        bundle = lookup.ask([ADA], 0, announcement=world.announce(manifest, leaf))
        with pytest.raises(OpeningInvalidError) as caught:
            verify_opening(bundle, world.trust)
        assert caught.value.what.startswith("announcement")


def test_an_announcement_that_the_log_does_not_hold_is_refused(lookup: Any) -> None:
    bundle, trust = lookup.ask([ADA], 0), lookup.world.trust
    given = bundle["announcement"]
    changes: tuple[dict[str, Any], ...] = (
        {"leaf": given["leaf"] | {"time": "2026-11-22T05:29:59Z"}},
        {"index": given["index"] + 1},
        {"index": given["index"] - 1},
        {"index": -1},
        {"index": True},
        {"index": "5"},
        {"proof": ""},
        {"proof": given["proof"] + "A" * 43},
        {"proof": "AA"},
        {"proof": None},
        {"checkpoint": lookup.world.checkpoint(6, bytes(32))},
        {"checkpoint": "x"},
        {"checkpoint": None},
        {"leaf": None},
        {"leaf": {}},
        {"extra": 1},
    )
    for change in changes:
        with pytest.raises(OpeningInvalidError) as caught:
            verify_opening(bundle | {"announcement": given | change}, trust)
        assert caught.value.what.startswith("announcement")
    for name in given:
        short = {field: value for field, value in given.items() if field != name}
        with pytest.raises(OpeningInvalidError):
            verify_opening(bundle | {"announcement": short}, trust)


def test_an_announcement_after_the_release_is_refused(lookup: Any) -> None:
    world = lookup.world
    bundle = lookup.ask([ADA], 0)
    late = world.announce(lookup.manifest)
    check_refused(bundle | {"announcement": late.to_json()}, world.trust, "announcement")


def other_log(world: Any, manifest: Any, origin: str, filler: int) -> Any:
    """Return the announcement of `manifest` at the start of another log of `filler` + 1 leaves."""
    leaf, tree = published_leaf(manifest, manifest.snapshot_at), Tree(world.suite.hash)
    tree.append(leaf_hash(canonical.encode(leaf), world.suite.hash))
    for _ in range(filler):
        tree.append(leaf_hash(b"", world.suite.hash))
    body = Checkpoint(origin, tree.size, tree.root()).body()
    note = sign_note(body, origin, world.suite.note_type, world.log.public_key, world.log.sign)
    proof = tuple(tree.inclusion_proof(0))
    return Headed(leaf=leaf, index=0, proof=proof, checkpoint=note).to_json()


def test_an_announcement_in_another_log_is_refused(lookup: Any) -> None:
    world, bundle = lookup.world, lookup.ask([ADA], 0)
    other = other_log(world, lookup.manifest, "other.example.org/log", 3)
    with pytest.raises(TrustMissingError, match="log"):
        verify_opening(bundle | {"announcement": other}, world.trust)
    logs = world.trust.logs
    both = Trust.of(
        world.trust.parties.values(),
        [*logs.items(), ("other.example.org/log", logs[world.origin])],
    )
    check_refused(bundle | {"announcement": other}, both, "announcement")


def test_an_announcement_in_a_fork_of_the_receipts_size_is_noticed(lookup: Any) -> None:
    world, bundle = lookup.world, lookup.ask([ADA], 0)
    size = verify_opening(bundle, world.trust).receipt.size
    fork = other_log(world, lookup.manifest, world.origin, size - 1)
    with pytest.raises(LogForkedError):
        verify_opening(bundle | {"announcement": fork}, world.trust)


def test_a_second_manifest_opens_only_with_its_own_announcement(
    world: Any, make_lookup: Any
) -> None:
    first, second = make_lookup(world), make_lookup(world, [BAO, ADA, CHEN, DAI])
    announced = first.ask([ADA], 0)["announcement"]
    bundle = second.ask([ADA], 0)
    check_refused(bundle | {"announcement": announced}, world.trust, "announcement")


def test_a_receipt_that_fails_fails_the_opening(lookup: Any) -> None:
    world = lookup.world
    bundle = lookup.ask([ADA], 0)
    with pytest.raises(ReceiptInvalidError):
        verify_opening(bundle | {"receipt": "a.b.c"}, world.trust)
    with pytest.raises(TrustMissingError):
        verify_opening(bundle, Trust.of([], []))
    clear = world.receipt(world.leaf(world.request(kind="verify", manifest=b"", epoch=0)))
    check_refused(bundle | {"receipt": clear}, world.trust, "receipt")


MALFORMED: tuple[tuple[str, Any], ...] = (
    ("receipt", 1),
    ("manifest", None),
    ("terms", None),
    ("announcement", None),
    ("announcement", {}),
    ("subject", "Ada"),
    ("subject", [1, 2]),
    ("subject", ["Ada"]),
    ("subject", ["Ada", "1815-12-10", "x"]),
    ("subject", ["Ada", "18151210"]),
    ("subject", ["Ada", 18151210]),
    ("subject", ["A\u0301da", "1815-12-10"]),
    ("position", -1),
    ("position", 1),
    ("position", "0"),
    ("position", False),
    ("blind", ""),
    ("blind", b64encode(bytes(31))),
    ("blind", None),
    ("blinded", []),
    ("blinded", "x"),
    ("blinded", [1]),
    ("evaluated", []),
    ("dleq", b64encode(bytes(63))),
    ("request_nonce", b64encode(bytes(31))),
    ("release_nonce", b64encode(bytes(33))),
    ("rows", None),
    ("rows", [{}]),
    ("rows", [None]),
    ("rows", [1, 2, 3]),
    ("v", 2),
    ("type", "receipt"),
)


@pytest.mark.parametrize(("field", "value"), MALFORMED, ids=str)
def test_a_malformed_field_is_named(lookup: Any, field: str, value: Any) -> None:
    bundle = lookup.ask([ADA], 0)
    with pytest.raises(OpeningInvalidError) as caught:
        verify_opening(bundle | {field: value}, lookup.world.trust)
    assert caught.value.what.split(".")[0] in {field, "blinded"}


def test_a_batch_over_the_limit_is_refused(lookup: Any) -> None:
    many = [b64encode(bytes(32))] * 4097
    bundle = lookup.ask([ADA], 0) | {"blinded": many, "evaluated": many}
    with pytest.raises(OpeningInvalidError, match="1 to 4096 pairs"):
        verify_opening(bundle, lookup.world.trust)


def test_a_table_of_rows_of_another_size_is_refused(world: Any, make_lookup: Any) -> None:
    lookup = make_lookup(world)
    root = leaf_hash(b"short", world.suite.hash)
    lookup.manifest = world.manifest(rows=1, root=root, digest=root)
    bundle = lookup.ask([ADA], 0, rows=[Row(0, b"short", ())])
    with pytest.raises(OpeningInvalidError, match="row size"):
        verify_opening(bundle, world.trust)


@pytest.mark.parametrize("scalar", [0, 2**252 + 27742317777372353535851937790883648493, 2**256 - 1])
def test_a_blind_that_is_no_scalar_is_refused(lookup: Any, scalar: int) -> None:
    bundle = lookup.ask([ADA], 0) | {"blind": b64encode(scalar.to_bytes(32, "little"))}
    check_refused(bundle, lookup.world.trust, "blinded")


def test_any_field_missing_added_or_cut_is_refused(lookup: Any) -> None:
    bundle = lookup.ask([ADA, BAO], 0)
    for name, value in bundle.items():
        broken = copy.deepcopy(bundle)
        del broken[name]
        with pytest.raises(EvidenceError):
            verify_opening(broken, lookup.world.trust)
        if isinstance(value, dict):
            with pytest.raises(EvidenceError):
                verify_opening(bundle | {name: value | {"extra": 1}}, lookup.world.trust)
            with pytest.raises(EvidenceError):
                verify_opening(bundle | {name: {}}, lookup.world.trust)
        if isinstance(value, str | list):
            with pytest.raises(EvidenceError):
                verify_opening(bundle | {name: value[:-1]}, lookup.world.trust)
    with pytest.raises(OpeningInvalidError):
        verify_opening(bundle | {"extra": 1}, lookup.world.trust)


def test_a_subject_has_one_way_to_be_written(world: Any, make_lookup: Any) -> None:
    lookup = make_lookup(world, [("Zo\u00eb", "1990-01-31")])
    bundle = lookup.ask([("Zo\u00eb", "1990-01-31")], 0)
    assert verify_opening(bundle, world.trust).found
    check_refused(bundle | {"subject": ["Zoe\u0308", "1990-01-31"]}, world.trust, "subject")


def test_an_opening_of_another_suite_than_its_receipt_is_refused(lookup: Any) -> None:
    other = {"intl": "dummy", "dummy": "intl"}[lookup.world.suite.id]
    check_refused(lookup.ask([ADA], 0) | {"suite": other}, lookup.world.trust, "receipt")


def test_prove_rows_refuses_another_table(lookup: Any) -> None:
    output = bytes(64)
    for table in (lookup.table[:-1], lookup.table[17:], lookup.table[17:] + lookup.table[:17]):
        with pytest.raises(OpeningInvalidError, match="rows"):
            prove_rows(lookup.manifest, table, output)
