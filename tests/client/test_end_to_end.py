"""The SDK against a real node process over mutual TLS."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.ports import free_port

from unseen.client import Answer, Client, RefusedError, UnreachableError
from unseen.client.catalog import Predicate, Prices
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.local.home import Home
from unseen.client.queries import asking
from unseen.client.queries.lookups import Lookups
from unseen.evidence.contracts.states import State
from unseen.evidence.errors import EvidenceError, LogForkedError
from unseen.evidence.oversight.opening import verify_opening
from unseen.evidence.verify import verify_receipt
from unseen.protocols.errors import InputInvalidError, PeerError, SubjectInvalidError

ROWS = 300
QUESTIONS = [
    Predicate("rich", "Earns at least 50,000", "earnings >= 50000"),
    Predicate("even", "Has an even id", "id % 2 = 0"),
]


@dataclass
class World:
    """A node that can be stopped and started, its operator and one buyer."""

    folder: Path
    process: subprocess.Popen[str] | None = None

    @property
    def node(self) -> Path:
        return self.folder / "node"

    def unseen(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "unseen.cli", *arguments]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        command = [sys.executable, "-m", "unseen.cli", "node", "serve", "--home", str(self.node)]
        output = (self.folder / "serve.log").open("a")
        self.process = subprocess.Popen(
            [*command, "--format", "json"], stdout=subprocess.PIPE, stderr=output, text=True
        )
        output.close()
        assert self.process.stdout is not None
        assert "address" in json.loads(self.process.stdout.readline())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    os.environ.setdefault("UNSEEN_WORKERS", "1")
    made = World(tmp_path_factory.mktemp("world"))
    listen = f"127.0.0.1:{free_port()}"
    made.unseen("node", "init", "--home", str(made.node), "--listen", listen)
    rows = "".join(f"{i},{20000 + i * 200}\n" for i in range(ROWS))
    (made.folder / "people.csv").write_text(f"id,earnings\n{rows}")
    made.start()
    with Client(made.node) as client:
        client.register_table(
            "people",
            str(made.folder / "people.csv"),
            subject=["id"],
            labels={"*": ("public", "1")},
        )
        for kind in ("lookup", "verify"):
            client.register_product(
                kind,
                table="people",
                kind=kind,
                title=kind,
                predicates=QUESTIONS,
                prices=Prices("CNY", 50_000, 10_000),
            )
        invitation = client.invite("lender")
    Client.join(invitation, made.folder / "buyer").close()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def operator(world: World) -> Iterator[Client]:
    with Client(world.node) as client:
        yield client


@pytest.fixture(scope="module")
def buyer(world: World) -> Iterator[Client]:
    with Client(world.folder / "buyer") as client:
        yield client


@pytest.fixture(autouse=True)
def _revoked(operator: Client) -> Iterator[None]:
    """End the contracts of each test, so that a refresh in another builds no table for them."""
    yield
    for each in operator.contracts():
        if each.state is State.ACTIVE:
            operator.revoke(each.id)


def contract(buyer: Client, operator: Client, kind: str = "lookup", units: int = 50) -> str:
    asked = buyer.request_contract(kind, outputs=["rich", "even"], scenario="test", units=units)
    operator.approve(asked.id)
    buyer.sign(asked.id)
    return asked.id


def test_the_node_is_who_was_pinned(buyer: Client) -> None:
    node = buyer.node()
    assert node.pinned
    assert (node.caller, node.caller_role) == ("lender", "buyer")
    assert "Node node" in repr(node)
    assert "<table>" in node._repr_html_()


def test_products_show_questions_and_never_expressions(buyer: Client) -> None:
    (product,) = [product for product in buyer.products() if product.name == "lookup"]
    assert [predicate.name for predicate in product.predicates] == ["rich", "even"]
    assert not any(predicate.expression for predicate in product.predicates)


@pytest.mark.parametrize("kind", ["lookup", "verify"])
def test_answers_are_right_and_receipted(buyer: Client, operator: Client, kind: str) -> None:
    identifier = contract(buyer, operator, kind)
    ask = buyer.lookup if kind == "lookup" else buyer.verify
    rich = ask(identifier, 200)
    assert dict(rich.answers) == {"rich": Answer.YES, "even": Answer.YES}
    poor = ask(identifier, {"id": 1})
    assert dict(poor.answers) == {"rich": Answer.NO, "even": Answer.NO}
    absent = ask(identifier, "5000")
    assert set(absent.answers.values()) == {Answer.NO_USABLE_RESULT}
    assert not absent.found
    facts = verify_receipt(rich.receipt_path.read_text().strip(), buyer._session.trust)
    assert (facts.request, facts.kind, facts.buyer) == (rich.request_id, kind, "lender")
    assert buyer.usage(identifier).units_used == 3


def test_asking_again_within_the_epoch_costs_nothing(
    buyer: Client, operator: Client, world: World
) -> None:
    identifier = contract(buyer, operator)
    first = buyer.lookup(identifier, 7)
    again = buyer.lookup(identifier, 7)
    assert (first.cached, again.cached) == (False, True)
    assert (first.answers, first.request_id) == (again.answers, again.request_id)
    with Client(world.folder / "buyer") as other:  # another process of the same home
        assert other.lookup(identifier, 7).cached
    assert buyer.usage(identifier).units_used == 1


def test_many_are_asked_in_one_request_and_duplicates_once(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    verdicts = buyer.lookup_many(identifier, [3, 4, 3, "4", 5])
    assert [verdict.subject for verdict in verdicts] == [("3",), ("4",), ("3",), ("4",), ("5",)]
    assert len({verdict.request_id for verdict in verdicts}) == 1
    usage = buyer.usage(identifier)
    assert (usage.units_used, usage.requests) == (3, 1)


def test_threads_share_one_client(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator, units=64)
    with ThreadPoolExecutor(16) as pool:
        verdicts = list(pool.map(lambda i: buyer.lookup(identifier, i), range(64)))
    assert [verdict.answers["even"] for verdict in verdicts] == [Answer.YES, Answer.NO] * 32
    assert sum(receipt.facts.units for receipt in buyer.receipts(identifier)) == 64
    for verdict in verdicts[::20]:  # each finds its own place in the request it shared
        bundle = buyer.open_receipt(verdict.request_id, verdict.position)
        assert bundle["subject"] == list(verdict.subject)
    assert buyer.settle(identifier) == operator.operator_settle(identifier)


def test_both_sides_compute_the_same_bill(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    buyer.lookup_many(identifier, range(10, 15))
    buyer.lookup(identifier, 99)
    bill = buyer.settle(identifier)
    assert bill == operator.operator_settle(identifier)
    statement = json.loads(bill)
    assert (statement["units"], statement["amount"]) == (6, 360_000)


def test_a_quota_refuses_with_its_clause_and_costs_nothing(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator, units=2)
    buyer.lookup_many(identifier, [1, 2])
    with pytest.raises(RefusedError) as caught:
        buyer.lookup(identifier, 3)
    error = caught.value
    assert (error.reason, error.clause) == ("QUOTA_EXHAUSTED", "quota.units")
    assert error.remedy
    assert not error.charged
    assert buyer.unanswered(identifier) == []


def test_no_contract_no_answer(buyer: Client, operator: Client) -> None:
    asked = buyer.request_contract("lookup", outputs=["even"], scenario="test", units=5)
    with pytest.raises(RefusedError, match="proposed"):
        buyer.lookup(asked.id, 1)
    with pytest.raises(RefusedError):
        buyer.lookup("A" * 43, 1)
    with pytest.raises(InputInvalidError):
        buyer.lookup("no contract", 1)
    with pytest.raises(HomeError, match="not the operator"):
        buyer.approve(asked.id)
    operator.approve(asked.id)
    buyer.sign(asked.id)
    buyer.lookup(asked.id, 1)
    with pytest.raises(InputInvalidError, match="kind lookup"):
        buyer.verify(asked.id, 1)
    buyer.revoke(asked.id)
    with pytest.raises(RefusedError):
        buyer.lookup(asked.id, 2)


def test_subjects_are_checked_before_anything_is_sent(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    for subject in ("x", (1, 2), {"name": 1}, True):
        with pytest.raises(SubjectInvalidError):
            buyer.lookup(identifier, subject)
    assert buyer.usage(identifier).requests == 0


def test_an_opening_proves_one_answer_and_hides_the_others(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    present, absent = buyer.lookup_many(identifier, [201, 4000])
    operator.parties()
    for position, verdict in enumerate((present, absent)):
        bundle = buyer.open_receipt(verdict.request_id, position)
        opened = verify_opening(bundle, operator._session.trust)
        assert opened.found is verdict.found
        assert tuple(str(value) for value in opened.subject) == verdict.subject
        assert ("4000" in json.dumps(bundle["subject"])) is (position == 1)
    with pytest.raises(HomeError, match="2 subjects"):
        buyer.open_receipt(present.request_id, 2)


def test_a_lost_answer_is_fetched_again_and_charged_once(
    buyer: Client, operator: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(buyer, operator)
    buyer.lookup(identifier, 1)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unseen.client.queries.asking.keep_reply", die)
    with pytest.raises(KeyboardInterrupt):
        buyer.lookup(identifier, 2)
    monkeypatch.undo()
    (lost,) = buyer.unanswered(identifier)
    with Client(world.folder / "buyer") as restarted:
        assert restarted.fetch(lost).facts.total == 2
        assert restarted.lookup(identifier, 2).cached
    assert buyer.usage(identifier).units_used == 2
    assert buyer.settle(identifier) == operator.operator_settle(identifier)


def test_a_receipt_outlives_the_reply_that_its_epoch_took_along(
    buyer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(buyer, operator)
    buyer.lookup(identifier, 1)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unseen.client.queries.asking.check_receipt", die)
    monkeypatch.setattr("unseen.client.queries.lookups.asking.check_receipt", die)
    with pytest.raises(KeyboardInterrupt):
        buyer.lookup(identifier, 2)
    monkeypatch.undo()
    assert identifier in operator.refresh_table("people").contracts
    closed = "epoch.closed", identifier
    give_up = time.monotonic() + 120
    while closed not in {(leaf.type, leaf.fields.get("contract")) for leaf in operator.leaves()}:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    assert buyer.settle(identifier) == operator.operator_settle(identifier)
    assert buyer.lost(identifier) == []


def test_a_lost_receipt_file_is_restored(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    verdict = buyer.lookup(identifier, 8)
    verdict.receipt_path.unlink()
    assert buyer.receipt(verdict.request_id).facts.units == 1
    verdict.receipt_path.write_bytes(b"")  # as a kill between two system calls leaves it
    assert buyer.receipt(verdict.request_id).facts.units == 1
    assert buyer.usage(identifier).units_used == 1


@pytest.mark.parametrize("part", ["evaluated", "proof", "receipt", "nonce", "order", "count"])
def test_an_altered_answer_is_never_believed(
    buyer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    identifier = contract(buyer, operator)
    stub = buyer._lookups._stub

    class Altered:
        def with_call(self, *arguments: object, **options: object) -> tuple[object, object]:
            answer, call = stub.Evaluate.with_call(*arguments, **options)  # type: ignore[arg-type]
            if part == "evaluated":
                answer.evaluated[0] = bytes(32)
            elif part == "proof":
                answer.proof = answer.proof[:-1] + bytes([answer.proof[-1] ^ 1])
            elif part == "receipt":
                token = answer.release.receipt
                answer.release.receipt = (
                    token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]
                )
            elif part == "nonce":
                answer.release.nonce = bytes(32)
            elif part == "order":
                first, second = answer.evaluated
                answer.evaluated[:] = [second, first]
            else:
                del answer.evaluated[1]
            return answer, call

    class Stub:
        Evaluate = Altered()

    monkeypatch.setattr(buyer._lookups, "_stub", Stub())
    with pytest.raises((PeerError, EvidenceError)):
        buyer.lookup_many(identifier, [1, 2])
    monkeypatch.undo()
    (lost,) = buyer.unanswered(identifier)  # it was charged: the true answer can be had
    assert buyer.fetch(lost).facts.units == 2


def test_another_answers_receipt_is_refused(
    buyer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(buyer, operator)
    other = buyer.receipt(buyer.lookup(identifier, 1).request_id)
    stub = buyer._lookups._stub

    class Swapped:
        def with_call(self, *arguments: object, **options: object) -> tuple[object, object]:
            answer, call = stub.Evaluate.with_call(*arguments, **options)  # type: ignore[arg-type]
            answer.release.receipt = other.token
            return answer, call

    class Stub:
        Evaluate = Swapped()

    monkeypatch.setattr(buyer._lookups, "_stub", Stub())
    with pytest.raises(AnswerInvalidError, match="another request"):
        buyer.lookup(identifier, 2)


def test_a_damaged_table_is_fetched_anew(buyer: Client, operator: Client, world: World) -> None:
    identifier = contract(buyer, operator)
    buyer.lookup(identifier, 1)
    home = Home(world.folder / "buyer")
    (manifest,) = [
        epoch.manifest
        for epoch in buyer._lookups._epochs._epochs.values()
        if epoch.contract == identifier
    ]
    (path,) = [path for path in home.root.glob("tables/*.table") if _is(path, manifest)]
    part = path.with_suffix(".part")
    part.write_bytes(path.read_bytes()[:100])  # an interrupted transfer
    whole = path.read_bytes()
    path.unlink()
    with Client(home.root) as again:
        again.lookup(identifier, 2)
    assert path.read_bytes() == whole
    path.unlink()
    part.write_bytes(b"x" * 100)  # a transfer that goes on from something else
    with Client(home.root) as again, pytest.raises(PeerError):
        again.lookup(identifier, 3)
    with Client(home.root) as again:
        again.lookup(identifier, 3)
    assert path.read_bytes() == whole


def _is(path: Path, manifest: object) -> bool:
    from unseen.client.queries.tables import table_name
    from unseen.evidence.releases.manifest import Manifest

    return isinstance(manifest, Manifest) and path.name == table_name(manifest)


def test_an_instance_asks_for_its_party(buyer: Client, operator: Client, world: World) -> None:
    from unseen.client.local import identity

    identifier = contract(buyer, operator)
    identity.certify_instance(buyer.home.root, "till", world.folder / "till")
    with Client(world.folder / "till") as till:
        verdict = till.lookup(identifier, 4)
        assert till.receipt(verdict.request_id).facts.instance == "till"
        buyer.lookup(identifier, 5)
        mine = buyer.settle(identifier, [verdict.receipt_path])
        assert mine == operator.operator_settle(identifier)
        operator.revoke_party("lender/till")
        with pytest.raises(RefusedError) as caught:
            till.lookup(identifier, 6)
        assert caught.value.reason == "CERTIFICATE_REVOKED"


def test_a_refreshed_table_gives_new_answers(buyer: Client, operator: Client, world: World) -> None:
    identifier = contract(buyer, operator)
    assert buyer.lookup(identifier, 0).answers["rich"] is Answer.NO
    path = world.folder / "people.csv"
    before = path.read_text()
    path.write_text(before.replace("\n0,20000\n", "\n0,90000\n"))
    try:
        assert identifier in operator.refresh_table("people").contracts
        give_up = time.monotonic() + 120
        answer = Answer.NO
        while answer is Answer.NO and time.monotonic() < give_up:
            time.sleep(0.5)  # the node builds the new epochs of every contract of this module
            with Client(buyer.home.root) as fresh:
                answer = fresh.lookup(identifier, 0).answers["rich"]
        assert answer is Answer.YES
        # The long-lived client learns of the new epoch from the node's refusal of the old one.
        assert buyer.lookup(identifier, 298).answers["rich"] is Answer.YES
        assert buyer.lookup(identifier, 0).answers["rich"] is Answer.YES
    finally:
        path.write_text(before)
        operator.refresh_table("people")


def test_a_rolled_back_node_is_caught_by_the_next_call(buyer: Client, operator: Client) -> None:
    follower = buyer._session.channel.follower
    newest = follower.newest
    assert newest is not None
    follower._newest = type(newest)(newest.size + 5, bytes(32), newest.note)
    try:
        with pytest.raises(LogForkedError):
            buyer.node()
        assert list((buyer.home.root / "evidence").iterdir())
    finally:
        follower._newest = newest


def test_an_invitation_is_good_once(operator: Client, world: World, tmp_path: Path) -> None:
    invitation = operator.invite("second")
    Client.join(invitation, tmp_path / "one").close()
    with pytest.raises(RefusedError) as caught:
        Client.join(invitation, tmp_path / "two")
    assert caught.value.reason == "INVITATION_INVALID"
    assert not Home(tmp_path / "two").profile.exists()
    with pytest.raises(HomeError, match="already"):
        Client.join(invitation, tmp_path / "one")
    for damaged in (b"", b"{}", invitation.replace(b'"v": 1', b'"v": 2'), invitation[:-20]):
        with pytest.raises(HomeError):
            Client.join(damaged, tmp_path / "three")


def test_a_node_of_another_domain_is_not_believed(
    world: World, tmp_path: Path, buyer: Client
) -> None:
    home = Home(tmp_path)
    home.make()
    for source in buyer.home.root.rglob("*"):
        if source.is_file() and not source.name.startswith("state.db"):
            target = tmp_path / source.relative_to(buyer.home.root)
            target.write_bytes(source.read_bytes())
    other = World(tmp_path / "elsewhere")
    other.folder.mkdir()
    other.unseen("node", "init", "--home", str(other.node), "--listen", "127.0.0.1:1")
    (tmp_path / "tls/ca.pem").write_bytes((other.node / "operator/tls/ca.pem").read_bytes())
    with Client(tmp_path) as client, pytest.raises(UnreachableError) as caught:
        client.node()
    assert caught.value.reason == "CERTIFICATE_REJECTED"


def test_a_killed_node_is_unreachable_and_comes_back(
    buyer: Client, operator: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(buyer, operator)
    buyer.lookup(identifier, 1)
    world.stop(signal.SIGKILL)
    with monkeypatch.context() as gone:
        gone.setattr(asking, "_FIRST_PAUSE", 0.0)  # nobody starts it while the buyer waits
        with pytest.raises(UnreachableError) as caught:
            buyer.lookup(identifier, 2)
    assert caught.value.remedy
    (lost,) = buyer.unanswered(identifier)
    world.start()
    assert buyer.fetch(lost).facts.total == 2
    assert buyer.lookup(identifier, 2).cached
    assert buyer.settle(identifier) == operator.operator_settle(identifier)


def test_lookups_hold_no_secret_in_their_repr(buyer: Client) -> None:
    opening = buyer._session.state.request(buyer.receipts()[0].id)
    assert opening is not None
    assert "blinds" not in repr(opening)
    assert isinstance(buyer._lookups, Lookups)


def test_fetched_answers_are_those_that_were_given(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    first, second = buyer.lookup_many(identifier, [1, 8])
    again = buyer.fetch_answers(first.request_id)
    assert [each.answers for each in again] == [first.answers, second.answers]
    assert buyer.usage(identifier).units_used == 2
