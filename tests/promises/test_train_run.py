"""Iterations of encrypted trainings at a real node: what they are, and what is charged."""

import datetime as dt
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from tests.promises import wire
from tests.promises.canaries import Scanner
from tests.promises.encrypted import (
    ROWS,
    SECRET,
    VERTICAL,
    Asking,
    Caring,
    hash_of,
    patients,
    write,
)
from tests.promises.oversight import audit
from tests.promises.stage import Stage, now, serving

from unseen.client.consents import Permission
from unseen.client.errors import RefusedError, UnreachableError
from unseen.client.jobs import JobNotDoneError, JobState
from unseen.evidence.contracts.privacy import UNITS
from unseen.evidence.contracts.states import State
from unseen.evidence.suite import key_id
from unseen.evidence.verify import verify_receipt
from unseen.v1 import intersect_pb2, train_pb2


@pytest.fixture(scope="module")
def caring(template: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caring]:
    """Return a serving stage that offers trainings."""
    with serving(template.copy(tmp_path_factory.mktemp("training") / "stage")) as found:
        yield Caring.on(found)


def test_each_iteration_is_a_noisy_gradient_charged_once_and_the_contract_ends(
    caring: Caring, tmp_path: Path
) -> None:
    contract, before = caring.contract(), caring.spent()
    asked = caring.asking(contract)
    for number in (1, 2, 3):
        one = asked if number == 1 else asked.afresh()
        one.send()
        answer = one.answered()
        one.check(one.gradient(answer), caring.people)
        facts = verify_receipt(answer.release.receipt, caring.stage.lender._session.trust)
        assert (facts.kind, facts.units, facts.privacy) == ("train", 1, "1")
        assert one.run().value == answer.value
        assert caring.used(contract) == (number, number)
        assert caring.spent() == before + number * UNITS
    assert caring.stage.lender.contract(contract).state is State.EXHAUSTED
    with pytest.raises(RefusedError):
        asked.afresh().run()
    report = audit(caring.stage, tmp_path / "export")
    assert report.ok, report.findings


def test_neither_rows_nor_weights_nor_the_gradient_cross_the_socket_or_lie_at_the_node(
    caring: Caring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = caring.asking(caring.contract())
    asked.upload(asked.context, intersect_pb2.PART_CONTEXT)  # of the buyer's own keys alone
    caring.stage.close_clients()
    recorder = wire.Recorder()
    monkeypatch.setattr(grpc, "secure_channel", recorder.channel)
    asked = replace(asked, client=caring.stage.lender)
    asked.upload(asked.data, intersect_pb2.PART_WEIGHTS)
    answer = asked.answered()
    found = asked.gradient(answer)
    caring.stage.close_clients()
    monkeypatch.undo()
    stays = [one.stay for one in caring.people if one.stay is not None][:50]
    numbers = [*stays, *found.tolist(), *asked.clear(caring.people).tolist(), *asked.weights]
    planted = [struct.pack(order, one) for one in numbers for order in ("<d", ">d")]
    planted += [bytes.fromhex(one.id) for one in caring.people]
    scanner = Scanner(planted)
    crossed = b"".join(data for _, data in (*recorder.sent, *recorder.received))
    assert len(crossed) > 3_000_000
    leaves = json.dumps([leaf.fields for leaf in caring.stage.operator.leaves()]).encode()
    output = caring.stage.output.read_bytes()
    for place, data in {"socket": crossed, "log": leaves, "output": output}.items():
        assert not scanner.find(data, place)
        for number in numbers:
            assert repr(float(number)).encode() not in data
    run = caring.stage.home / "trainings" / f"{asked.contract}-{asked.request.request}"
    assert {path.name for path in run.glob("*")} == {"weights", "answer", "began", "statement"}
    assert not list((caring.stage.home / "spool").glob("*"))


def test_a_vertical_gradient_is_over_the_rows_that_the_buyer_lists(caring: Caring) -> None:
    contract = caring.contract(VERTICAL)
    strangers = [replace(one, id=f"{number:032x}") for number, one in enumerate(caring.people)]
    listed = [*caring.people[300:], *strangers[:50], *caring.people[:200]]
    asked = Asking.of(caring.stage.lender, contract, listed)
    nobody = [replace(one, stay=None) for one in strangers[:50]]
    asked.check(asked.taken(), [*caring.people[300:], *nobody, *caring.people[:200]])
    assert caring.used(contract) == (1, 1)


def test_a_charge_that_is_refused_leaves_nothing(caring: Caring) -> None:
    # Room for one iteration: a rho of 1 is an epsilon of 8.4 at this delta, 2 of 12.5.
    poor = Caring.on(caring.stage, table="poor", epsilon="10")
    contract = poor.contract()
    asked = poor.asking(contract)
    again = asked.afresh()
    for one in (asked, again):
        one.send()
        assert one.run().job  # both find enough in the ledger, and the second charge does not
    asked.check(asked.gradient(asked.answered()), poor.people)
    with pytest.raises(JobNotDoneError) as caught:
        ended(again)
    assert caught.value.job.failure == "PRIVACY_BUDGET_SPENT"
    for call in (again.fetch, again.run):
        with pytest.raises(RefusedError):
            call()
    assert poor.used(contract) == (1, 1)
    assert poor.spent() == UNITS
    folder = poor.stage.home / "trainings" / f"{contract}-{again.request.request}"
    assert not (folder / "answer").exists()
    assert len(poor.stage.lender.jobs(contract)) == 2  # nothing is computed that nobody can pay


def ended(asked: Asking) -> None:
    for job in asked.client.jobs(asked.contract):
        job.wait()


def test_parts_that_do_not_belong_to_the_training_are_refused(caring: Caring) -> None:
    context, rows, weights = (
        intersect_pb2.PART_CONTEXT,
        intersect_pb2.PART_ROWS,
        intersect_pb2.PART_WEIGHTS,
    )
    secret, vertical = (caring.asking(caring.contract(text)) for text in (SECRET, VERTICAL))
    few = Asking.of(caring.stage.lender, vertical.contract, caring.people[:99])
    for asked, data, part, changes, clause in (
        (secret, secret.context[:-1], context, {}, "size"),
        (secret, vertical.data, weights, {}, "size"),
        (secret, secret.data[:-1], weights, {}, "size"),
        (secret, secret.context, context, {"request": "0" * 32}, "request"),
        (secret, secret.data, intersect_pb2.PART_BATCHES, {}, "part"),
        (secret, vertical.rows, rows, {}, "part"),
        (vertical, vertical.rows[:-1], rows, {}, "size"),
        (vertical, vertical.rows + bytes(1), rows, {}, "size"),
        (vertical, few.rows, rows, {}, "parameters.encrypted.least_rows"),
    ):
        with pytest.raises(RefusedError) as caught:
            asked.upload(data, part, **changes)
        assert caught.value.clause == clause
    assert secret.upload(secret.data, weights)
    with pytest.raises(RefusedError) as caught:
        secret.run()
    assert caught.value.clause == "context"
    assert vertical.upload(vertical.context, context)
    with pytest.raises(RefusedError) as caught:
        vertical.run()
    assert caught.value.clause == "rows"
    with pytest.raises(RefusedError) as caught:
        secret.signed(rows=b"some").run()
    assert caught.value.clause in {"context", "rows"}
    clear = replace(secret, contract=caring.stage.contract("clear"))
    with pytest.raises(RefusedError) as caught:
        clear.upload(secret.context, context)
    assert caught.value.clause == "kind"


def hostile(asked: Asking, twice: bytes) -> dict[str, Asking]:
    """Return what is signed as it is sent, and is what no buyer that keeps to its word sends."""
    beyond = asked.data[:-1000] + b"\xff" * 16 + asked.data[-984:]
    other = asked.keys.context(len(asked.labels) - 1)
    return {
        "MALFORMED_MESSAGE": asked.afresh(data=beyond),
        "a subject twice": asked.afresh(rows=twice + asked.rows[32:]),
        "COUNT_MISMATCH": asked.afresh(context=other),
    }


def test_what_is_no_ciphertext_no_list_or_for_other_rows_fails_its_job_uncharged(
    caring: Caring,
) -> None:
    contract = caring.contract(VERTICAL)
    asked = caring.asking(contract)
    twice = hash_of(asked.client, contract, caring.people[5].id)
    for what, one in hostile(asked, twice).items():
        one.send()
        with pytest.raises(JobNotDoneError) as caught:
            one.answered()
        assert caught.value.job.failure == (what if what.isupper() else "MALFORMED_MESSAGE")
        with pytest.raises(RefusedError):
            one.fetch()
    assert caring.used(contract) == (0, 0)
    foreign = Asking.of(caring.stage.lender, contract, caring.people)
    mixed = asked.afresh(data=foreign.data)  # another key's: it decrypts to nothing of use
    assert np.abs(mixed.taken() - mixed.clear(caring.people)).max() > 1e3
    assert caring.used(contract) == (1, 1)


def test_weights_that_were_not_signed_for_are_refused(caring: Caring) -> None:
    contract = caring.contract()
    asked = caring.asking(contract)
    asked.upload(asked.context, intersect_pb2.PART_CONTEXT)
    asked.upload(asked.keys.weights(asked.weights), intersect_pb2.PART_WEIGHTS)
    with pytest.raises(RefusedError) as caught:
        asked.run()
    assert caught.value.clause == "weights.digest"
    assert caring.stage.lender.jobs(contract) == []


def test_more_columns_than_a_process_has_memory_for_are_refused(caring: Caring) -> None:
    wide = SECRET.replace('"ward"', '"bed"')  # 42 columns, and this node gives a task 256 MiB
    asked = caring.asking(caring.contract(wide))
    asked.send()
    with pytest.raises(UnreachableError) as caught:
        asked.run()
    assert (caught.value.reason, caught.value.clause) == ("OVERLOADED", "node.memory_mb")
    assert caring.stage.lender.jobs(asked.contract) == []


def test_the_next_iteration_is_over_the_rows_that_are_registered_then(caring: Caring) -> None:
    own = Caring.on(caring.stage, table="moving")
    contract = own.contract()
    asked = own.asking(contract)
    asked.check(asked.taken(), own.people)
    others = patients(ROWS + 50, seed=4)
    write(own.stage.root / "moving.parquet", others)
    again = asked.afresh()
    again.send()
    with pytest.raises(JobNotDoneError) as caught:
        again.answered()
    assert caught.value.job.failure == "TABLE_CHANGED"
    assert own.used(contract) == (1, 1)
    own.stage.operator.refresh_table("moving")
    again.check(again.gradient(again.answered()), others)
    assert own.used(contract) == (2, 2)


def test_a_stopped_contract_computes_and_hands_out_nothing(caring: Caring) -> None:
    contract = caring.contract()
    asked = caring.asking(contract)
    asked.send()
    caring.stage.operator.suspend(contract, "looked at")
    for call in (asked.run, asked.fetch, lambda: asked.afresh().send()):
        with pytest.raises(RefusedError):
            call()
    caring.stage.operator.resume(contract, "looked at")
    asked.check(asked.gradient(asked.answered()), caring.people)


def test_a_cancelled_iteration_is_not_charged_and_may_begin_anew(caring: Caring) -> None:
    contract = caring.contract()
    asked = caring.asking(contract)
    asked.send()
    job = caring.stage.lender.job(asked.run().job.removeprefix("jobs/"))
    assert job.cancel("other weights").state is JobState.CANCELLED
    with pytest.raises(RefusedError):
        asked.fetch()
    assert caring.used(contract) == (0, 0)
    asked.check(asked.gradient(asked.answered()), caring.people)
    assert caring.used(contract) == (1, 1)


@pytest.mark.parametrize("shared", ["context", "rows"])
def test_what_an_iteration_reads_is_not_ended_under_it(caring: Caring, shared: str) -> None:
    """Else a buyer has rows read as often as it likes, and pays for none of it."""
    asked = caring.asking(caring.contract(VERTICAL))
    asked.send()
    assert asked.run().job
    with pytest.raises(RefusedError) as caught:
        asked.forget(getattr(asked, shared))
    assert caught.value.clause == "job.state"
    asked.check(asked.gradient(asked.answered()), caring.people)
    asked.forget(getattr(asked, shared))
    with pytest.raises(RefusedError) as caught:
        asked.afresh().run()
    assert caught.value.clause == shared


@pytest.mark.sampled
@pytest.mark.parametrize("point", ["request.evaluated", "charge.before_commit", "job.after_finish"])
def test_a_kill_of_the_node_charges_once_and_the_gradient_comes(caring: Caring, point: str) -> None:
    stage, contract, before = caring.stage, caring.contract(), caring.spent()
    asked = caring.asking(contract)
    asked.send()
    stage.stop()
    stage.start(UNSEEN_FAILPOINT=point)
    with pytest.raises((UnreachableError, RefusedError)):
        replace(asked, client=stage.lender).answered()
    assert stage.wait_dead() == -9
    stage.start()
    again = replace(asked, client=stage.lender)
    again.check(again.gradient(again.answered()), caring.people)
    assert caring.used(contract) == (1, 1)
    assert caring.spent() == before + UNITS


def taken(asked: Asking) -> train_pb2.TrainServiceRunResponse:
    asked.send()
    return asked.answered()


def test_who_withdraws_is_in_no_gradient_from_then_on(caring: Caring) -> None:
    stage = caring.stage
    stage.join("hub", "hub")
    text = stage.operator.rules().text.replace(b'"malicious-buyer"', b'"semi-honest"')
    stage.operator.set_rules(text.replace(b'budget = "4"', b'budget = "80"'))
    own = Caring.on(stage, table="persons", label=("personal", "1"))
    contract = own.contract(SECRET.replace("rho = 1\n", "rho = 10\n"), budget="80")
    chosen = [one for one in own.people if one.acute and one.stay is not None][:20]
    hub, buyer = stage.client("hub"), stage.lender.profile
    permission = Permission(
        recipient=key_id(buyer.suite, buyer.key),
        scenario="tests",
        table="persons",
        until=now() + dt.timedelta(days=1),
        notice=b"what you are asked to permit",
    )
    given = [hub.consent(one.id, permission).id for one in chosen]
    asked = own.asking(contract)
    nobody = [replace(one, stay=None) for one in own.people]
    with_them = [one if one in chosen else replace(one, stay=None) for one in own.people]
    first = taken(asked)
    asked.check(asked.gradient(first), with_them)
    for consent in given:
        hub.withdraw_consent(consent)
    again = asked.afresh()
    second = taken(again)
    assert np.abs(again.gradient(second) - again.clear(nobody)).max() < 8 * again.deviation
    trust = stage.lender._session.trust
    roots = [
        verify_receipt(one.release.receipt, trust).leaf.consent_root for one in (first, second)
    ]
    assert len({*roots, b""}) == 3
    stage.operator.set_rules(stage.operator.rules().text.replace(b'"80"', b'"4"'))
