"""Promise 1: what is planted in the table crosses no socket and enters no log, error or home."""

import base64
import gzip
import os
import secrets
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tests.promises.canaries import Found, Scanner, encodings
from tests.promises.hidden import Buyer, agree
from tests.promises.stage import Stage, make_people, write_table
from tests.promises.wire import Proxy, Recorder, proxied

from unseen.client.catalog import Predicate
from unseen.client.errors import RefusedError
from unseen.client.local.home import Home
from unseen.client.local.profile import load_profile
from unseen.client.statistics import Statistics
from unseen.evidence.contracts.statistics.definition_file import parse_definition

WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "gzip in zlib": lambda data: zlib.compress(gzip.compress(data)),
    "cut off": lambda data: zlib.compress(data + os.urandom(4000))[:-1000],
}
FAILING = (
    "note::INTEGER > 3",  # DuckDB's own message quotes the value that it cannot convert
    "payload::VARCHAR::DATE > 出生日期",
    "subject > (SELECT max(subject) FROM people)",
    "amount::TINYINT > 3",
    "error(note) IS NULL",
)
VALUE = bytes.fromhex("f3a9117b0c5d2e8846ffb0e1927c64d5")
COUNTED = """
[[dimension]]
name = "earnings_group"
text = "Earnings"
column = "earnings"
edges = [0, 20000, 50000, 100000]

[[measure]]
name = "serial"
text = "Serial number"
column = "serial"
low = 0
high = 1000
edges = [0, 500, 1001]

[[measure]]
name = "amount"
text = "Amount"
column = "amount"
low = 0
high = 1000

[[filter]]
name = "noted"
text = "Has a note"
expression = "{filter}"

[partition]
by = ["earnings_group"]
measures = ["amount"]
"""


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_the_scanner_finds_what_is_there(wrapping: str) -> None:
    """Positive control: a test that finds nothing must be able to find something."""
    scanner, other = Scanner([VALUE]), Scanner([bytes(reversed(range(16)))])
    for name, text in encodings(VALUE).items():
        noise = os.urandom(300)
        data = noise + WRAPPED[wrapping](noise + text + noise) + noise
        assert scanner.find(data, "here"), name
        assert not other.find(data, "here"), name


@pytest.mark.parametrize("offset", range(3))
def test_the_scanner_finds_what_stands_inside_longer_base64(offset: int) -> None:
    inner = os.urandom(60 + offset) + zlib.compress(VALUE.hex().encode() * 2) + os.urandom(60)
    data = b'{"payload":"' + base64.urlsafe_b64encode(inner).rstrip(b"=") + b'"}'
    assert Scanner([VALUE]).find(data, "here")


@pytest.fixture
def recorded(
    copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Stage, Recorder, Proxy]]:
    """Return a serving stage all of whose clients go through recorder and proxy."""
    recorder = Recorder()
    monkeypatch.setattr(grpc, "secure_channel", recorder.channel)
    stage = copy()
    stage.start()
    with proxied(stage.port) as proxy:
        for party in ("operator", "lender", "rival"):
            home = Home(stage.party_home(party))
            profile = load_profile(home)
            node = replace(profile.node, address=f"127.0.0.1:{proxy.port}")
            replace(profile, node=node).save(home)
        yield stage, recorder, proxy
        stage.close_clients()


def test_canaries_stay_where_they_are(
    recorded: tuple[Stage, Recorder, Proxy], tmp_path: Path
) -> None:
    stage, recorder, proxy = recorded
    shown = _walk_through(stage, tmp_path)
    stage.stop()

    columns = [value for person in stage.people for value in person.canaries]
    subjects = [bytes.fromhex(person.subject) for person in stage.people]
    asked = {bytes.fromhex(stage.people[place].subject) for place in (0, 1, -4, -3)}
    anywhere = Scanner(columns + subjects)

    for method, data in recorder.sent:
        for found in anywhere.find(data, f"sent to {method}"):
            # `verify` names its subject in the clear: that is what its contract says.
            assert "VerifyService" in found.place, found
            assert found.value in asked
    _nothing(anywhere, [(f"received from {method}", data) for method, data in recorder.received])
    _nothing(anywhere, [(f"TLS {way}", bytes(data)) for way, data in proxy.seen.items()])
    _nothing(anywhere, [("what the node printed", stage.output.read_bytes())])
    _nothing(anywhere, [("what users were shown", shown.encode())])
    _nothing(anywhere, _files(stage.home))
    # A buyer knows whom it asked about; that, too, its home holds only sealed.
    _nothing(anywhere, _files(stage.party_home("lender")))
    _nothing(anywhere, _files(stage.party_home("rival")))
    (matrix,) = (stage.home / "tables").glob("*.matrix")
    masked = matrix.read_bytes()
    parts = Scanner([masked[start : start + 16] for start in range(0, len(masked), 1009)][:-1])
    _nothing(parts, [(f"received from {method}", data) for method, data in recorder.received])
    assert {method for method, _ in recorder.received} >= {
        "/unseen.v1.LookupService/FetchTable",
        "/unseen.v1.LookupService/Evaluate",
        "/unseen.v1.LookupService/Answer",
        "/unseen.v1.VerifyService/Verify",
        "/unseen.v1.StatisticsService/Ask",
        "/unseen.v1.LogService/ListLeaves",
        "/unseen.v1.CatalogService/ListTables",
        "/unseen.v1.CatalogService/RegisterProduct details",
        "/unseen.v1.VerifyService/Verify grpc-status-details-bin",
        "/unseen.v1.StatisticsService/Ask grpc-status-details-bin",
    }
    assert len(proxy.seen["down"]) > sum(len(data) for _, data in recorder.received) // 2


def test_what_the_recorder_and_the_files_hold_would_be_found(
    recorded: tuple[Stage, Recorder, Proxy],
) -> None:
    """Positive control: the same places do show a value that is meant to be there."""
    stage, recorder, _ = recorded
    contract = stage.contract("clear")
    verdict = stage.lender.verify(contract, stage.people[0].subject)
    stage.stop()
    scanner = Scanner([bytes.fromhex(verdict.request_id)])
    sent = b"".join(data for _, data in recorder.sent)
    received = b"".join(data for _, data in recorder.received)
    assert scanner.find(sent, "sent")
    assert scanner.find(received, "received")  # in the payload of the receipt's JWS
    for home in (stage.home, stage.party_home("lender")):
        assert any(scanner.find(data, place) for place, data in _files(home))


def _walk_through(stage: Stage, folder: Path) -> str:
    """Do everything a node can be asked for, refusals too; return what users got to read.

    But for verdicts: a buyer is told whom it asked about.
    """
    operator, lender, rival = stage.operator, stage.lender, stage.rival
    shown: list[object] = [operator.tables(), operator.products(), lender.products()]
    hidden, clear = stage.contract(), stage.contract("clear", units=3)
    lender.lookup_many(hidden, [person.subject for person in stage.people])
    for person in stage.people[:2]:
        lender.verify(clear, person.subject)
    bundle_of = lender.lookup(hidden, stage.people[3].subject).request_id
    lender.open_receipt(bundle_of, 3)
    lender.verify(clear, secrets.token_hex(16))
    shown += [operator.refresh_table("people"), *operator.leaves(), *operator.contracts()]
    _ask_hidden_table(stage)
    shown += [operator.usage(hidden), lender.usage(clear), *lender.receipts()]
    shown += [operator.operator_settle(hidden), lender.settle(hidden), *operator.parties()]
    shown += [_refusal(lender.verify, clear, stage.people[0].subject)]
    shown += [_refusal(rival.verify, clear, stage.people[1].subject)]
    for number, expression in enumerate(FAILING):
        bad = Predicate("bad", "fails", expression)
        shown.append(_refusal(stage.offer, f"bad-{number}", "people", "lookup", [bad]))
    shown += _count(stage)
    people, table = make_people(4), folder / "other.parquet"
    stage.people += people
    write_table(table, [*people, *people])
    for subject in ("subject", "earnings", "amount"):  # twice, null, of no type that names anybody
        shown.append(_refusal(stage.register, "other", table, subject))
    write_table(table, people)
    stage.register("other", table)
    stage.offer("other", "other", "verify")
    other = stage.contract("other", buyer="rival")
    rival.verify(other, people[0].subject)
    counted = _counted(stage, "other", "rival")
    write_table(table, people[:3])
    shown.append(_refusal(rival.verify, other, people[1].subject))
    shown.append(_refusal(lambda: counted.count(where="noted", rho="0.01")))
    return repr(shown)


def _ask_hidden_table(stage: Stage) -> None:
    buyer = Buyer(stage.lender, agree(stage))
    ask, outputs = buyer.evaluate([person.subject for person in stage.people])
    queries, _ = buyer.queries(buyer.rows(), outputs)
    buyer.answer(ask.request.request, queries)


def _count(stage: Stage) -> list[object]:
    """Ask every question about the planted columns, and some that are refused."""
    for number, expression in enumerate(FAILING):
        with pytest.raises(RefusedError):
            _offer_counts(stage, f"bad-counts-{number}", "people", expression)
    answers = _counted(stage, "people", "lender")
    shown: list[object] = [answers.menu(), answers.partition()]
    shown += [
        ask(of, by="earnings_group", where="noted", rho="0.3")
        for of in ("serial", "amount")
        for ask in (answers.sum, answers.mean, answers.variance)
    ]
    shown += [answers.histogram("serial", rho="0.3"), answers.quantile("serial", rho="0.3")]
    shown += [answers.count(rho="0.3"), answers.budget(), stage.operator.privacy_ledgers()]
    return [*shown, _refusal(lambda: answers.count(by="earnings_group", rho="99"))]


def _counted(stage: Stage, table: str, buyer: str) -> Statistics:
    """Return what may be asked about a table under a contract in force."""
    _offer_counts(stage, f"{table}-counts", table, "length(note) > 0")
    stage.operator.set_privacy_budget(table, epsilon="90", delta="0.000001")
    contract = stage.client(buyer).request_contract(
        f"{table}-counts",
        outputs=["earnings_group", "serial", "amount", "noted"],
        scenario="tests",
        units=50,
        days=1,
        group=3,
        budget="90",
    )
    stage.operator.approve(contract.id)
    stage.client(buyer).sign(contract.id)
    return stage.client(buyer).statistics(contract.id)


def _offer_counts(stage: Stage, name: str, table: str, expression: str) -> None:
    menu = parse_definition(COUNTED.replace("{filter}", expression).encode())
    stage.operator.register_product(
        name, table=table, kind="statistics", title="Counts", predicates=menu
    )


def _refusal(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(RefusedError) as caught:
        call(*arguments)
    error = caught.value
    return f"{error!r} {error.clause} {error.remedy}"


def _files(home: Path) -> list[tuple[str, bytes]]:
    found = [path for path in home.rglob("*") if path.is_file()]
    assert found
    return [(str(path.relative_to(home)), path.read_bytes()) for path in found]


def _nothing(scanner: Scanner, places: list[tuple[str, bytes]]) -> None:
    found: list[Found] = []
    for place, data in places:
        found += scanner.find(data, place)
    assert not found
