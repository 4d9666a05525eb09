"""A node that signs what it should not: nothing is believed, nothing leaks, evidence stays."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from unseen.client import Answer
from unseen.client.bills.settling import Settling
from unseen.client.errors import AnswerInvalidError
from unseen.client.evidence import Evidence
from unseen.client.oversight.openings import Openings
from unseen.evidence.errors import LogForkedError
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import PeerError, ProofInvalidError

CONTRACT = "c"
TARGET = 7
SUBJECTS = [0, 1, 2, 3, 4, 5, 6, TARGET, 9, 10, 11, 12]


def kept(fake: Any, kind: str) -> list[dict[str, Any]]:
    files = (fake.home.root / "evidence").glob(f"{kind}-*.json")
    return [json.loads(path.read_text()) for path in files]


@pytest.mark.parametrize("label", [b"\x03", b"\x06", b"\xff"])
def test_a_malformed_label_decides_nothing_that_is_sent(fake: Any, label: bytes) -> None:
    fake.node.labels[TARGET] = label
    fake.publish()
    verdicts = fake.lookups().many(CONTRACT, SUBJECTS)
    assert fake.node.sent == [4, 4, 4]
    marked = [verdict for verdict in verdicts if verdict.malformed]
    assert [verdict.subject for verdict in marked] == [(str(TARGET),)]
    assert set(marked[0].answers.values()) == {Answer.NO_USABLE_RESULT}
    assert marked[0].found
    assert "malformed" in repr(marked[0])
    others = [verdict for verdict in verdicts if not verdict.malformed]
    assert {verdict.answers["rich"] for verdict in others} == {Answer.YES}
    # Asking once more sends nothing, whether the label is one or not.
    again = fake.lookups().many(CONTRACT, SUBJECTS)
    assert fake.node.sent == [4, 4, 4]
    assert [verdict.malformed for verdict in again] == [v.malformed for v in verdicts]


def test_a_malformed_label_is_proven_by_an_opening(fake: Any) -> None:
    fake.node.labels[TARGET] = b"\x03"
    fake.publish()
    lookups = fake.lookups()
    lookups.many(CONTRACT, [1, 2])
    (verdict,) = lookups.many(CONTRACT, [TARGET])
    evidence = Evidence(fake.session, fake.contracts, lookups, lookups, lookups, lookups)
    openings = Openings(fake.session, fake.contracts, evidence)
    bundle = openings.open(verdict.request_id, verdict.position)
    opened = verify_opening(bundle, fake.node.trust())
    assert (opened.found, opened.malformed) == (True, True)


def test_a_malformed_label_fails_no_other_threads_question(fake: Any) -> None:
    fake.node.labels[TARGET] = b"\x03"
    fake.publish()
    lookups, barrier = fake.lookups(gather=True), threading.Barrier(4)

    def ask(subject: int) -> Any:
        barrier.wait(60)
        return lookups.many(CONTRACT, [subject])[0]

    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(ask, [5, 6, TARGET, 8]))
    assert [verdict.malformed for verdict in verdicts] == [False, False, True, False]


def test_a_second_manifest_of_an_epoch_is_refused(fake: Any) -> None:
    first = fake.publish()
    fake.lookups().many(CONTRACT, [1])
    token = fake.node.answer(_manifest_request()).manifest
    second = fake.publish()  # signed, announced, another key
    with pytest.raises(AnswerInvalidError, match="another manifest") as caught:
        fake.lookups().many(CONTRACT, [2])
    assert caught.value.clause == "manifest.epoch"
    assert fake.node.sent == [1]
    (evidence,) = kept(fake, "manifest")
    assert evidence["before"] == token
    assert evidence["after"] != token
    assert first.epoch == second.epoch


def test_an_epoch_never_goes_back(fake: Any) -> None:
    fake.publish(1)
    old = dict(vars(fake.node))
    fake.lookups().many(CONTRACT, [1])
    fake.publish(2)
    fake.lookups().many(CONTRACT, [1])
    for name in ("manifest", "announced", "announced_at", "key"):
        setattr(fake.node, name, old[name])
    with pytest.raises(AnswerInvalidError, match="earlier epoch"):
        fake.lookups().many(CONTRACT, [2])
    assert len(kept(fake, "manifest")) == 1
    fake.publish(3)
    fake.lookups().many(CONTRACT, [2])
    assert fake.node.sent == [1, 1, 1]


def _manifest_request() -> Any:
    from unseen.v1 import lookup_pb2

    return lookup_pb2.GetManifestRequest()


def test_a_label_belongs_to_its_manifest(fake: Any) -> None:
    fake.publish(1)
    fake.lookups().many(CONTRACT, [1])
    fake.node.labels[1] = b"\x01"
    fake.publish(2)
    (verdict,) = fake.lookups().many(CONTRACT, [1])
    assert (verdict.cached, verdict.answers["rich"]) == (False, Answer.NO)


@pytest.mark.parametrize(
    ("clause", "changes"),
    [
        ("outputs", {"outputs": ("poor",)}),
        ("subject", {"subject": ()}),
        ("contract", {"contract": bytes(32)}),
    ],
)
def test_a_manifest_says_what_the_plan_says(
    fake: Any, clause: str, changes: dict[str, Any]
) -> None:
    from unseen.protocols.lookup.subject import SubjectColumn

    if clause == "subject":
        changes = {"subject": (SubjectColumn("id", "string"),)}
    fake.publish(**changes)
    with pytest.raises(AnswerInvalidError) as caught:
        fake.lookups().many(CONTRACT, [1])
    assert caught.value.clause == f"manifest.{clause}"
    assert fake.node.sent == []


def test_the_receipt_is_kept_before_the_proof_can_fail(fake: Any) -> None:
    fake.publish()
    lookups = fake.lookups()

    def swap(evaluated: list[bytes]) -> None:
        evaluated.reverse()

    fake.node.spoil = swap
    with pytest.raises(ProofInvalidError):
        lookups.many(CONTRACT, [1, 2])
    (receipt,) = (fake.home.root / "receipts").iterdir()
    facts = verify_receipt(receipt.read_text().strip(), fake.node.trust())
    assert facts.units == 2
    (evidence,) = kept(fake, "answer")
    assert (evidence["request"], evidence["reason"]) == (facts.request, "PROOF_INVALID")
    # The charge is on the bill, although the answer is worth nothing.
    held = Evidence(fake.session, fake.contracts, lookups, lookups, lookups, lookups)
    bills = Settling(fake.session, fake.contracts, held)
    assert json.loads(bills.settle(CONTRACT))["units"] == 2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_receipt_for_another_count_is_kept_too(fake: Any, count: int) -> None:
    fake.publish()

    def cut(evaluated: list[bytes]) -> None:
        evaluated[:] = (evaluated * 2)[:count]

    fake.node.spoil = cut
    with pytest.raises(PeerError):
        fake.lookups().many(CONTRACT, [1, 2])
    assert len(list((fake.home.root / "receipts").iterdir())) == 1


def test_a_receipt_in_a_private_history_is_refused(fake: Any) -> None:
    fake.publish()
    lookups = fake.lookups()
    lookups.many(CONTRACT, [0])
    fake.node.fork = True
    for subject in range(1, 6):
        with pytest.raises(LogForkedError):
            lookups.many(CONTRACT, [subject])
    assert len(kept(fake, "fork")) == 5
    assert len(kept(fake, "answer")) == 5
    assert len(list((fake.home.root / "receipts").iterdir())) == 1


def test_a_receipt_under_a_head_that_was_not_shown_is_refused(fake: Any) -> None:
    from unseen.protocols.tlog import leaf_hash

    fake.publish()
    lookups = fake.lookups()
    lookups.many(CONTRACT, [0])
    # The answer is proven for a later head than the one inside its receipt.
    fake.node.answered = lambda _: fake.node.tree.append(leaf_hash(b"later"))
    with pytest.raises(AnswerInvalidError, match="did not come with it"):
        lookups.many(CONTRACT, [1])
    assert len(kept(fake, "answer")) == 1
