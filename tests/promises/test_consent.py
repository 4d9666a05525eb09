"""Consent by both sides (双向授权): only consented rows serve, and everybody can see why.

A node of its own with a hub, over a table whose rows are personal; people are rows of random
values, called by their place.
"""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tests.promises.consenting import DAY, NOTHING, Consenting, make, refused
from tests.promises.oversight import audit
from tests.promises.stage import Stage, now, wait_until

from unseen.client.consents import Trusteeship
from unseen.client.local.keys import make_key_file
from unseen.evidence.consents.consent_proof import verify_consent_proof
from unseen.evidence.suite import Ed25519Signer, key_id


@pytest.fixture(scope="module")
def shared(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consenting]:
    stage = template.copy(tmp_path_factory.mktemp("consent") / "stage")
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="3600")
    try:
        yield make(stage)
    finally:
        stage.end()


def test_who_does_not_consent_looks_absent_at_the_same_charge(shared: Consenting) -> None:
    contract = shared.contract("open", units=50)
    terms = shared.lender.contract(contract).terms
    assert terms.consent is not None
    assert (terms.consent.scenario, terms.consent.latency_seconds) == ("tests", 3600)
    shared.give(1)
    assert shared.verify(contract, 1) == shared.expected(1)
    assert shared.verify(contract, 2) == NOTHING
    found = shared.lender.verify(contract, "nobody of this table")
    assert {name: answer.value for name, answer in found.answers.items()} == NOTHING
    usage = shared.lender.usage(contract)
    assert (usage.units_used, usage.requests) == (3, 3)
    receipts = shared.lender.receipts(contract)
    assert len({receipt.facts.leaf.consent_root for receipt in receipts}) == 1
    assert all(receipt.facts.leaf.consent_root for receipt in receipts)


def test_a_withdrawal_acts_at_once(shared: Consenting) -> None:
    contract = shared.contract("open", units=50)
    (consent,) = shared.give(5)
    assert shared.verify(contract, 5) == shared.expected(5)
    shared.hub.withdraw_consent(consent)
    assert shared.verify(contract, 5) == NOTHING
    shared.give(5)
    assert shared.verify(contract, 5) == shared.expected(5)


def test_a_consent_is_for_one_buyer_scenario_table_and_product(shared: Consenting) -> None:
    contract = shared.contract("open", units=50)
    rival = shared.stage.rival.profile
    shared.give(6, recipient=key_id(rival.suite, rival.key))
    shared.give(7, scenario="others")
    shared.give(9, products=("blind",))
    for place in (6, 7, 9):
        assert shared.verify(contract, place) == NOTHING
    shared.give(9, products=("open", "blind"))
    assert shared.verify(contract, 9) == shared.expected(9)


def test_a_consent_for_one_use_serves_once(shared: Consenting) -> None:
    contract = shared.contract("open", units=50)
    (consent,) = shared.give(10, once=True)
    assert shared.verify(contract, 10) == shared.expected(10)
    assert shared.verify(contract, 10) == NOTHING
    (found,) = shared.hub.consents("persons", shared.who(10))
    assert (found.id, found.cause, found.in_force) == (consent, "spent", False)
    assert "spent" in repr(found)


def test_an_answer_that_says_nothing_uses_no_consent_up(shared: Consenting) -> None:
    """Who is absent and consents looks like who does not consent: also in the log, right after."""
    contract, hub = shared.contract("open"), shared.hub
    who = shared.who(10)[:-1] + "x"  # nobody in the table
    consent = hub.consent(who, shared.permission(once=True)).id
    before = [leaf.type for leaf in shared.lender.leaves()]
    answers = shared.lender.verify(contract, who).answers
    assert {name: answer.value for name, answer in answers.items()} == NOTHING
    after = [leaf.type for leaf in shared.lender.leaves()][len(before) :]
    assert after == ["release"]
    (found,) = hub.consents("persons", who)
    assert (found.id, found.cause) == (consent, "")


def test_only_consented_rows_are_in_an_encrypted_table(shared: Consenting) -> None:
    shared.give(13, 14)
    shared.give(17, once=True)
    contract = shared.contract("blind", units=4)
    assert shared.lookup(contract, 13) == shared.expected(13)
    assert shared.lookup(contract, 14) == shared.expected(14)
    assert shared.lookup(contract, 17) == NOTHING
    assert shared.lookup(contract, 18) == NOTHING


def test_the_subject_proves_what_any_job_could_use(shared: Consenting) -> None:
    contract = shared.contract("open", units=50)
    (consent,) = shared.give(21)
    shared.verify(contract, 21)
    shared.hub.withdraw_consent(consent)
    shared.verify(contract, 21)
    shared.verify(contract, 22)
    trust = shared.hub._session.trust
    found = []
    for receipt in shared.lender.receipts(contract):
        for place in (21, 22):
            who, leaf = shared.who(place), receipt.facts.index
            bundle, proof = shared.hub.prove_consent("persons", who, leaf=leaf)
            again = verify_consent_proof(bundle, trust)
            assert again == proof
            by_id, _ = shared.hub.prove_consent("persons", who, job=receipt.facts.request)
            assert verify_consent_proof(by_id, trust).root == proof.root
            assert proof.job_index == leaf
            found.append((leaf, place, proof.permitted, proof.known, len(proof.consents)))
    told = [entry[1:] for entry in sorted(found)]
    assert told == [
        (21, True, True, 1),
        (22, False, False, 0),
        (21, False, True, 0),
        (22, False, False, 0),
        (21, False, True, 0),
        (22, False, False, 0),
    ]


def test_a_proof_of_a_hidden_job_is_of_the_root_of_its_table(shared: Consenting) -> None:
    (consent,) = shared.give(25)
    contract = shared.contract("blind", units=1)
    shared.lookup(contract, 26)
    shared.hub.withdraw_consent(consent)
    (receipt,) = shared.lender.receipts(contract)
    leaf = receipt.facts.index
    _, proof = shared.hub.prove_consent("persons", shared.who(25), leaf=leaf)
    assert proof.permitted is True
    _, proof = shared.hub.prove_consent("persons", shared.who(26), leaf=leaf)
    assert proof.permitted is False


def test_proofs_of_what_is_not_there_are_refused(shared: Consenting) -> None:
    who = shared.who(0)
    contract = shared.contract("open", units=50)
    leaf = next(leaf for leaf in shared.stage.operator.leaves() if leaf.type != "release")
    for about in ({"job": "0" * 32}, {"leaf": 10**6}, {"leaf": leaf.index}, {"root": 10**6}):
        error = refused(lambda about=about: shared.hub.prove_consent("persons", who, **about))  # type: ignore[misc]
        assert error.reason == "CONSENT_NOT_FOUND"
    shared.give(0)
    unused = shared.give(29)
    assert unused
    roots = list(shared.hub.consent_roots())
    shared.give(30)
    error = refused(lambda: shared.hub.prove_consent("persons", who, root=roots[-1][1].number))
    assert "not kept" in str(error)
    assert contract


def test_people_and_trustees_sign_with_keys_of_their_own(shared: Consenting, tmp_path: Any) -> None:
    contract = shared.contract("open", units=50)
    person, trustee = make_key_file(tmp_path / "person"), Ed25519Signer(bytes([7]) * 32)
    who = shared.who(33)
    own = shared.hub.delegate(
        Trusteeship(
            key=person.public_key,
            role="person",
            until=now() + 2 * DAY,
            table="persons",
            subject=who,
            links=1,
        )
    )
    shared.hub.add_consent(
        shared.hub.sign_consent(who, shared.permission(), signer=person, delegation=own)
    )
    assert shared.verify(contract, 33) == shared.expected(33)
    under = shared.hub.delegate(
        Trusteeship(
            key=trustee.public_key,
            role="trustee",
            until=now() + 2 * DAY,
            table="persons",
            subject=who,
        ),
        under=own,
        signer=person,
    )
    token = shared.hub.sign_consent(
        who, shared.permission(scenario="others"), signer=trustee, delegation=under
    )
    shared.hub.add_consent(token)
    another = shared.hub.sign_consent(
        shared.who(34), shared.permission(), signer=trustee, delegation=under
    )
    assert refused(lambda: shared.hub.add_consent(another)).reason == "DELEGATION_INVALID"
    receipts = shared.lender.receipts(contract)
    _, proof = shared.hub.prove_consent("persons", who, leaf=receipts[-1].facts.index)
    assert [found.role for found in proof.consents] == ["person"]
    _, proof = shared.hub.prove_consent("persons", who)
    assert sorted(found.role for found in proof.consents) == ["person", "trustee"]
    shared.hub.withdraw_delegation(own, consents=True, signer=None)
    assert shared.verify(contract, 33) == NOTHING
    late = shared.hub.sign_consent(who, shared.permission(), signer=person, delegation=own)
    assert refused(lambda: shared.hub.add_consent(late)).reason == "DELEGATION_WITHDRAWN"
    causes = {found.cause for found in shared.hub.consents("persons", who)}
    assert causes == {"delegation"}


def test_many_are_taken_together_or_not_at_all(shared: Consenting) -> None:
    hub, before = shared.hub, len(list(shared.hub.consent_roots()))
    good = [hub.sign_consent(shared.who(n), shared.permission()) for n in range(40, 60)]
    hub.add_consent(good[3])
    late = shared.permission(until=now() + dt.timedelta(seconds=1))
    lines = [
        good[0],
        "no document at all",
        good[1],
        good[3],
        good[1],
        hub.sign_consent(shared.who(41), shared.permission(recipient="A" * 43)),
        hub.sign_withdrawal("A" * 43),
        hub.sign_consent(shared.who(41), late),
    ]
    wait_until(lambda: now() > late.until)
    error = refused(lambda: hub.import_consents(lines))
    assert error.reason == "CONSENT_BULK"
    for told in ("6 of 8", "4-5", "CONSENT_REPLAYED", "CONSENT_SCOPE", "CONSENT_EXPIRED: ", "7"):
        assert told.removesuffix(": ") in str(error)
    assert shared.who(41) not in str(error)
    assert len(list(hub.consent_roots())) == before + 1
    withdrawal = hub.sign_withdrawal(hub.consents("persons", shared.who(43))[0].id)
    taken = hub.import_consents([*good, withdrawal], resume=True)
    assert (taken.added, taken.known, taken.withdrawn) == (19, 1, 1)
    again = hub.import_consents(good, resume=True)
    assert (again.added, again.known) == (0, 20)
    contract = shared.contract("open", units=50)
    assert shared.verify(contract, 41) == shared.expected(41)
    assert shared.verify(contract, 43) == NOTHING


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another node's buyer": ({"recipient": "A" * 43}, "CONSENT_SCOPE"),
    "no product of the table": ({"products": ("clear",)}, "CONSENT_SCOPE"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_consent_to_what_the_node_does_not_know_is_refused(shared: Consenting, case: str) -> None:
    changes, reason = BAD[case]
    permission = shared.permission(**changes)
    assert refused(lambda: shared.hub.consent(shared.who(1), permission)).reason == reason


def test_bad_consents_are_refused_with_reason_and_clause(shared: Consenting) -> None:
    hub, who = shared.hub, shared.who(61)
    token = hub.sign_consent(who, shared.permission())
    hub.add_consent(token)
    assert refused(lambda: hub.add_consent(token)).reason == "CONSENT_REPLAYED"
    hub.withdraw_consent(hub.consents("persons", who)[0].id)
    assert refused(lambda: hub.add_consent(token)).reason == "CONSENT_REPLAYED"
    late = shared.permission(until=now() + dt.timedelta(seconds=3))
    expired = hub.sign_consent(who, late)
    wait_until(lambda: now() > late.until)
    assert refused(lambda: hub.add_consent(expired)).reason == "CONSENT_EXPIRED"
    stranger = Ed25519Signer(bytes([9]) * 32)
    forged = hub.sign_consent(who, shared.permission(), signer=stranger)
    assert refused(lambda: hub.add_consent(forged)).reason == "CONSENT_INVALID"
    (fresh,) = shared.give(61)
    assert refused(lambda: hub.withdraw_consent(fresh, signer=stranger)).reason == "CONSENT_INVALID"
    assert refused(lambda: hub.withdraw_consent("A" * 43)).reason == "CONSENT_NOT_FOUND"
    assert refused(lambda: hub.withdraw_delegation("A" * 43)).reason == "DELEGATION_NOT_FOUND"
    head, payload, signature = token.split(".")
    bent = f"{head}.{payload}.{signature[:-4]}AAAA"
    assert refused(lambda: hub.add_consent(bent)).reason == "SIGNATURE_INVALID"


def test_nobody_but_a_hub_is_shown_a_consent(shared: Consenting) -> None:
    for party in ("lender", "operator", "rival"):
        client = shared.stage.client(party)
        error = refused(partial(client.consents, "persons", "x"))
        assert error.reason == "RIGHT_MISSING"
    assert refused(lambda: next(shared.lender.consent_roots())).reason == "RIGHT_MISSING"
    roots = list(shared.stage.operator.consent_roots())
    assert [root.number for _, root in roots] == list(range(1, len(roots) + 1))


def test_no_subject_lies_in_the_open(shared: Consenting) -> None:
    shared.give(63)
    who = shared.who(63).encode()
    with sqlite3.connect(shared.stage.home / "state.db") as database:
        for table in ("consents", "delegations", "consent_nodes", "consent_roots", "leaves"):
            for row in database.execute(f"SELECT * FROM {table}"):
                assert who not in repr(row).encode()
    assert who not in shared.stage.output.read_bytes()
    assert not list((shared.stage.home / "spool").glob("consents-*"))


def test_an_auditor_holds_every_use_to_its_root(shared: Consenting, tmp_path: Any) -> None:
    clear, blind = shared.contract("open", units=50), shared.contract("blind", units=1)
    (consent,) = shared.give(11, once=True)
    shared.verify(clear, 11)
    shared.verify(clear, 11)
    shared.lookup(blind, 11)
    assert consent
    report = audit(shared.stage, tmp_path / "export")
    assert report.ok, report.findings


def test_a_withdrawal_rotates_the_table_within_the_latency(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="4")
    found = make(stage)
    first, second, third = found.give(1, 2, 3)
    contract = found.contract("blind")
    assert found.lookup(contract, 1) == found.expected(1)
    epoch = found.epoch(contract)
    found.hub.import_consents([found.hub.sign_withdrawal(each) for each in (first, third)])
    wait_until(lambda: found.epoch(contract) > epoch)
    assert found.lookup(contract, 3) == NOTHING  # asked before the others: of the new epoch
    assert found.lookup(contract, 1) == NOTHING
    assert found.lookup(contract, 2) == found.expected(2)
    assert second
    stage.operator.replay_table(contract)


def test_a_build_is_replayed_over_the_rows_that_had_consent_then(
    copy: Callable[[], Stage], tmp_path: Any
) -> None:
    stage = copy()
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="3600")
    found = make(stage)
    consents = found.give(1, 2, 3)
    contract = found.contract("blind")
    wait_until(lambda: found.epoch(contract) == 1)
    built = stage.operator.replay_table(contract)
    assert (built.epoch, built.rows) == (1, 3)
    found.give(5)  # in the tree from now on, and not in this table
    found.hub.withdraw_consent(consents[0])  # whose row this table has until it is rotated
    assert stage.operator.replay_table(contract).digest == built.digest
    stage.stop()
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="3600")
    assert stage.operator.replay_table(contract).digest == built.digest
    replays = [leaf for leaf in stage.operator.leaves() if leaf.type == "table.replayed"]
    assert [leaf.fields["matches"] for leaf in replays] == [True] * 3
    report = audit(stage, tmp_path / "export")
    assert report.ok, report.findings


def test_a_table_that_is_not_rotated_in_time_stops_answering(copy: Callable[[], Stage]) -> None:
    stage = copy()
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="1")
    found = make(stage)
    (consent,) = found.give(1)
    contract = found.contract("blind")
    assert found.lookup(contract, 1) == found.expected(1)
    (stage.root / "persons.parquet").unlink()  # no build can succeed
    withdrawn = now()
    found.hub.withdraw_consent(consent)
    wait_until(lambda: now() > withdrawn + dt.timedelta(seconds=1))
    wait_until(lambda: _failed(found, contract))
    assert refused(lambda: found.lookup(contract, 2)).clause == "epoch.failed"
    stage.stop()
    stage.start(UNSEEN_CONSENT_LATENCY_SECONDS="1")
    assert refused(lambda: found.lookup(contract, 2)).clause == "epoch.failed"


def _failed(found: Consenting, contract: str) -> bool:
    jobs = [job for job in found.stage.operator.jobs() if job.contract == contract]
    return any(job.state.value == "failed" for job in jobs)


def test_a_hub_that_is_cut_off_can_do_nothing_and_another_can_withdraw(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start()
    found = make(stage)
    (consent,) = found.give(1)
    contract = found.contract("open", units=20)
    token = found.hub.sign_consent(found.who(2), found.permission())
    stage.operator.revoke_party("hub")
    error = refused(lambda: found.hub.add_consent(token))
    assert error.reason == "CERTIFICATE_REVOKED"
    assert found.verify(contract, 1) == found.expected(1)
    stage.join("successor", "hub")
    successor = stage.client("successor")
    assert refused(lambda: successor.add_consent(token)).reason == "CONSENT_INVALID"
    successor.withdraw_consent(consent)
    assert found.verify(contract, 1) == NOTHING


def test_a_contract_without_the_clause_is_suspended_when_labels_demand_consent(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    stage.start()
    contract = stage.contract("clear")
    assert stage.lender.contract(contract).terms.consent is None
    stage.operator.label_table("people", {"*": ("personal", "1")})
    assert stage.lender.contract(contract).state.value == "suspended"
    error = refused(lambda: stage.lender.verify(contract, stage.people[1].subject))
    assert error.reason == "CONTRACT_NOT_ACTIVE"
