"""A table that stays at its node is built again under its key: little moves, all of it holds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.promises.hidden import Buyer
from tests.promises.stage import Stage, serving, wait_until
from tests.promises.test_audit import tell

from unseen.client import Client, check_folder
from unseen.client.errors import WireError
from unseen.evidence.canonical import b64encode
from unseen.evidence.oversight.opening import verify_opening
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng
from unseen.v1 import lookup_pb2

ROWS = 30_000
CHANGED, DELETED, NEW, SAME = "p17", "p4000", "newcomer", "p29999"
SUBJECTS = (CHANGED, DELETED, NEW, SAME)
FIRST = f"SELECT 'p' || i AS subject, 50000 AS earnings FROM range({ROWS}) t(i)"
SECOND = (
    f"SELECT subject, CASE WHEN subject = '{CHANGED}' THEN 1 ELSE earnings END AS earnings"
    f" FROM ({FIRST}) WHERE subject <> '{DELETED}' UNION ALL SELECT '{NEW}', 60000"
)


def write(path: Path, sql: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")


class Many:
    """A node with a table of many rows, and a buyer at it; `fetched` counts bytes of hints."""

    def __init__(self, stage: Stage, patched: pytest.MonkeyPatch) -> None:
        self.patched, self.stage, self.path = patched, stage, stage.root / "many.parquet"
        self.fetched: list[int] = []
        self.contract = ""

    def begin(self) -> None:
        """Register the table and have a contract over it."""
        write(self.path, FIRST)
        self.stage.register("many", self.path)
        self.stage.offer("many-hidden", "many", "lookup")
        client = self.stage.lender
        found = client.request_contract(
            "many-hidden",
            outputs=["earns_40k", "earns"],
            scenario="tests",
            units=100,
            days=1,
            way="lwe_pir",
        )
        self.stage.operator.approve(found.id)
        client.sign(found.id)
        self.contract = found.id

    def client(self) -> Client:
        """Return the lender's client, whose hints are weighed."""
        client = self.stage.lender
        channel = client._session.channel
        stream = type(channel).stream

        def weighed(call: Any, request: Any, seconds: float) -> Iterator[Any]:
            for answer in stream(channel, call, request, seconds):
                if isinstance(answer, lookup_pb2.FetchTableResponse):
                    self.fetched.append(len(answer.chunk))
                yield answer

        self.patched.setattr(channel, "stream", weighed)
        return client

    def refresh(self, sql: str) -> None:
        write(self.path, sql)
        self.stage.operator.refresh_table("many")

    def buyer(self) -> Buyer:
        return Buyer(self.stage.lender, self.contract)

    def built(self, build: int) -> bool:
        found = self.buyer().manifest
        assert found.epoch == 1
        return found.build == build

    def asked(self, client: Client) -> dict[str, tuple[str, bool]]:
        found = client.lookup_many(self.contract, SUBJECTS)
        return {v.subject[0]: (v.answers["earns_40k"].value, v.cached) for v in found}


@pytest.fixture
def many(copy: Callable[[], Stage], monkeypatch: pytest.MonkeyPatch) -> Many:
    return Many(copy(), monkeypatch)


def test_a_refresh_moves_what_changed_and_everything_holds(many: Many, tmp_path: Path) -> None:
    with serving(many.stage) as stage:
        many.begin()
        client = many.client()
        assert many.asked(client) == {
            CHANGED: ("yes", False),
            DELETED: ("yes", False),
            NEW: ("no_usable_result", False),
            SAME: ("yes", False),
        }
        first = many.buyer().manifest
        whole, before = sum(many.fetched), many.buyer().rows()
        assert whole == first.rows * first.row_bytes
        many.fetched.clear()
        many.refresh(SECOND)
        wait_until(lambda: many.built(2))
        second = many.buyer().manifest
        assert (second.public_key, second.rows) == (first.public_key, first.rows)
        assert second.snapshot != first.snapshot
        after = many.buyer().rows()
        changed = [n for n, row in enumerate(after) if row.nonce != before[n].nonce]
        assert 1 <= len(changed) <= 3
        client._lookups._epochs.forget(many.contract)
        many.fetched.clear()
        assert many.asked(client) == {
            CHANGED: ("no", False),
            DELETED: ("no_usable_result", False),
            NEW: ("yes", False),
            SAME: ("yes", False),
        }
        assert sum(many.fetched) == 32 * first.rows + len(changed) * first.row_bytes
        assert sum(many.fetched) < whole / 2
        assert client.usage(many.contract).units_used == 8
        replayed = stage.operator.replay_table(many.contract)
        assert replayed.digest == b64encode(second.digest)
        for verdict in client.lookup_many(many.contract, [CHANGED]):
            opened = verify_opening(client.open_receipt(verdict.request_id), tell(stage, "lender"))
            assert opened.verdicts["earns_40k"] is False
        stage.join("eva", "auditor")
        stage.client("eva").keys(accept=True)
        stage.client("eva").export(tmp_path / "log")
        report = check_folder(tmp_path / "log", tell(stage, "eva"))
        assert report.ok, report.findings
        names = {path.name for path in (stage.home / "tables").glob(f"{many.contract}-*.table")}
        assert names == {f"{many.contract}-1.2.table"}


def test_what_was_asked_before_a_build_is_refused_after_it(many: Many) -> None:
    with serving(many.stage):
        many.begin()
        buyer = many.buyer()
        ask, outputs = buyer.evaluate([CHANGED])
        queries, _ = buyer.queries(buyer.rows(), outputs)
        unsent = buyer.ask(blind([b"anything"], Mode.VOPRF, seeded_rng(3)))
        many.refresh(SECOND)
        wait_until(lambda: many.built(2))
        with pytest.raises(WireError) as caught:
            buyer.answer(ask.request.request, queries)
        assert caught.value.reason == "MANIFEST_STALE"
        with pytest.raises(WireError) as caught:
            unsent.send()
        assert caught.value.reason == "MANIFEST_STALE"
        # Nor does what was charged before pay for reading what holds now.
        later = many.buyer()
        rows = later.rows()
        queries, _ = later.queries(rows, outputs)
        with pytest.raises(WireError) as caught:
            later.answer(ask.request.request, queries)
        assert caught.value.reason == "MANIFEST_STALE"
        assert many.stage.lender.usage(many.contract).units_used == 1


@pytest.mark.long
def test_a_kill_before_a_build_is_announced_leaves_the_one_before(many: Many) -> None:
    stage = many.stage
    with serving(stage):
        many.begin()
        assert many.built(1)
        first = many.asked(many.client())
        assert first[CHANGED][0] == "yes"
    stage.start(UNSEEN_FAILPOINT="epoch.before_publish")
    many.refresh(SECOND)
    assert stage.wait_dead() == -9
    with serving(stage):
        wait_until(lambda: many.built(2))
        assert many.asked(many.client())[CHANGED] == ("no", False)
        replayed = stage.operator.replay_table(many.contract)
        assert replayed.digest == b64encode(many.buyer().manifest.digest)


def test_rows_that_do_not_fit_any_more_get_a_new_key(many: Many) -> None:
    with serving(many.stage):
        many.begin()
        first = many.buyer().manifest
        many.refresh(FIRST.replace(str(ROWS), str(ROWS + 9000)))

        def rotated() -> bool:
            return many.buyer().manifest.epoch == 2

        wait_until(rotated)
        second = many.buyer().manifest
        assert (second.build, second.rows > first.rows) == (1, True)
        assert second.public_key != first.public_key
