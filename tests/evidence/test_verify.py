"""Receipts and their verifier: what verifies, and that nothing else does.

Each test of a refusal changes one thing and signs everything again, so that only the check
under test can notice.
"""

import dataclasses
import time
from datetime import timedelta
from typing import Any

import pytest

from unseen.evidence import jws
from unseen.evidence.contracts.contract import Period, Quota
from unseen.evidence.errors import (
    EvidenceError,
    LogForkedError,
    ReceiptInvalidError,
    SignatureInvalidError,
    SuiteUnknownError,
    TrustMissingError,
)
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases import receipt
from unseen.evidence.releases.instance import certify
from unseen.evidence.releases.request import MAX_REQUEST_AGE, sign_request
from unseen.evidence.suite import key_id, signer_id
from unseen.evidence.trust import Trust, TrustedLog
from unseen.evidence.verify import (
    CHECKS,
    verify_checkpoint,
    verify_growth,
    verify_receipt,
    verify_terms,
)
from unseen.protocols.errors import CheckpointInvalidError
from unseen.protocols.tlog.tree import Tree, leaf_hash


def test_a_receipt_verifies_and_says_what_was_released(world: Any) -> None:
    leaf = world.leaf(total=7)
    found = verify_receipt(world.receipt(leaf), world.trust)
    assert found.leaf == leaf
    assert (found.contract, found.kind, found.units, found.total) == (
        world.terms().id(),
        "lookup",
        1,
        7,
    )
    assert (found.origin, found.index, found.size) == ("node.example.org/log", 5, 7)
    assert (found.node, found.buyer, found.instance) == ("node-1", "示范银行", "desk 7")
    assert found.node_key == signer_id(world.node)
    assert found.buyer_key == signer_id(world.buyer)
    assert found.instance_key == key_id(world.suite, world.client.public_key)
    assert found.request == leaf.request.request
    assert (found.snapshot, found.release) == (leaf.snapshot, leaf.release)


def test_a_receipt_of_a_kind_without_a_manifest_verifies(world: Any) -> None:
    request = world.request(kind="verify", manifest=b"", epoch=0)
    found = verify_receipt(world.receipt(world.leaf(request)), world.trust)
    assert (found.kind, found.manifest, found.epoch) == ("verify", b"", 0)


def test_any_byte_flipped_is_refused(world: Any) -> None:
    token = world.receipt()
    verify_receipt(token, world.trust)
    for at in range(len(token)):
        for bit in (1, 4, 32):
            flipped = token[:at] + chr(ord(token[at]) ^ bit) + token[at + 1 :]
            with pytest.raises(EvidenceError):
                verify_receipt(flipped, world.trust)


def test_any_byte_dropped_or_doubled_is_refused(intl: Any) -> None:
    token = intl.receipt()
    for at in range(0, len(token), 7):
        for broken in (token[:at] + token[at + 1 :], token[:at] + token[at] + token[at:]):
            with pytest.raises(EvidenceError):
                verify_receipt(broken, intl.trust)


def widest_leaf(world: Any) -> ReleaseLeaf:
    request = world.request(2**127, units=1_000_000, kind="statistics", epoch=2**53 - 1)
    leaf: ReleaseLeaf = world.leaf(
        request, job="j" * 36, total=2**53 - 1, privacy="123456789.123456789"
    )
    return leaf


def test_a_receipt_at_a_million_leaves_has_at_most_4096_bytes(intl: Any) -> None:
    ends = intl.terms().period.until
    instance = certify(intl.buyer, "x" * 32, intl.client.public_key, ends)
    token = intl.receipt_deep(widest_leaf(intl), 20, instance=instance)
    assert verify_receipt(token, intl.trust).size == 2**20
    assert len(token) <= 4096


def test_a_receipt_verifies_at_the_widest_of_every_field_and_the_deepest_log(world: Any) -> None:
    ends = world.terms().period.until
    instance = certify(world.buyer, "x" * 64, world.client.public_key, ends)
    leaf = dataclasses.replace(widest_leaf(world), job="j" * 64)
    token = world.receipt_deep(leaf, 53, instance=instance)
    assert verify_receipt(token, world.trust).index == 2**53 - 1
    assert len(token) <= receipt.MAX_BYTES


def test_verification_takes_at_most_five_milliseconds(intl: Any) -> None:
    token = intl.receipt_deep(intl.leaf(), 20)
    took = []
    for _ in range(20):
        start = time.perf_counter()
        verify_receipt(token, intl.trust)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005


def check_refused(world: Any, token: str, check: str) -> None:
    assert check in CHECKS
    with pytest.raises((ReceiptInvalidError, SignatureInvalidError)) as caught:
        verify_receipt(token, world.trust)
    assert caught.value.clause == check
    assert str(caught.value).startswith("receipt")


def resigned(world: Any, **changes: Any) -> str:
    """Return a good receipt with some fields of its payload replaced, signed by the node again."""
    payload = jws.peek(world.receipt()).payload
    assert isinstance(payload, dict)
    return jws.sign(world.node, receipt.TYP, payload | changes)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"v": 2}, "form"),
        ({"type": "invoice"}, "form"),
        ({"extra": 1}, "form"),
        ({"leaf": {}}, "leaf"),
        ({"leaf": None}, "leaf"),
        ({"index": -1}, "inclusion"),
        ({"index": "5"}, "inclusion"),
        ({"index": True}, "inclusion"),
        ({"index": 4}, "inclusion"),
        ({"index": 6}, "inclusion"),
        ({"index": 7}, "inclusion"),
        ({"index": 2**53 - 1}, "inclusion"),
        ({"proof": ""}, "inclusion"),
        ({"proof": "AA"}, "inclusion"),
        ({"proof": "A" * 43}, "inclusion"),
        ({"proof": None}, "inclusion"),
        ({"proof": "AA=="}, "inclusion"),
        ({"checkpoint": ""}, "checkpoint"),
        ({"checkpoint": None}, "checkpoint"),
        ({"checkpoint": "a\n1\nAAAA\n\n— a AAAAAAAA\n"}, "checkpoint"),
        ({"instance": None}, "instance"),
        ({"instance": "a.b.c"}, "instance"),
    ],
    ids=str,
)
def test_a_malformed_field_is_refused_even_if_the_node_signed_it(
    world: Any, changes: dict[str, Any], check: str
) -> None:
    check_refused(world, resigned(world, **changes), check)


def test_a_leaf_field_that_is_not_known_is_refused(world: Any) -> None:
    leaf = world.leaf().to_json() | {"note": "x"}
    check_refused(world, resigned(world, leaf=leaf), "leaf")


def test_a_leaf_that_the_log_does_not_hold_is_refused(world: Any) -> None:
    leaf = world.leaf(release=world.hash("another answer")).to_json()
    check_refused(world, resigned(world, leaf=leaf), "inclusion")


def test_an_event_is_no_release(world: Any) -> None:
    leaf = world.leaf().to_json() | {"type": "node.started"}
    check_refused(world, resigned(world, leaf=leaf), "leaf")


def test_a_receipt_by_a_stranger_or_by_another_role_is_not_trusted(world: Any) -> None:
    for signer in (world.stranger, world.buyer, world.operator):
        with pytest.raises(TrustMissingError):
            verify_receipt(world.receipt(signer=signer), world.trust)


def test_a_receipt_in_anothers_name_is_refused(world: Any) -> None:
    own, forged = (world.receipt(signer=signer) for signer in (world.node, world.stranger))
    header, payload = own.split(".")[:2]
    check_refused(world, f"{header}.{payload}.{forged.split('.')[2]}", "node")


def test_a_token_of_another_type_is_no_receipt(world: Any) -> None:
    payload = jws.peek(world.receipt()).payload
    check_refused(world, jws.sign(world.node, "unseen-manifest", payload), "node")


def test_a_checkpoint_by_another_key_is_refused(world: Any) -> None:
    for signer in (world.stranger, world.node):
        tree = Tree(world.suite.hash)
        tree.append(leaf_hash(b"", world.suite.hash))
        note = world.checkpoint(1, tree.root(), signer)
        check_refused(world, resigned(world, checkpoint=note), "checkpoint")


def test_a_log_that_is_not_listed_is_not_trusted(world: Any) -> None:
    trust = Trust.of(world.trust.parties.values(), [("other", world.trust.logs[world.origin])])
    with pytest.raises(TrustMissingError, match="log"):
        verify_receipt(world.receipt(), trust)


def test_a_receipt_in_another_nodes_log_is_refused(world: Any) -> None:
    log = world.trust.logs[world.origin]
    parties = world.trust.parties.values()
    assert verify_receipt(world.receipt(), world.trust).node_key == log.node
    for other in (world.stranger, world.operator, world.log):
        trust = Trust.of(
            parties, [(world.origin, TrustedLog(log.suite, log.key, signer_id(other)))]
        )
        with pytest.raises(ReceiptInvalidError, match="another node") as caught:
            verify_receipt(world.receipt(), trust)
        assert caught.value.what == "checkpoint"


def test_a_buyer_that_is_not_listed_is_not_trusted(world: Any) -> None:
    stranger = certify(world.stranger, "desk", world.client.public_key, world.ends)
    with pytest.raises(TrustMissingError, match="buyer"):
        verify_receipt(world.receipt(instance=stranger), world.trust)
    node = certify(world.node, "desk", world.client.public_key, world.ends)
    with pytest.raises(TrustMissingError, match="buyer"):
        verify_receipt(world.receipt(instance=node), world.trust)


def test_an_instance_that_had_ended_is_refused(world: Any) -> None:
    leaf = world.leaf()
    late = certify(world.buyer, "desk 7", world.client.public_key, leaf.time)
    check_refused(world, world.receipt(leaf, instance=late), "instance")
    in_time = leaf.time + timedelta(seconds=1)
    last = certify(world.buyer, "desk 7", world.client.public_key, in_time)
    assert verify_receipt(world.receipt(leaf, instance=last), world.trust).instance == "desk 7"


def test_an_instance_that_had_ended_is_not_revived_by_an_earlier_date(world: Any) -> None:
    asked = world.request().issued_at
    ended = certify(world.buyer, "desk 7", world.client.public_key, asked)
    back = world.leaf(time=asked - timedelta(minutes=2))
    check_refused(world, world.receipt(back, instance=ended), "instance")
    until = asked + timedelta(seconds=1)
    valid = certify(world.buyer, "desk 7", world.client.public_key, until)
    assert verify_receipt(world.receipt(back, instance=valid), world.trust).time < asked


def test_a_request_that_was_refused_cannot_be_released_later_or_earlier(world: Any) -> None:
    assert timedelta(minutes=15) == MAX_REQUEST_AGE
    asked, second = world.request().issued_at, timedelta(seconds=1)
    for away in (MAX_REQUEST_AGE, -MAX_REQUEST_AGE):
        found = verify_receipt(world.receipt(world.leaf(time=asked + away)), world.trust)
        assert abs(found.time - found.issued_at) == MAX_REQUEST_AGE
    for away in (
        MAX_REQUEST_AGE + second,
        -MAX_REQUEST_AGE - second,
        timedelta(days=29),
        -timedelta(hours=23),
    ):
        check_refused(world, world.receipt(world.leaf(time=asked + away)), "window")


def test_another_instance_of_the_buyer_is_refused(world: Any) -> None:
    other = certify(world.buyer, "desk 8", world.stranger.public_key, world.ends)
    check_refused(world, world.receipt(instance=other), "instance")


def test_an_instance_whose_certificate_the_buyer_did_not_sign_is_refused(world: Any) -> None:
    head, payload, _ = world.instance.split(".")
    forged = certify(world.stranger, "desk 7", world.client.public_key, world.ends)
    token = world.receipt(instance=f"{head}.{payload}.{forged.split('.')[2]}")
    check_refused(world, token, "instance")


def test_a_request_that_the_instance_did_not_sign_is_refused(world: Any) -> None:
    request = world.request()
    for signature in (
        sign_request(world.stranger, request),
        sign_request(world.client, world.request(2)),
        world.client.sign(request.bytes()),
    ):
        check_refused(world, world.receipt(world.leaf(request, signature=signature)), "request")


def test_a_node_cannot_change_what_was_asked(world: Any) -> None:
    request = world.request()
    signature = sign_request(world.client, request)
    for changes in ({"units": 2}, {"kind": "verify"}, {"commitment": world.hash("x")}):
        changed = dataclasses.replace(request, **changes)
        token = world.receipt(world.leaf(changed, signature=signature, total=5))
        check_refused(world, token, "request")


def test_a_receipt_of_an_unknown_or_a_mixed_suite_is_refused(world: Any, intl: Any) -> None:
    with pytest.raises(SuiteUnknownError):
        verify_receipt(resigned(world, suite="sm"), world.trust)
    if world.suite is not intl.suite:
        check_refused(world, resigned(world, suite="intl"), "node")
        leaf = intl.leaf().to_json()
        check_refused(world, resigned(world, leaf=leaf), "leaf")
        both = Trust.of(
            [*world.trust.parties.values(), *intl.trust.parties.values()],
            [(world.origin, world.trust.logs[world.origin])],
        )
        with pytest.raises(ReceiptInvalidError, match="another suite"):
            verify_receipt(resigned(world, instance=intl.instance), both)


def test_a_log_of_another_suite_is_refused(world: Any, intl: Any) -> None:
    if world.suite is not intl.suite:
        trust = Trust.of(world.trust.parties.values(), intl.trust.logs.items())
        note = jws.peek(intl.receipt()).payload
        assert isinstance(note, dict)
        with pytest.raises(ReceiptInvalidError, match="another suite"):
            verify_receipt(resigned(world, checkpoint=note["checkpoint"]), trust)


@pytest.mark.parametrize("token", ["", "a", "..", "a.b.c", "x" * 8193, "é" * 100, "\udc80"])
def test_what_is_no_token_is_refused(world: Any, token: str) -> None:
    check_refused(world, token, "form")


def test_a_token_that_is_too_long_is_refused_unread(world: Any) -> None:
    check_refused(world, resigned(world, instance="x" * 8192), "form")


def test_errors_quote_no_data(world: Any) -> None:
    canary = "canary-5f1d"
    request = world.request()
    for token in (
        resigned(world, instance=canary),
        resigned(world, proof=canary),
        resigned(world, checkpoint=canary),
        resigned(world, leaf=world.leaf(request).to_json() | {"job": canary + "/"}),
        resigned(world, leaf=world.leaf(request).to_json() | {canary: 1}),
        resigned(world, index=canary),
    ):
        with pytest.raises(EvidenceError) as caught:
            verify_receipt(token, world.trust)
        assert canary not in str(caught.value)
        assert caught.value.__cause__ is None


def test_issue_refuses_what_it_could_not_stand_by(world: Any, intl: Any) -> None:
    for changes, field in (
        ({"index": -1}, "index"),
        ({"proof": [b"short"]}, "proof"),
        ({"proof": [bytes(32)] * 64}, "proof"),
        ({"instance": "x" * 8192}, "document"),
        ({"signer": intl.node}, "leaf"),
    ):
        if field != "leaf" or world.suite is not intl.suite:
            with pytest.raises(ReceiptInvalidError) as caught:
                world.receipt(**changes)
            assert caught.value.what == field


def test_issue_takes_a_leaf_as_the_log_holds_it(world: Any) -> None:
    leaf = world.leaf()
    tokens = {
        receipt.issue(world.node, given, 0, [], "checkpoint", world.instance)
        for given in (leaf, leaf.to_json())
    }
    assert len(tokens) == 1


def test_terms_cover_the_release_clause_by_clause(world: Any) -> None:
    leaf = world.leaf()
    found = verify_receipt(world.receipt(leaf), world.trust)
    terms = world.terms()
    verify_terms(found, terms)
    with pytest.raises(ReceiptInvalidError) as caught:
        verify_terms(found, world.terms(openings=False))
    assert caught.value.what == "contract"
    for clause, changes in (
        ("node", {"node_key": "x"}),
        ("buyer", {"buyer_key": "x"}),
        ("kind", {"kind": "verify"}),
        ("plan", {"plan": bytes(32)}),
        ("leakage", {"leakage": bytes(32)}),
        ("period", {"time": terms.period.until}),
        ("period", {"time": terms.period.start - timedelta(seconds=1)}),
        ("quota", {"total": 1001}),
        ("suite", {"suite": "sm"}),
    ):
        with pytest.raises(ReceiptInvalidError) as caught:
            verify_terms(dataclasses.replace(found, **changes), terms)
        assert caught.value.what == clause


def test_terms_with_another_quota_or_period_are_another_contract(world: Any) -> None:
    found = verify_receipt(world.receipt(), world.trust)
    period = world.terms().period
    for changes in (
        {"quota": Quota(units=1, per_minute=1)},
        {"period": Period(start=period.start, until=period.until + timedelta(seconds=1))},
    ):
        with pytest.raises(ReceiptInvalidError):
            verify_terms(found, world.terms(**changes))


def heads(world: Any, sizes: tuple[int, ...]) -> tuple[Tree, list[Any]]:
    tree = Tree(world.suite.hash)
    for entry in range(max(sizes)):
        tree.append(leaf_hash(b"%d" % entry, world.suite.hash))
    notes = [world.checkpoint(size, tree.root(size)) for size in sizes]
    return tree, [verify_checkpoint(note, world.trust) for note in notes]


def test_a_log_may_grow(world: Any) -> None:
    tree, (empty, old, new) = heads(world, (0, 3, 9))
    verify_growth(old, new, tree.consistency_proof(3, 9), world.suite)
    verify_growth(old, old, [], world.suite)
    verify_growth(empty, new, [], world.suite)


def test_a_log_that_forks_shrinks_or_is_another_one_is_caught(world: Any) -> None:
    tree, (old, new) = heads(world, (3, 9))
    proof = tree.consistency_proof(3, 9)
    rewritten = dataclasses.replace(old, root=world.hash("rewritten"))
    other = dataclasses.replace(new, origin="elsewhere")
    for before, after, nodes, clause in (
        (rewritten, new, proof, "root"),
        (old, new, proof[:-1], "root"),
        (old, new, [], "root"),
        (old, rewritten, [], "root"),
        (new, old, proof, "size"),
        (old, other, proof, "origin"),
    ):
        with pytest.raises(LogForkedError) as caught:
            verify_growth(before, after, nodes, world.suite)
        assert caught.value.clause == clause


def test_a_checkpoint_needs_its_logs_key(world: Any) -> None:
    for signer in (world.node, world.stranger):
        with pytest.raises(CheckpointInvalidError):
            verify_checkpoint(world.checkpoint(1, bytes(32), signer), world.trust)
    with pytest.raises(CheckpointInvalidError, match="32 bytes"):
        verify_checkpoint(world.checkpoint(1, bytes(64)), world.trust)
