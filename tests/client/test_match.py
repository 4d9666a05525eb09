"""Whole subjects matched by a real node, hidden and in the clear: three answers, and who pays."""

import json
import secrets
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from tests.client.test_end_to_end import World
from tests.ports import free_port
from typer.testing import CliRunner

from unseen.cli.main import app
from unseen.client import Answer, Client, RefusedError
from unseen.client.queries import asking, lookups, putting
from unseen.client.queries.lookups import Lookups, Question
from unseen.client.subjects import subject_values
from unseen.evidence.errors import OpeningInvalidError
from unseen.evidence.oversight.batch import make_batch_opening, verify_batch_opening
from unseen.evidence.oversight.clear import verify_clear_opening
from unseen.evidence.oversight.opening import verify_opening
from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.match import encode_points
from unseen.protocols.oprf.client import blind
from unseen.protocols.oprf.suite import Mode
from unseen.v1 import lookup_pb2

runner = CliRunner()
LI, WANG, ZHAO = "11010519491231002X", "440524188001010014", "110105194912310038"
ROWS = (
    ("李　雷", "110105 19491231 002x", "1949年12月31日"),
    ("Wang, Mei", WANG, "1880-01-01"),
    ("Wang Mei", WANG, "18800101"),  # the same person once more, written otherwise
    ("WANG  WU", WANG, "1880/01/01"),  # the same id by another name
    ("Nobody", "440524188001010015", "1880-01-01"),  # no number: the check is wrong
)
FORMS: Any = {"name": "name", "number": "cn_id", "born": "date"}
ASKED = (
    (("李雷", LI, "1949-12-31"), Answer.CONSISTENT),
    (("李 雷", LI.lower(), "1949/12/31"), Answer.CONSISTENT),
    (("WANG MEI", WANG, "1880-01-01"), Answer.CONSISTENT),
    (("wang wu", WANG, "1880-01-01"), Answer.CONSISTENT),
    (("王五", WANG, "1880-01-01"), Answer.INCONSISTENT),
    (("李雷", LI, "1949-12-30"), Answer.INCONSISTENT),
    (("李雷", ZHAO, "1949-12-31"), Answer.NO_USABLE_RESULT),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("match"))
    listen = f"127.0.0.1:{free_port()}"
    made.unseen("node", "init", "--home", str(made.node), "--listen", listen)
    lines = "".join(f'"{name}","{number}","{born}",7\n' for name, number, born in ROWS)
    (made.folder / "register.csv").write_text(f"name,number,born,floor\n{lines}")
    made.start()
    with Client(made.node) as client:
        source = str(made.folder / "register.csv")
        labels = {"*": ("public", "1")}
        client.register_table("register", source, subject=["name", "number", "born"], labels=labels)
        for kind in ("lookup", "verify"):
            product = client.register_product(
                kind, table="register", kind=kind, title=kind, match=["number"], canonical=FORMS
            )
            assert product.unusable == 1
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


def contract(
    buyer: Client,
    operator: Client,
    kind: str = "lookup",
    units: int = 50,
    output: str = "match",
    way: str = "",
) -> str:
    asked = buyer.request_contract(kind, outputs=[output], scenario="test", units=units, way=way)
    operator.approve(asked.id)
    buyer.sign(asked.id)
    return asked.id


def test_the_card_says_how_subjects_are_compared(buyer: Client) -> None:
    (product,) = [each for each in buyer.products() if each.name == "lookup"]
    assert product.match == ("number",)
    assert [column.form for column in product.subject] == ["name", "cn_id", "date"]
    assert "number (string, as cn_id)" in repr(product)
    assert [predicate.name for predicate in product.predicates] == ["match"]
    assert not any(predicate.expression for predicate in product.predicates)


def test_a_contract_says_forms_id_and_what_two_evaluations_say(
    buyer: Client, operator: Client
) -> None:
    asked = buyer.request_contract("lookup", outputs=["match"], scenario="test", units=50)
    plan, lines = asked.plan, {line.what: line for line in asked.leakage.statements}
    assert (plan.match, plan.evaluations, plan.bits_per_unit) == (("number",), 2, 4)
    assert plan.release is not None
    assert plan.release.bits_in_all == 4 * 50
    assert [column.form for column in plan.subject_columns] == ["name", "cn_id", "date"]
    amount = lines["answers"].amount
    assert amount is not None
    assert (amount.each, amount.most) == (4, 4 * 50)
    assert "two subjects" in lines["answers"].text
    clear = buyer.request_contract("verify", outputs=["match"], scenario="test", units=50)
    assert clear.plan.bits_per_unit == 2
    del operator


@pytest.mark.parametrize("kind", ["lookup", "verify"])
def test_three_answers_one_charge_each(buyer: Client, operator: Client, kind: str) -> None:
    identifier = contract(buyer, operator, kind)
    ask = buyer.lookup if kind == "lookup" else buyer.verify
    for used, (subject, answer) in enumerate(ASKED, 1):
        verdict = ask(identifier, subject)
        assert dict(verdict.answers) == {"match": answer}
        assert verdict.found is (answer is not Answer.NO_USABLE_RESULT)
        if kind == "verify" or used == 1:
            assert buyer.usage(identifier).units_used == used
    if kind == "lookup":  # the second subject is the first one, written otherwise
        assert buyer.usage(identifier).units_used == len(ASKED) - 1


@pytest.mark.parametrize("way", ["oprf_table", "lwe_pir"])
def test_many_at_once_are_two_elements_a_unit(buyer: Client, operator: Client, way: str) -> None:
    identifier = contract(buyer, operator, way=way)
    verdicts = buyer.lookup_many(identifier, [subject for subject, _ in ASKED])
    assert [verdict.answers["match"] for verdict in verdicts] == [answer for _, answer in ASKED]
    assert buyer.usage(identifier).units_used == len(ASKED) - 1
    again = buyer.lookup_many(identifier, [subject for subject, _ in ASKED])
    assert [verdict.answers for verdict in again] == [verdict.answers for verdict in verdicts]
    assert all(verdict.cached for verdict in again)
    assert buyer.usage(identifier).units_used == len(ASKED) - 1


@pytest.mark.parametrize("way", ["oprf_table", "lwe_pir"])
def test_an_opening_proves_each_answer(buyer: Client, operator: Client, way: str) -> None:
    identifier = contract(buyer, operator, way=way)
    subjects = [ASKED[0][0], ASKED[4][0], ASKED[6][0]]
    for position, found in enumerate(buyer.lookup_many(identifier, subjects)):
        bundle = buyer.open_receipt(found.request_id, found.position)
        opened = verify_opening(bundle, buyer._session.trust)
        assert opened.verdicts["match"] is (True, False, None)[position]
        assert opened.manifest.protocol == way
        assert [str(value) for value in opened.subject] == list(found.subject)
        assert ROWS[0][0] not in json.dumps(bundle, ensure_ascii=False)


def test_an_opening_in_the_clear_proves_it_too(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator, "verify")
    verdict = buyer.verify(identifier, ASKED[4][0])
    opened = verify_clear_opening(buyer.open_receipt(verdict.request_id), buyer._session.trust)
    assert dict(opened.verdicts) == {"match": False}


def test_what_has_no_form_is_refused_before_anything_is_sent(
    buyer: Client, operator: Client
) -> None:
    identifier = contract(buyer, operator)
    for subject in (("李雷", LI[:-1] + "1", "1949-12-31"), ("--", LI, "1949-12-31")):
        with pytest.raises(SubjectInvalidError) as caught:
            buyer.lookup(identifier, subject)
        assert LI[:-1] not in str(caught.value)
    assert buyer.usage(identifier).requests == 0


def send(buyer: Client, identifier: str, inputs: list[bytes], units: int) -> Any:
    """Send elements of a deviating buyer under a charge of `units`."""
    own: Lookups = buyer._lookups
    epoch = own._epochs.present(identifier)
    blinded = blind(inputs, Mode.VOPRF, secrets.token_bytes)
    request, signed = asking.new_request(
        own._session,
        contract=epoch.manifest.contract,
        kind="lookup",
        units=units,
        parts=blinded.elements,
        manifest=epoch.id_bytes,
        epoch=epoch.manifest.epoch,
    )
    del request
    message = lookup_pb2.EvaluateRequest(request=signed, blinded=blinded.elements)
    return own._session.call(own._stub.Evaluate, message)


def test_a_unit_is_two_elements_and_neither_one_nor_three(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator, units=2)
    epoch = buyer._lookups._epochs.present(identifier)
    manifest = epoch.manifest
    values = subject_values(manifest.subject, ASKED[0][0])
    both = list(encode_points(manifest.subject, manifest.match, values, manifest.domain()))
    for inputs, units in ((both[:1], 1), (both + both[:1], 1), (both, 2), (both + both[:1], 2)):
        with pytest.raises(RefusedError) as caught:
            send(buyer, identifier, inputs, units)
        assert caught.value.clause == "request.units"
    assert buyer.usage(identifier).units_used == 0
    # Two people in one unit look like one to the node, and cost one: that is what is stated.
    send(buyer, identifier, [both[0], both[0]], 1)
    assert buyer.usage(identifier).units_used == 1


def test_a_pair_of_two_people_cannot_be_opened(
    buyer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = contract(buyer, operator)
    whole = lookups._question

    def mixed(epoch: Any, subject: Any) -> Question:
        own, other = whole(epoch, subject), whole(epoch, ASKED[2][0])
        return Question(own.texts, (own.points[0], other.points[1]))

    with monkeypatch.context() as patch:
        patch.setattr(lookups, "_question", mixed)
        verdict = buyer.lookup(identifier, ASKED[0][0])
    with pytest.raises(OpeningInvalidError, match="blinded"):
        buyer.open_receipt(verdict.request_id)


@pytest.mark.parametrize("way", ["oprf_table", "lwe_pir"])
def test_a_whole_request_is_opened_for_a_regulator(
    buyer: Client, operator: Client, way: str
) -> None:
    identifier = contract(buyer, operator, way=way)
    verdicts = buyer.lookup_many(identifier, [subject for subject, _ in ASKED[2:]])
    openings = buyer._openings
    hidden = openings.hidden(openings.answered(verdicts[0].request_id))
    bundle = make_batch_opening(hidden.batch, map(hidden.item, range(hidden.size)))
    found = verify_batch_opening(bundle, buyer._session.trust)
    assert found.size == len(verdicts) == hidden.size
    words = {True: Answer.CONSISTENT, False: Answer.INCONSISTENT, None: Answer.NO_USABLE_RESULT}
    said = [words[item.verdicts["match"]] for item in found.items]
    assert said == [answer for _, answer in ASKED[2:]]


def test_a_lost_answer_is_fetched_again(buyer: Client, operator: Client) -> None:
    identifier = contract(buyer, operator)
    (verdict,) = buyer.lookup_many(identifier, [ASKED[5][0]])
    found = buyer.fetch_answers(verdict.request_id)
    assert [each.answers["match"] for each in found] == [Answer.INCONSISTENT]
    assert buyer.usage(identifier).units_used == 1


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("consistent", "inconsistent", "no usable result")),
        ("zh", ("一致", "不一致", "库无")),
    ],
)
@pytest.mark.parametrize("kind", ["lookup", "verify"])
def test_the_command_line_says_it_in_both_languages(
    world: World, buyer: Client, operator: Client, kind: str, language: str, words: tuple[str, ...]
) -> None:
    identifier = contract(buyer, operator, kind)
    for (subject, answer), word in zip((ASKED[0], ASKED[4], ASKED[6]), words, strict=True):
        command = [kind, identifier, *subject, "--home", str(world.folder / "buyer")]
        # In a context of its own: the language of a command is that of what runs after it.
        told = copy_context().run(runner.invoke, app, [*command, "--lang", language])
        assert told.exit_code == 0, told.output
        assert any(line.split()[1:] == word.split() for line in told.stdout.splitlines())
        if language == "en":
            done = runner.invoke(app, [*command, "--format", "json"])
            assert json.loads(done.stdout)["answers"] == {"match": answer.value}


def test_products_that_do_not_fit_are_refused(operator: Client) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"match": ["name", "number", "born"]}, "product.match.id"),
        ({"match": ["floor"]}, "product.match.id"),
        ({"match": ["number", "number"]}, "product.match.id"),
        ({"match": ["born", "number"]}, "product.match.id"),
        ({"match": ["number"], "canonical": {"floor": "id"}}, "product.canonical"),
        ({"match": ["number"], "canonical": {"number": "phone"}}, "product.canonical"),
    )
    for number, (fields, clause) in enumerate(cases):
        with pytest.raises(RefusedError) as caught:
            operator.register_product(
                f"bad-{number}", table="register", kind="lookup", title="bad", **fields
            )
        assert caught.value.clause == clause


def test_forms_that_make_one_subject_of_two_rows_need_a_match(operator: Client) -> None:
    from unseen.client.catalog import Predicate

    with pytest.raises(RefusedError) as caught:
        operator.register_product(
            "twice",
            table="register",
            kind="lookup",
            title="twice",
            predicates=[Predicate("low", "Lives low", "floor < 9")],
            canonical=FORMS,
        )
    assert (caught.value.reason, caught.value.clause) == ("SUBJECT_DUPLICATE", "product.canonical")


@pytest.mark.parametrize("kind", ["lookup", "verify"])
def test_predicates_of_a_subject_found_by_its_forms(
    operator: Client, buyer: Client, tmp_path: Path, kind: str
) -> None:
    from unseen.client.catalog import Predicate

    source = tmp_path / "flats.csv"
    source.write_text("code,floor\nAB-1,7\ncd 2,12\n --,3\n")
    labels = {"*": ("public", "1")}
    operator.register_table(f"flats-{kind}", str(source), subject=["code"], labels=labels)
    product = operator.register_product(
        f"flats-{kind}",
        table=f"flats-{kind}",
        kind=kind,
        title="flats",
        predicates=[Predicate("low", "Lives low", "floor < 9")],
        canonical={"code": "id"},
    )
    assert product.unusable == 1
    identifier = contract(buyer, operator, f"flats-{kind}", output="low")
    ask = buyer.lookup if kind == "lookup" else buyer.verify
    for text, answer in (
        ("ab1", Answer.YES),
        ("\uff21\uff22 \uff11", Answer.YES),
        ("CD\u20132", Answer.NO),
        ("ef3", Answer.NO_USABLE_RESULT),
    ):
        assert dict(ask(identifier, text).answers) == {"low": answer}


@pytest.mark.parametrize("way", ["oprf_table", "lwe_pir"])
def test_what_is_sent_and_received_has_one_shape_for_every_answer(
    buyer: Client, operator: Client, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    identifier = contract(buyer, operator, way=way)
    buyer.lookup(identifier, ASKED[3][0])  # the epoch is there
    shapes: list[list[Any]] = []
    send_once, put = asking.send, putting.put

    def sent(session: Any, method: Any, message: Any, *args: Any, **named: Any) -> Any:
        found = send_once(session, method, message, *args, **named)
        shapes[-1].append((len(message.blinded), len(found.evaluated), message.ByteSize()))
        return found

    def asked(session: Any, asking: Any, *args: Any) -> Any:
        shapes[-1].append([len(query) for query in asking.queries])
        return put(session, asking, *args)

    monkeypatch.setattr(asking, "send", sent)
    monkeypatch.setattr(putting, "put", asked)
    for subject, answer in (ASKED[0], ASKED[4], ASKED[6]):
        shapes.append([])
        assert buyer.lookup(identifier, subject).answers["match"] is answer
    assert shapes[0] == shapes[1] == shapes[2]
    assert shapes[0][0][:2] == (2, 2)
    assert len(shapes[0]) == (1 if way == "oprf_table" else 2)
    if way == "lwe_pir":
        assert len(shapes[0][1]) == 3  # of both points, and one about nobody
