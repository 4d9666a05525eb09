"""Further builds under one key over a node's store: when a key stays, and what is written."""

import dataclasses
import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import insert, select, update
from tests.node.conftest import NOW, Store, let_out, make_request

from unseen.evidence.canonical import format_time
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.contracts.states import State
from unseen.evidence.releases.manifest import MAX_BUILDS, Manifest, sign_manifest
from unseen.evidence.suite import INTL, Ed25519Signer
from unseen.node.contracts import keeping
from unseen.node.contracts.builder import OpenBuild
from unseen.node.contracts.epochs import (
    READY,
    CloseEpochs,
    Epochs,
    OpenEpoch,
    PublishBuild,
    PublishEpoch,
    builds_of,
    manifest_id,
)
from unseen.node.contracts.further import PublishAgain
from unseen.node.contracts.register import Contract
from unseen.node.data.spec import files_of
from unseen.node.errors import EpochNotReadyError, ManifestStaleError
from unseen.node.identity.vault import Vault
from unseen.node.kinds.lookup_plan import BUILDS, HIDDEN_STATEMENTS, KEY_DAYS
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import digest_of
from unseen.node.store.schema import builds_past, charges, epochs
from unseen.node.store.schema_consent import consent_epochs, consents, delegations
from unseen.node.store.schema_jobs import jobs
from unseen.protocols.oprf import keys
from unseen.protocols.testing import seeded_rng

VAULT = Vault(bytes(32))
KEY = keys.generate(seeded_rng(5))
HINT_ROW = 16 + 32 + 9 * 1472 * 2


def hidden(contract: Contract) -> Contract:
    """Return a contract over a table that stays, whose parties know what builds show."""
    plan = dataclasses.replace(contract.plan, protocol="lwe_pir")
    leakage = dataclasses.replace(contract.leakage, statements=HIDDEN_STATEMENTS)
    return dataclasses.replace(contract, plan=plan, leakage=leakage, state=State.ACTIVE)


def manifest_of(contract: Contract, build: int, **changes: Any) -> Manifest:
    fields: dict[str, Any] = {
        "suite": "intl",
        "contract": contract.id_bytes,
        "epoch": 1,
        "public_key": KEY.public_key,
        "rows": 3,
        "row_bytes": HINT_ROW,
        "label_bytes": 1,
        "nonce": bytes([build]) * 32,
        "snapshot": bytes([build]) * 32,
        "snapshot_at": NOW,
        "root": bytes(32),
        "digest": bytes(32),
        "subject": contract.plan.subject_columns,
        "outputs": contract.terms.outputs,
        "until": contract.terms.period.until,
        "protocol": "lwe_pir",
        "width": 4096,
        "build": build,
    }
    return Manifest(**fields | changes)


class House:
    """A store with one contract whose hidden table answers, and the steps of its builds."""

    def __init__(self, store: Store, contract: Contract, signer: Ed25519Signer, home: Path) -> None:
        self.store, self.contract, self.signer = store, hidden(contract), signer
        self.epochs = Epochs(store.engine, VAULT, signer)
        self.time = NOW
        self.node: Any = SimpleNamespace(
            engine=store.engine,
            epochs=self.epochs,
            clock=SimpleNamespace(now=lambda: self.time),
            log=store.log,
            table_path=lambda contract, epoch, build: home / f"{contract}-{epoch}.{build}.table",
        )
        self.home = home

    async def begin(self) -> None:
        """Have the first build answer, with all its files."""
        await self.store.writer.submit(OpenEpoch(self.contract.id, 1, VAULT, KEY.scalar))
        manifest = manifest_of(self.contract, 1)
        token = sign_manifest(self.signer, manifest)
        published = PublishEpoch(INTL, self.contract.id, 1, token, manifest, 3 * HINT_ROW)
        assert await self.store.writer.submit(published)
        self.epochs.reload()
        self.put_files(1)

    def put_files(self, build: int) -> None:
        for path in files_of(self.node.table_path(self.contract.id, 1, build)):
            path.write_bytes(b"")

    async def build(self, build: int, **changes: Any) -> bool:
        manifest = manifest_of(self.contract, build, **changes)
        token = sign_manifest(self.signer, manifest)
        step = PublishBuild(self.contract.id, 1, token, manifest, 3 * HINT_ROW, build)
        done = await self.store.writer.submit(step)
        self.epochs.reload()
        return bool(done)

    def kept(self, rows: int = 8000) -> int:
        table: Any = SimpleNamespace(snapshot=SimpleNamespace(rows=rows))
        return keeping.kept_epoch(self.node, self.contract, table)

    async def open(self, kept: int) -> list[tuple[str, Any]]:
        """Put in the job of the next build; return what each live job is about and asked."""
        kinds: Any = {"build": SimpleNamespace(lost=lambda *_: None, attempts=5)}
        step = OpenBuild(INTL, kinds, VAULT, self.contract, 2, 8000, KEY.scalar, kept)
        await self.store.writer.submit(step)
        with self.store.engine.connect() as connection:
            rows = connection.execute(select(jobs).where(jobs.c.state == "queued")).all()
        return [(row.about, row.ask) for row in rows]

    async def charge(self, number: int, manifest: bytes) -> Any:
        request = dataclasses.replace(
            make_request(self.contract.terms, number=number), manifest=manifest
        )
        return await self.store.writer.submit(
            Charge(
                contract=self.contract,
                request=request,
                statement_digest=digest_of(request),
                signature=bytes(64),
                instance="A" * 43,
                snapshot=bytes(32),
                released=let_out(self.contract, request, (b"reply",)),
            )
        )


@pytest.fixture
async def house(store: Store, contract_in: Any, signer: Ed25519Signer, tmp_path: Path) -> House:
    found = House(store, contract_in(), signer, tmp_path)
    await found.begin()
    return found


async def test_a_further_build_takes_the_place_of_the_one_before(house: House) -> None:
    first = house.epochs.current(house.contract.id)
    leaves = house.store.log.size
    assert await house.build(2)
    assert house.store.log.size == leaves + 1
    second = house.epochs.current(house.contract.id)
    assert (second.number, second.build, second.key) == (1, 2, first.key)
    with house.store.engine.connect() as connection:
        found = builds_of(connection, house.contract.id, 1)
        row = connection.execute(select(epochs)).one()
    assert [manifest_id(token) for token, _ in found] == [second.manifest_id, first.manifest_id]
    assert [index for _, index in found] == [second.leaf_index, first.leaf_index]
    assert (row.state, row.build, row.snapshot_version) == (READY, 2, 2)


@pytest.mark.parametrize("build", [3, 5, MAX_BUILDS])
async def test_a_build_that_does_not_follow_changes_nothing(house: House, build: int) -> None:
    leaves = house.store.log.size
    assert not await house.build(build)
    assert house.epochs.current(house.contract.id).build == 1
    assert house.store.log.size == leaves


async def test_a_build_of_an_epoch_that_has_ended_changes_nothing(house: House) -> None:
    await house.store.writer.submit(CloseEpochs(INTL, house.contract.id))
    leaves = house.store.log.size
    assert not await house.build(2)
    assert house.store.log.size == leaves
    with house.store.engine.connect() as connection:
        assert connection.execute(select(builds_past)).all() == []


async def test_what_is_asked_under_the_build_before_is_not_charged(house: House) -> None:
    first = house.epochs.current(house.contract.id).manifest_id
    assert (await house.charge(1, first)).reply
    await house.build(2)
    second = house.epochs.current(house.contract.id).manifest_id
    with pytest.raises(ManifestStaleError):
        await house.charge(2, first)
    assert (await house.charge(3, second)).reply
    with house.store.engine.connect() as connection:
        rows = connection.execute(select(charges.c.request, charges.c.reply)).all()
    assert {int(row.request, 16): bool(row.reply) for row in rows} == {1: True, 3: True}


class TestTheNextBuild:
    async def test_is_under_the_key_that_stays(self, house: House) -> None:
        assert await house.open(1) == [("epoch 1, build 2", b'{"build":2,"epoch":1}')]
        assert house.epochs.current(house.contract.id).build == 1

    async def test_takes_the_place_of_one_under_way(self, house: House) -> None:
        await house.open(1)
        assert [about for about, _ in await house.open(1)] == ["epoch 1, build 2"]

    async def test_is_under_a_new_key_where_none_stays(self, house: House) -> None:
        assert [about for about, _ in await house.open(0)] == ["epoch 2"]

    async def test_is_under_a_new_key_where_one_was_begun(self, house: House) -> None:
        """What began a new epoch has a reason that a refresh does not know: a withdrawal."""
        await house.open(0)
        assert [about for about, _ in await house.open(1)] == ["epoch 3"]

    async def test_is_under_a_new_key_where_the_epoch_is_over(self, house: House) -> None:
        await house.store.writer.submit(CloseEpochs(INTL, house.contract.id))
        assert [about for about, _ in await house.open(1)] == ["epoch 2"]


class TestAKey:
    async def test_stays_where_everything_allows(self, house: House) -> None:
        assert house.kept() == 1
        await house.build(2)
        assert house.kept() == 0  # its files are not there
        house.put_files(2)
        assert house.kept() == 1

    async def test_goes_where_the_parties_were_not_told(self, house: House) -> None:
        told = tuple(line for line in HIDDEN_STATEMENTS if line.what != BUILDS)
        leakage = dataclasses.replace(house.contract.leakage, statements=told)
        house.contract = dataclasses.replace(house.contract, leakage=leakage)
        assert house.kept() == 0

    async def test_goes_where_the_table_is_sent(self, house: House) -> None:
        plan = dataclasses.replace(house.contract.plan, protocol="oprf_table")
        house.contract = dataclasses.replace(house.contract, plan=plan)
        assert house.kept() == 0

    @pytest.mark.parametrize("state", [State.SUSPENDED, State.EXHAUSTED, State.REVOKED])
    async def test_goes_where_the_contract_is_not_in_force(
        self, house: House, state: State
    ) -> None:
        house.contract = dataclasses.replace(house.contract, state=state)
        assert house.kept() == 0

    @pytest.mark.parametrize(("rows", "kept"), [(0, 1), (9000, 1), (10_000, 0), (10**6, 0)])
    async def test_goes_where_rows_do_not_fit(self, house: House, rows: int, kept: int) -> None:
        assert house.kept(rows) == kept

    async def test_goes_where_no_epoch_answers(self, house: House) -> None:
        await house.store.writer.submit(CloseEpochs(INTL, house.contract.id))
        house.epochs.reload()
        assert house.kept() == 0

    @pytest.mark.parametrize(
        ("age", "kept"),
        [(dt.timedelta(days=KEY_DAYS), 1), (dt.timedelta(days=KEY_DAYS, seconds=1), 0)],
    )
    async def test_goes_with_the_age_of_the_first_build(
        self, house: House, age: dt.timedelta, kept: int
    ) -> None:
        await house.build(2)
        house.put_files(2)
        house.time = NOW + age
        assert house.kept() == kept

    async def test_goes_with_the_number_of_builds(self, house: House) -> None:
        with house.store.engine.begin() as connection:
            connection.execute(update(epochs).values(build=MAX_BUILDS - 1))
        assert await house.build(MAX_BUILDS)
        house.put_files(MAX_BUILDS)
        assert house.kept() == 0

    @pytest.mark.parametrize("what", range(6))
    async def test_goes_where_a_file_is_missing(self, house: House, what: int) -> None:
        files_of(house.node.table_path(house.contract.id, 1, 1))[what].unlink()
        assert house.kept() == 0


class TestAKeyUnderConsent:
    """It stays while the same people are in the table, and goes with the first who leaves."""

    @pytest.fixture
    async def asking(self, house: House) -> House:
        rule = ConsentRule(scenario="tests", latency_seconds=3600, once=False)
        terms = dataclasses.replace(house.contract.terms, consent=rule)
        house.contract = dataclasses.replace(house.contract, terms=terms)
        chosen = {"contract": house.contract.id, "epoch": 1, "root": 3}
        at = format_time(NOW - dt.timedelta(hours=1))
        with house.store.engine.begin() as connection:
            connection.execute(insert(consent_epochs), [chosen | {"chosen_at": at}])
        return house

    def consent(self, house: House, **changes: Any) -> None:
        terms = house.contract.terms
        person = {
            "id": "c" * 43,
            "place": bytes(32),
            "hub": "hub",
            "recipient": terms.buyer,
            "scenario": "tests",
            "table_name": terms.table,
            "products": "[]",
            "once": 0,
            "given_at": format_time(NOW - dt.timedelta(days=1)),
            "until": format_time(NOW + dt.timedelta(days=60)),
            "delegation": "",
            "added": 1,
            "added_at": format_time(NOW - dt.timedelta(days=1)),
            "sealed_subject": b"",
            "sealed_token": b"",
        }
        with house.store.engine.begin() as connection:
            connection.execute(insert(consents), [person | changes])

    async def test_stays_while_nobody_comes_or_goes(self, asking: House) -> None:
        self.consent(asking)
        assert asking.kept() == 1

    @pytest.mark.parametrize(
        "changes",
        [
            {"ended": 4, "ended_at": format_time(NOW)},
            {"until": format_time(NOW - dt.timedelta(minutes=1))},
            {"added": 4, "added_at": format_time(NOW)},
        ],
        ids=["withdrawn", "over", "given"],
    )
    async def test_goes_with_any_change(self, asking: House, changes: dict[str, Any]) -> None:
        self.consent(asking, **changes)
        assert asking.kept() == 0

    async def test_stays_where_others_consents_change(self, asking: House) -> None:
        self.consent(asking, recipient="somebody else", ended=4, ended_at=format_time(NOW))
        assert asking.kept() == 1

    async def test_goes_with_a_delegation_whose_consents_have_yet_to_end(
        self, asking: House
    ) -> None:
        self.consent(asking, delegation="d" * 43)
        row = {
            "id": "d" * 43,
            "parent": "",
            "hub": "hub",
            "until": format_time(NOW + dt.timedelta(days=60)),
            "added_at": format_time(NOW - dt.timedelta(days=2)),
            "ends_consents": 0,
            "sealed_token": b"",
        }
        with asking.store.engine.begin() as connection:
            connection.execute(insert(delegations), [row])
        assert asking.kept() == 1
        with asking.store.engine.begin() as connection:
            connection.execute(update(delegations).values(ends_consents=1))
        assert asking.kept() == 0

    async def test_goes_with_whoever_leaves_just_before_the_build_is_announced(
        self, asking: House
    ) -> None:
        self.consent(asking)
        manifest, epoch = manifest_of(asking.contract, 2), asking.epochs.current(asking.contract.id)
        token = sign_manifest(asking.signer, manifest)
        published = PublishBuild(asking.contract.id, 1, token, manifest, 3 * HINT_ROW, 2)
        step, leaves = PublishAgain(asking.contract, epoch, published), asking.store.log.size
        with asking.store.engine.begin() as connection:
            connection.execute(update(consents).values(ended=4, ended_at=format_time(NOW)))
        with pytest.raises(EpochNotReadyError):
            await asking.store.writer.submit(step)
        assert asking.store.log.size == leaves
        with asking.store.engine.begin() as connection:
            connection.execute(update(consents).values(ended=None, ended_at=None))
        assert await asking.store.writer.submit(step)
        assert asking.store.log.size == leaves + 1


def test_columns_are_the_same_by_name_and_type() -> None:
    def table(*columns: tuple[str, str]) -> Any:
        found = [SimpleNamespace(name=name, type=type_) for name, type_ in columns]
        return cast("Any", SimpleNamespace(columns=found))

    before = table(("id", "BIGINT"), ("a", "VARCHAR"))
    assert keeping.same_columns(before, table(("id", "BIGINT"), ("a", "VARCHAR")))
    for other in ((("id", "BIGINT"),), (("id", "BIGINT"), ("a", "DATE")), (("a", "VARCHAR"),)):
        assert not keeping.same_columns(before, table(*other))
