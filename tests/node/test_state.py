"""What parties and epochs leave in the store, step by step."""

import asyncio
import datetime as dt
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from tests.node.conftest import NOW, Store, let_out, make_request

from unseen.client.local import certificates as client_certificates
from unseen.client.local import identity as client_identity
from unseen.evidence.releases.instance import Instance
from unseen.evidence.releases.manifest import Manifest, sign_manifest
from unseen.evidence.suite import INTL, Ed25519Signer, key_id
from unseen.node.contracts.epochs import (
    CLOSED,
    FAILED,
    READY,
    CloseEpochs,
    Epochs,
    FailEpoch,
    OpenEpoch,
    PublishEpoch,
)
from unseen.node.contracts.register import Contract
from unseen.node.errors import (
    CertificateRevokedError,
    CertificateUnknownError,
    EpochNotReadyError,
    FieldInvalidError,
    InternalError,
    InvitationInvalidError,
    PartyExistsError,
    PartyNotFoundError,
)
from unseen.node.identity.certificates import make_authority
from unseen.node.identity.enrolment import (
    Enroll,
    Enrolment,
    Invite,
    RegisterInstance,
    Revoke,
)
from unseen.node.identity.parties import Caller, Parties
from unseen.node.identity.rights import Role
from unseen.node.identity.vault import Vault
from unseen.node.jobs.executor import LocalExecutor
from unseen.node.metering.charge import Charge
from unseen.node.metering.charged import digest_of, stored_charge
from unseen.node.store.schema import epochs, parties
from unseen.protocols.errors import ElementInvalidError, UnseenError
from unseen.protocols.oprf import keys
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.protocols.testing import seeded_rng

AUTHORITY = make_authority("node", NOW)
VAULT = Vault(bytes(32))
Maker = Callable[..., Contract]


class Epoch:
    """One build of a contract's table, taken apart into its steps."""

    def __init__(self, store: Store, contract: Contract, signer: Ed25519Signer) -> None:
        self.store, self.contract, self.signer = store, contract, signer
        self.key = keys.generate(seeded_rng(5))
        self.number = 0

    async def open(self) -> None:
        step = OpenEpoch(self.contract.id, 1, VAULT, self.key.scalar)
        self.number = await self.store.writer.submit(step)

    async def publish(self) -> bool:
        manifest = Manifest(
            suite="intl",
            contract=self.contract.id_bytes,
            epoch=self.number,
            public_key=self.key.public_key,
            rows=1,
            row_bytes=17,
            label_bytes=1,
            nonce=bytes(32),
            snapshot=bytes(32),
            snapshot_at=NOW,
            root=bytes(32),
            digest=bytes(32),
            subject=self.contract.plan.subject_columns,
            outputs=self.contract.terms.outputs,
            until=self.contract.terms.period.until,
        )
        token = sign_manifest(self.signer, manifest)
        step = PublishEpoch(INTL, self.contract.id, self.number, token, manifest, 0)
        return await self.store.writer.submit(step)

    async def fail(self) -> None:
        await self.store.writer.submit(FailEpoch(self.contract.id, self.number, "TABLE_CHANGED"))


def states(store: Store) -> dict[int, tuple[str, bool]]:
    """Return each epoch's state and whether its key is still there."""
    with store.engine.connect() as connection:
        rows = connection.execute(select(epochs)).all()
    return {row.number: (row.state, bool(row.sealed_key)) for row in rows}


class TestEpochs:
    @pytest.fixture
    def make(self, store: Store, contract_in: Maker, signer: Ed25519Signer) -> Callable[[], Epoch]:
        contract = contract_in()
        return lambda: Epoch(store, contract, signer)

    async def test_answers_once_published(
        self, store: Store, signer: Ed25519Signer, make: Callable[[], Epoch]
    ) -> None:
        epoch = make()
        await epoch.open()
        known = Epochs(store.engine, VAULT, signer)
        with pytest.raises(EpochNotReadyError):
            known.current(epoch.contract.id)
        assert known.unfinished() == [epoch.contract.id]
        assert await epoch.publish()
        known.reload()
        assert known.current(epoch.contract.id).key == epoch.key
        assert epoch.key.scalar.hex() not in repr(known.current(epoch.contract.id))
        assert known.unfinished() == []

    async def test_the_next_one_ends_the_one_before_with_its_key_and_replies(
        self, store: Store, make: Callable[[], Epoch]
    ) -> None:
        first, second = make(), make()
        await first.open()
        await first.publish()
        contract, request = first.contract, make_request(first.contract.terms)
        await store.writer.submit(
            Charge(
                contract=contract,
                request=request,
                statement_digest=digest_of(request),
                signature=bytes(64),
                instance="A" * 43,
                snapshot=bytes(32),
                released=let_out(contract, request, (b"reply",)),
            )
        )
        await second.open()
        assert states(store) == {1: (READY, True), 2: ("BUILDING", True)}
        await second.publish()
        assert states(store) == {1: (CLOSED, False), 2: (READY, True)}
        with store.engine.connect() as connection:
            stored = stored_charge(connection, contract.id, request.request, digest_of(request))
        assert stored is not None
        assert stored.reply == ()

    @pytest.mark.parametrize("late", ["publish", "fail"])
    async def test_a_build_that_was_overtaken_changes_nothing(
        self, store: Store, signer: Ed25519Signer, make: Callable[[], Epoch], late: str
    ) -> None:
        first, second = make(), make()
        await first.open()
        await second.open()
        await second.publish()
        leaves = store.log.size
        assert not await getattr(first, late)()
        assert states(store) == {1: (CLOSED, False), 2: (READY, True)}
        assert store.log.size == leaves
        known = Epochs(store.engine, VAULT, signer)
        assert known.current(first.contract.id).number == 2

    async def test_a_build_whose_contract_has_ended_is_not_published(
        self, store: Store, signer: Ed25519Signer, make: Callable[[], Epoch]
    ) -> None:
        epoch = make()
        await epoch.open()
        await store.writer.submit(CloseEpochs(INTL, epoch.contract.id))
        assert not await epoch.publish()
        assert states(store) == {1: (CLOSED, False)}
        with pytest.raises(EpochNotReadyError):
            Epochs(store.engine, VAULT, signer).current(epoch.contract.id)

    async def test_a_failed_build_says_why_and_leaves_the_one_before(
        self, store: Store, signer: Ed25519Signer, make: Callable[[], Epoch]
    ) -> None:
        first, second = make(), make()
        await first.open()
        await first.fail()
        known = Epochs(store.engine, VAULT, signer)
        with pytest.raises(EpochNotReadyError, match="TABLE_CHANGED"):
            known.current(first.contract.id)
        assert not known.answers(first.contract.id)
        await first.open()
        await first.publish()
        await second.open()
        await second.fail()
        assert states(store) == {1: (CLOSED, False), 2: (READY, True), 3: (FAILED, False)}
        known.reload()
        assert known.current(first.contract.id).number == 2


class Member:
    """A party with its keys, as the client makes them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.prepared = client_identity.prepare(folder / name, name, "buyer")
        self.tls = client_certificates.load_key((folder / name / "tls/party.key").read_bytes())

    def enrolment(self, invitation: str) -> Enrolment:
        prepared = self.prepared
        proof = prepared.sign_proof(invitation)
        return Enrolment(prepared.suite, prepared.evidence_key, prepared.csr, proof)

    async def join(self, store: Store) -> str:
        until = NOW + dt.timedelta(days=1)
        invitation = await store.writer.submit(Invite(self.name, Role.BUYER, until))
        await self.enroll(store, invitation)
        return invitation

    async def enroll(self, store: Store, invitation: str) -> bytes:
        step = Enroll(INTL, AUTHORITY, invitation, self.enrolment(invitation))
        return await store.writer.submit(step)

    async def register(
        self, store: Store, name: str, key: bytes, certification: str = "c", days: float = 9
    ) -> None:
        instance = Instance(
            suite="intl",
            party=key_id(INTL, self.prepared.evidence_key),
            name=name,
            key=key,
            until=NOW + dt.timedelta(days=days),
        )
        await store.writer.submit(RegisterInstance(INTL, self.name, instance, certification))

    def certificate(self, store: Store, instance: str, issuer: "Member | None" = None) -> bytes:
        with store.engine.connect() as connection:
            row = connection.execute(select(parties).where(parties.c.name == self.name)).one()
        own = x509.load_der_x509_certificate(row.certificate)
        signed_by = (issuer or self).tls
        key = ec.generate_private_key(ec.SECP256R1())
        made = client_certificates.issue_instance(own, signed_by, instance, key, NOW)
        return client_certificates.certificate_pem(made)


class TestParties:
    @pytest.fixture
    def lender(self, tmp_path: Path) -> Member:
        return Member(tmp_path, "lender")

    @pytest.fixture
    def rival(self, tmp_path: Path) -> Member:
        return Member(tmp_path, "rival")

    async def test_a_lost_answer_to_an_enrolment_is_given_again_to_the_same_key(
        self, store: Store, lender: Member, rival: Member
    ) -> None:
        until = NOW + dt.timedelta(days=1)
        invitation = await store.writer.submit(Invite("lender", Role.BUYER, until))
        first = await lender.enroll(store, invitation)
        size = store.log.size
        assert await lender.enroll(store, invitation) == first
        assert store.log.size == size
        rival.name = "lender"
        rival.prepared = client_identity.Enrolment(
            INTL.id,
            "lender",
            "buyer",
            "default",
            rival.prepared.evidence_key,
            rival.prepared.csr,
            rival.prepared._signer,
        )
        with pytest.raises(InvitationInvalidError):
            await rival.enroll(store, invitation)

    async def test_an_invitation_ends_and_is_for_one_name(
        self, store: Store, lender: Member, rival: Member
    ) -> None:
        soon = await store.writer.submit(Invite("lender", Role.BUYER, NOW))
        with pytest.raises(InvitationInvalidError):
            await lender.enroll(store, soon)
        with pytest.raises(InvitationInvalidError):
            await lender.enroll(store, "0" * 32)
        until = NOW + dt.timedelta(days=1)
        mine = await store.writer.submit(Invite("lender", Role.BUYER, until))
        with pytest.raises(FieldInvalidError):
            await rival.enroll(store, mine)
        await lender.enroll(store, mine)
        with pytest.raises(PartyExistsError):
            await store.writer.submit(Invite("lender", Role.BUYER, until))

    async def test_an_instance_key_of_another_is_refused_and_harms_nobody(
        self, store: Store, lender: Member, rival: Member
    ) -> None:
        await lender.join(store)
        await rival.join(store)
        key = Ed25519Signer(b"\x09" * 32).public_key
        await lender.register(store, "default", key)
        size = store.log.size
        found = await asyncio.gather(
            rival.register(store, "default", key),
            lender.register(store, "other", key),
            lender.register(store, "third", Ed25519Signer(b"\x0a" * 32).public_key),
            return_exceptions=True,
        )
        assert isinstance(found[0], FieldInvalidError)
        assert isinstance(found[1], FieldInvalidError)
        assert found[2] is None
        assert store.log.size == size + 1
        await lender.register(store, "default", key)  # shown again: no second leaf
        assert store.log.size == size + 1

    async def test_certifications_go_on_and_never_to_and_fro(
        self, store: Store, lender: Member
    ) -> None:
        await lender.join(store)
        key = Ed25519Signer(b"\x09" * 32).public_key
        await lender.register(store, "default", key)
        size = store.log.size
        for days in (2, 9.9, 1, 9):  # each would be a leaf that stays for good
            await lender.register(store, "default", key, days=days)
        assert store.log.size == size
        await lender.register(store, "default", key, "newer", days=10)
        assert store.log.size == size + 1

    async def test_a_certificate_is_whose_authority_signed_it(
        self, store: Store, lender: Member, rival: Member
    ) -> None:
        await lender.join(store)
        await rival.join(store)
        known = Parties(store.engine, AUTHORITY.certificate)
        pem = lender.certificate(store, "desk")
        assert known.caller(pem, NOW) == Caller(Role.BUYER, "lender", "desk")
        with pytest.raises(CertificateUnknownError):
            known.caller(lender.certificate(store, "desk", issuer=rival), NOW)
        with pytest.raises(CertificateUnknownError):
            known.caller(pem, NOW + dt.timedelta(days=90))
        assert known.caller(pem, NOW).party == "lender"

    async def test_the_party_certificate_itself_is_no_caller(
        self, store: Store, lender: Member
    ) -> None:
        await lender.join(store)
        with store.engine.connect() as connection:
            row = connection.execute(select(parties)).one()
        own = x509.load_der_x509_certificate(row.certificate)
        known = Parties(store.engine, AUTHORITY.certificate)
        with pytest.raises(CertificateUnknownError):
            known.caller(client_certificates.certificate_pem(own), NOW)
        with pytest.raises(CertificateUnknownError):
            known.caller(AUTHORITY.certificate_pem(), NOW)

    async def test_revocation_cuts_off_the_instance_or_the_party_for_good(
        self, store: Store, lender: Member
    ) -> None:
        await lender.join(store)
        await lender.register(store, "desk", Ed25519Signer(b"\x09" * 32).public_key)
        await lender.register(store, "lab", Ed25519Signer(b"\x0a" * 32).public_key)
        known = Parties(store.engine, AUTHORITY.certificate)
        desk, lab = lender.certificate(store, "desk"), lender.certificate(store, "lab")
        assert known.caller(desk, NOW).instance == "desk"
        await store.writer.submit(Revoke(INTL, "lender", "desk", "operator"))
        known.reload()
        with pytest.raises(CertificateRevokedError):
            known.caller(desk, NOW)
        with pytest.raises(FieldInvalidError):  # nor does another key under its name bring it back
            await lender.register(store, "desk", Ed25519Signer(b"\x0b" * 32).public_key, "newer")
        known.reload()
        with pytest.raises(CertificateRevokedError):
            known.caller(lender.certificate(store, "desk"), NOW)
        assert known.caller(lab, NOW).instance == "lab"
        await store.writer.submit(Revoke(INTL, "lender", None, "operator"))
        known.reload()
        with pytest.raises(CertificateRevokedError):
            known.caller(lab, NOW)

    @pytest.mark.parametrize(("party", "instance"), [("nobody", None), ("nobody", "x")])
    async def test_nobody_cannot_be_revoked(
        self, store: Store, party: str, instance: str | None
    ) -> None:
        with pytest.raises(PartyNotFoundError):
            await store.writer.submit(Revoke(INTL, party, instance, "operator"))
        assert store.log.size == 0


class TestExecutor:
    async def test_answers_in_order_and_refuses_in_its_own_words(self) -> None:
        executor = LocalExecutor(1)
        await executor.start()
        try:
            key = keys.generate(seeded_rng(1))
            blinded = blind([b"a"], Mode.VOPRF, seeded_rng(2)).elements
            good = [key.scalar, key.public_key, *blinded]
            bad = [key.scalar, key.public_key, *blinded, bytes(32)]
            found: Any = await asyncio.gather(
                executor.run("voprf", good),
                executor.run("voprf", bad),
                executor.run("no such task", []),
                executor.run("voprf", good),
                return_exceptions=True,
            )
            assert found[0][0] == found[3][0]
            assert isinstance(found[1], ElementInvalidError)
            assert found[1].position == 1
            assert isinstance(found[2], InternalError)
        finally:
            await executor.close()

    async def test_a_worker_that_dies_fails_its_tasks_and_is_replaced_once(self) -> None:
        executor = LocalExecutor(1)
        await executor.start()
        try:
            (worker,) = executor._online
            tasks = [asyncio.ensure_future(executor.run("voprf", [])) for _ in range(2)]
            await asyncio.sleep(0)
            os.kill(worker._process.pid, signal.SIGKILL)
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert isinstance(outcome, UnseenError)
            await worker._process.wait()
            await worker._reader
            before = _children()
            found = await asyncio.gather(*(executor.run("voprf", _evaluation()) for _ in range(8)))
            assert len({answer[0] for answer in found}) == 1
            assert len(_children() - before) == 1
        finally:
            await executor.close()
        assert not _children()

    async def test_a_bulk_task_that_fails_ends_with_its_process(self) -> None:
        executor = LocalExecutor(1)
        with pytest.raises(InternalError):
            await executor.run_bulk("no such task", [])
        assert not _children()
        await executor.close()

    async def test_a_bulk_process_waits_a_little_for_the_next_task(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        executor, asked = LocalExecutor(1), _evaluation()
        try:
            await asyncio.gather(*(executor.run_bulk("voprf", asked) for _ in range(3)))
            (spare,) = _children()
            await executor.run_bulk("voprf", asked)
            assert _children() == {spare}
            with pytest.raises(InternalError):
                await executor.run_bulk("no such task", [])
            assert not _children()
            monkeypatch.setattr("unseen.node.jobs.executor._SPARE_SECONDS", 0.0)
            await executor.run_bulk("voprf", asked)
            assert executor._dismissal is not None
            await executor._dismissal
            assert not _children()
        finally:
            await executor.close()

    async def test_a_bulk_process_that_died_meanwhile_is_replaced(self) -> None:
        executor, asked = LocalExecutor(1), _evaluation()
        try:
            await executor.run_bulk("voprf", asked)
            assert executor._spare is not None
            os.kill(executor._spare._process.pid, signal.SIGKILL)
            await executor._spare._reader
            assert await executor.run_bulk("voprf", asked)
            assert len(_children()) == 1
        finally:
            await executor.close()
        assert not _children()


def _evaluation() -> list[bytes]:
    key = keys.generate(seeded_rng(1))
    return [key.scalar, key.public_key, *blind([b"a"], Mode.VOPRF, seeded_rng(2)).elements]


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if "worker" in str(child.cmdline())}
