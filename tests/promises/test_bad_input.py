"""Promise 8: what does not decode or is out of range is one clear error, and costs nothing."""

import datetime as dt
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.promises.asks import ASKS, Ask, blind_ask, lookup_ask, verify_ask
from tests.promises.stage import PREDICATES, Stage, now

from unseen.client import Client
from unseen.client.errors import RefusedError, WireError
from unseen.client.local.home import Home
from unseen.client.local.profile import load_profile
from unseen.evidence import canonical
from unseen.evidence.errors import EvidenceError
from unseen.evidence.releases.request import MAX_REQUEST_AGE
from unseen.protocols.errors import PeerError
from unseen.protocols.group.ristretto255 import ORDER
from unseen.v1 import catalog_pb2, lookup_pb2, meter_pb2

P = 2**255 - 19
GOOD = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
ELEMENTS = {
    "identity": bytes(32),
    "not canonical: p": P.to_bytes(32, "little"),
    "not canonical: p + 1": (P + 1).to_bytes(32, "little"),
    "not canonical: high bit": GOOD[:31] + bytes([GOOD[31] | 0x80]),
    "negative": (P - int.from_bytes(GOOD, "little")).to_bytes(32, "little"),
    "not a square": bytes([2]) + bytes(31),
    "all ones": b"\xff" * 32,
    "empty": b"",
    "short": GOOD[:31],
    "long": GOOD + b"\x00",
    "a scalar": (ORDER - 1).to_bytes(32, "little"),
}


@pytest.fixture(scope="module")
def hidden(stage: Stage) -> str:
    return stage.contract(units=1_000_000)


@pytest.fixture(scope="module")
def clear(stage: Stage) -> str:
    return stage.contract("clear", units=1_000_000)


def refusal(stage: Stage, contract: str, send: Callable[[], object]) -> WireError:
    """Return how `send` is refused; nothing may be charged."""
    before = stage.lender.usage(contract)
    with pytest.raises(RefusedError) as caught:
        send()
    assert stage.lender.usage(contract) == before
    assert not caught.value.charged
    assert str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", ELEMENTS)
@pytest.mark.parametrize("place", [0, 2])
def test_elements_that_are_none(stage: Stage, hidden: str, name: str, place: int) -> None:
    ask = lookup_ask(stage.lender, hidden, [p.subject for p in stage.people[:3]])
    parts = [*ask.parts]
    parts[place] = ELEMENTS[name]
    error = refusal(stage, hidden, ask.over(parts).send)
    assert error.reason == "ELEMENT_INVALID"
    assert str(error) == f"invalid group element at position {place}"
    assert ask.over(ask.parts[:1]).send().release.receipt  # the id was not used up by it


@pytest.mark.parametrize("count", [0, 4097])
def test_too_few_or_too_many_elements(stage: Stage, hidden: str, count: int) -> None:
    ask = lookup_ask(stage.lender, hidden, [stage.people[0].subject])
    message: Any = ask.message
    del message.blinded[:]
    message.blinded.extend([ask.parts[0]] * count)
    error = refusal(stage, hidden, lambda: _raw(stage.lender, *_evaluate(message)))
    assert error.reason == "BATCH_SIZE"


def test_fewer_units_than_elements(stage: Stage, hidden: str) -> None:
    ask = lookup_ask(stage.lender, hidden, [p.subject for p in stage.people[:2]])
    error = refusal(stage, hidden, ask.over(ask.parts, 1).send)
    assert (error.reason, error.clause) == ("FIELD_INVALID", "request.units")


def test_a_whole_batch_is_fine(stage: Stage, hidden: str) -> None:
    ask = lookup_ask(stage.lender, hidden, [stage.people[0].subject])
    answer: Any = ask.over([ask.parts[0]] * 4096).send()
    assert len(set(answer.evaluated)) == 1


STATEMENTS: dict[str, tuple[Callable[[Ask], Ask], str, str]] = {
    "another commitment": (
        lambda ask: ask.saying(commitment=bytes(32)),
        "FIELD_INVALID",
        "request.commitment",
    ),
    "another nonce": (
        lambda ask: replace(ask, nonce=bytes(32)),
        "FIELD_INVALID",
        "request.commitment",
    ),
    "a short nonce": (
        lambda ask: replace(ask, nonce=ask.nonce[:31]),
        "FIELD_INVALID",
        "request.commitment",
    ),
    "more units": (lambda ask: ask.saying(units=2), "FIELD_INVALID", "request.units"),
    "long ago": (
        lambda ask: ask.saying(issued_at=now() - MAX_REQUEST_AGE - dt.timedelta(minutes=1)),
        "REQUEST_OUTDATED",
        "request.issued_at",
    ),
    "in the future": (
        lambda ask: ask.saying(issued_at=now() + MAX_REQUEST_AGE + dt.timedelta(minutes=1)),
        "REQUEST_OUTDATED",
        "request.issued_at",
    ),
}


@pytest.mark.parametrize("product", ["hidden", "clear"])
@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_that_do_not_fit(
    stage: Stage, request: pytest.FixtureRequest, name: str, product: str
) -> None:
    change, reason, clause = STATEMENTS[name]
    contract = request.getfixturevalue(product)
    ask = change(ASKS[product](stage.lender, contract, stage.people[0].subject))
    error = refusal(stage, contract, ask.send)
    assert (error.reason, error.clause) == (reason, clause)


@pytest.mark.parametrize("epoch", ["another number", "another manifest"])
def test_a_stale_manifest(stage: Stage, hidden: str, epoch: str) -> None:
    ask = lookup_ask(stage.lender, hidden, [stage.people[0].subject])
    ask = ask.saying(epoch=7) if epoch == "another number" else ask.saying(manifest=b"m" * 32)
    error = refusal(stage, hidden, ask.send)
    assert (error.reason, error.clause, error.retry) == ("MANIFEST_STALE", "epoch", "new-id")


def test_a_clients_lookup_outlives_its_epoch(stage: Stage) -> None:
    contract = stage.contract()
    stage.lender.lookup(contract, stage.people[0].subject)
    stage.operator.refresh_table("people")
    stage.operator.refresh_table("people")  # two builds at once: the later one counts
    person = stage.people[1]
    verdict = stage.lender.lookup(contract, person.subject)
    assert {name: answer.value for name, answer in verdict.answers.items()} == person.answers
    epochs = [leaf.fields for leaf in stage.operator.leaves() if leaf.type == "manifest.published"]
    numbers = [int(str(each["epoch"])) for each in epochs if each["contract"] == contract]
    assert numbers == sorted(numbers)


def test_a_signature_of_somebody_else(stage: Stage, clear: str) -> None:
    mine = verify_ask(stage.lender, clear, stage.people[0].subject)
    message = mine.message
    message.request.signature = replace(mine, client=stage.rival).signed.signature
    error = refusal(stage, clear, lambda: _verify(stage, message))
    assert error.reason == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    ("field", "at"), [("signature", 0), ("signature", 63), ("statement", 100), ("nonce", 5)]
)
def test_flipped_bits(stage: Stage, clear: str, field: str, at: int) -> None:
    message = verify_ask(stage.lender, clear, stage.people[0].subject).message
    data = bytearray(getattr(message.request, field))
    data[at] ^= 1
    setattr(message.request, field, bytes(data))
    error = refusal(stage, clear, lambda: _verify(stage, message))
    assert error.reason in {
        "SIGNATURE_INVALID",
        "FIELD_INVALID",
        "CANONICAL_INVALID",
        "REQUEST_INVALID",
        "CONTRACT_NOT_FOUND",
        "SUITE_UNKNOWN",
    }


@pytest.mark.parametrize(
    "statement",
    [
        b"",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 5000,
        b'{"a":1e999}',
        b'{"v":1,"v":1}',
        b" {}",
        json.dumps({"v": 10**30}).encode(),
    ],
)
def test_statements_that_are_none(stage: Stage, clear: str, statement: bytes) -> None:
    message = verify_ask(stage.lender, clear, stage.people[0].subject).message
    message.request.statement = statement
    error = refusal(stage, clear, lambda: _verify(stage, message))
    assert error.reason in {"CANONICAL_INVALID", "REQUEST_INVALID"}


SUBJECTS = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[1]",
    b"[true]",
    b"[null]",
    b'["a","b"]',
    b'[["a"]]',
    b'[ "a"]',
    b'["\\ud800"]',
)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_that_are_none(stage: Stage, clear: str, subject: bytes) -> None:
    ask = verify_ask(stage.lender, clear, "x").over([subject])
    error = refusal(stage, clear, ask.send)
    assert error.reason in {"SUBJECT_INVALID", "CANONICAL_INVALID"}
    assert subject.decode() not in str(error) or subject in (b"", b"{}", b"[]")


def test_odd_subjects_are_nobody(stage: Stage, clear: str) -> None:
    for text in ("", "'", "' OR 1=1 --", "%", "\x00", "\U0001f600" * 100, "a" * 10_000):
        verdict = stage.lender.verify(clear, text)
        assert not verdict.found


@pytest.mark.parametrize("data", [b"\xff", b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x08" * 9])
@pytest.mark.parametrize("method", ["LookupService/Evaluate", "MeterService/GetUsage"])
def test_messages_that_do_not_decode(stage: Stage, hidden: str, method: str, data: bytes) -> None:
    error = refusal(stage, hidden, lambda: _raw(stage.lender, method, data))
    assert error.reason == "MALFORMED_MESSAGE"
    assert error.clause == "request"


def test_random_messages_end_in_a_reason_and_nothing_else(stage: Stage, hidden: str) -> None:
    """Whatever bytes arrive at whatever call: a status of this node's own, and a living node."""
    rounds = int(os.environ.get("UNSEEN_TEST_FUZZ", "150"))
    message = lookup_ask(stage.lender, hidden, [stage.people[0].subject]).message
    seed = message.SerializeToString()
    methods = ("LookupService/Evaluate", "VerifyService/Verify", "ContractService/SignContract")
    for number in range(rounds):
        data = bytearray(seed if number % 3 else secrets.token_bytes(number % 300))
        for _ in range(number % 7):
            if data:
                data[secrets.randbelow(len(data))] = secrets.randbelow(256)
        del data[len(data) - number % 5 :]
        try:
            _raw(stage.lender, methods[number % 3], bytes(data))
        except RefusedError as error:
            reason = error.reason
        else:
            reason = "answered"
        assert reason != "INTERNAL"
    assert "incident" not in stage.output.read_text()


def test_an_oversized_message(stage: Stage, hidden: str) -> None:
    request = lookup_pb2.EvaluateRequest(blinded=[bytes(1 << 20)])
    error = refusal(stage, hidden, lambda: _raw(stage.lender, *_evaluate(request)))
    assert error.reason == "RESOURCE_EXHAUSTED"


def test_a_compressed_bomb(stage: Stage, hidden: str) -> None:
    request = lookup_pb2.EvaluateRequest(blinded=[bytes(32 << 20)])
    call: Any = stage.lender._session.channel.grpc.unary_unary(
        "/unseen.v1.LookupService/Evaluate",
    )
    with pytest.raises(grpc.RpcError) as caught:
        call(request.SerializeToString(), timeout=60, compression=grpc.Compression.Gzip)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stage.lender.usage(hidden).requests >= 0


def test_oversized_metadata(stage: Stage) -> None:
    call: Any = stage.lender._session.channel.grpc.unary_unary("/unseen.v1.NodeService/GetNode")
    with pytest.raises(grpc.RpcError):
        call(b"", timeout=60, metadata=(("x", "y" * 40_000),))
    assert stage.lender.node().pinned


@pytest.mark.parametrize("size", ["-1", "x", "9" * 40, "99999999", ""])
def test_odd_tree_sizes_in_metadata(stage: Stage, size: str) -> None:
    call: Any = stage.lender._session.channel.grpc.unary_unary("/unseen.v1.NodeService/GetNode")
    assert call(b"", timeout=60, metadata=(("unseen-tree-size", size),))


@pytest.mark.parametrize("token", ["x", "-1", "9" * 30, "\u0661", "1.5"])
def test_odd_page_tokens(stage: Stage, hidden: str, token: str) -> None:
    request = meter_pb2.ListReleasesRequest(contract=f"contracts/{hidden}", page_token=token)
    with pytest.raises(RefusedError) as caught:
        _raw(stage.operator, "MeterService/ListReleases", request.SerializeToString())
    assert (caught.value.reason, caught.value.clause) == ("FIELD_INVALID", "page_token")


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "tables/A"},
        {"name": "tables/../x"},
        {"source": "relative.parquet"},
        {"source": ""},
        {"source": "/nul\0.parquet"},
        {"source": "http://host/x.parquet"},
        {"subject": []},
        {"subject": ["missing"]},
        {"subject": ["subject", "subject"]},
        {"labels": []},
        {"labels": [catalog_pb2.ColumnLabel(column="*", category="secret", level="1")]},
        {"labels": [catalog_pb2.ColumnLabel(column="*", category="public", level="9")]},
        {"labels": [catalog_pb2.ColumnLabel(column="nope", category="public", level="1")]},
    ],
    ids=str,
)
def test_registrations_that_say_nonsense(stage: Stage, changed: dict[str, Any]) -> None:
    fields = {
        "name": f"tables/t-{os.urandom(4).hex()}",
        "source": str(stage.table),
        "subject": ["subject"],
        "labels": [catalog_pb2.ColumnLabel(column="*", category="public", level="1")],
    }
    request = catalog_pb2.RegisterTableRequest(**{**fields, **changed})
    tables = stage.operator.tables()
    with pytest.raises(RefusedError) as caught:
        _raw(stage.operator, "CatalogService/RegisterTable", request.SerializeToString())
    assert caught.value.reason in {"FIELD_INVALID", "TABLE_UNREADABLE", "COLUMN_UNKNOWN"}
    assert caught.value.clause
    assert stage.operator.tables() == tables


@pytest.mark.parametrize(
    ("units", "per_minute"), [(0, 1), (-1, 1), (1, 0), (2**53, 1), (2**33, 1), (1, 2**62)]
)
def test_quotas_out_of_range(stage: Stage, units: int, per_minute: int) -> None:
    with pytest.raises(RefusedError) as caught:
        stage.lender.request_contract(
            "hidden",
            outputs=[predicate.name for predicate in PREDICATES],
            scenario="tests",
            units=units,
            per_minute=per_minute,
        )
    assert caught.value.reason in {"CONTRACT_INVALID", "LABEL_REFUSED"}
    assert caught.value.clause


@pytest.mark.parametrize("outputs", [["nope"], ["earns", "earns"], [""], ["earns"] * 300])
def test_outputs_that_are_not_offered(stage: Stage, outputs: list[str]) -> None:
    with pytest.raises(RefusedError) as caught:
        stage.lender.request_contract("hidden", outputs=outputs, scenario="tests", units=1)
    assert caught.value.reason in {"OUTPUT_UNKNOWN", "CONTRACT_INVALID", "FIELD_INVALID"}


@pytest.mark.parametrize("pin", ["evidence_key", "log_key", "operator_key", "log_origin"])
def test_wrong_pins_are_noticed(stage: Stage, tmp_path: Path, pin: str) -> None:
    """A client that pins other keys than this node's believes nothing that it says."""
    contract = stage.contract("clear")
    stage.close_clients()
    home = Home(tmp_path / "home")
    shutil.copytree(stage.party_home("lender"), home.root)
    profile = load_profile(home)
    wrong: Any = "other.unseen/log" if pin == "log_origin" else os.urandom(32)
    replace(profile, node=replace(profile.node, **{pin: wrong})).save(home)
    (home.root / "state.db").unlink(missing_ok=True)
    shutil.rmtree(home.root / "contracts")
    (home.root / "contracts").mkdir()
    with Client(home.root) as client:
        for call in (client.contracts, lambda: client.verify(contract, stage.people[0].subject)):
            with pytest.raises((PeerError, EvidenceError)) as caught:
                call()
            assert caught.value.reason in {"ANSWER_INVALID", "CHECKPOINT_INVALID"}


def test_the_command_line_says_what_clause_and_remedy_and_ends_with_3(stage: Stage) -> None:
    stage.close_clients()
    command = [sys.executable, "-m", "unseen.cli", "lookup", "A" * 43, "x", "--format", "json"]
    home = ["--home", str(stage.party_home("lender"))]
    done = subprocess.run([*command, *home], check=False, capture_output=True, text=True)
    error = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, error["exit_code"], error["charged"]) == (3, 3, False)
    assert error["reason"] == "CONTRACT_NOT_FOUND"
    assert error["clause"] == "contract"
    assert error["remedy"]


def test_blind_requests_under_a_contract_in_the_clear_are_refused(stage: Stage, clear: str) -> None:
    error = refusal(stage, clear, blind_ask(stage.lender, clear).send)
    assert error.reason == "KIND_REFUSED"


def test_numbers_are_not_texts(stage: Stage, clear: str) -> None:
    ask = verify_ask(stage.lender, clear, "x").over([canonical.encode([5])])
    assert refusal(stage, clear, ask.send).reason == "SUBJECT_INVALID"


def _evaluate(request: lookup_pb2.EvaluateRequest) -> tuple[str, bytes]:
    return "LookupService/Evaluate", request.SerializeToString()


def _verify(stage: Stage, message: Any) -> object:
    return _raw(stage.lender, "VerifyService/Verify", message.SerializeToString())


def _raw(client: Client, method: str, data: bytes) -> object:
    """Send bytes to a call, with the client's own reading of what is refused."""
    call: Any = client._session.channel.grpc.unary_unary(f"/unseen.v1.{method}")
    return client._session.channel.unary(call, data)
