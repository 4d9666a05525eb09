"""The joint clause: what it may say, the rounds it leads to, and its frozen bytes.

`formats_v1_joint.json` was written by `frozen` below, from fixed keys.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.evidence import canonical
from unseen.evidence.contracts import joint as clauses
from unseen.evidence.contracts.joint import (
    Joint,
    Place,
    context_of,
    honest_range,
    joint_of,
    least_survivors,
    most_bound,
    round_of,
    transcript_of,
)
from unseen.evidence.errors import CanonicalError, ContractInvalidError
from unseen.evidence.suite import INTL
from unseen.protocols.errors import InputInvalidError, PartyUnknownError, SurvivorsTooFewError
from unseen.protocols.secagg import parameters

FILE = Path(__file__).parents[1] / "vectors/evidence/formats_v1_joint.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
ROUND_ID = bytes(range(32))
QUESTION = b'{"of":"stay","what":"sum"}'


def places(count: int) -> tuple[Place, ...]:
    return tuple(
        Place(name=f"hospital-{number:02}", key=hashlib.sha256(b"%d" % number).digest())
        for number in range(count)
    )


def make(count: int = 3, **changes: Any) -> Joint:
    fields: dict[str, Any] = {
        "nodes": places(count),
        "honest": honest_range(count)[1],
        "ring": 64,
        "bound": 1 << 40,
        "task": bytes(range(32)),
    }
    return Joint(**fields | changes)


def frozen(world: Any) -> dict[str, str]:
    fixed = make(5, honest=3, sigma2="144.5", ring=32, bound=1 << 20)
    led = make(lead="hospital-01")
    said = [QUESTION, b"", QUESTION]
    return {
        "joint": make().encode().decode(),
        "joint_digest": make().digest(world.suite).hex(),
        "joint_fixed": fixed.encode().decode(),
        "joint_fixed_digest": fixed.digest(world.suite).hex(),
        "joint_led": led.encode().decode(),
        "joint_led_digest": led.digest(world.suite).hex(),
        "joint_context": context_of(world.suite, QUESTION).hex(),
        "joint_terms": world.terms(kind="statistics", parameters={"joint": make().to_json()})
        .encode()
        .decode(),
        "joint_round": round_of(make(), world.suite, ROUND_ID, QUESTION, 7).digest.hex(),
        "joint_led_round": round_of(led, world.suite, ROUND_ID, QUESTION, 7).digest.hex(),
        "joint_transcript": transcript_of(world.suite, said).hex(),
    }


def test_the_clause_is_what_it_was(world: Any) -> None:
    assert frozen(world) == VECTORS[world.suite.id]


def test_the_digests_are_those_of_the_text_alone() -> None:
    vector = VECTORS["intl"]
    body = json.loads(vector["joint"]) | {"v": 1, "suite": "intl", "type": "joint-clause"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == vector["joint_digest"]
    context = hashlib.sha256(b"unseen/joint/v1 payload\x00" + QUESTION).hexdigest()
    assert context == vector["joint_context"]
    hashed = b"".join(hashlib.sha256(each).digest() for each in (QUESTION, b"", QUESTION))
    transcript = hashlib.sha256(b"unseen/joint/v1 transcript\x00" + hashed).hexdigest()
    assert transcript == vector["joint_transcript"]


@pytest.mark.parametrize("name", ["joint", "joint_fixed", "joint_led"])
def test_a_frozen_clause_is_read_and_written_the_same(world: Any, name: str) -> None:
    data = VECTORS[world.suite.id][name].encode()
    assert Joint.decode(data).encode() == data
    assert joint_of({"joint": canonical.decode(data)}) == Joint.decode(data)


def test_terms_without_the_parameter_have_no_clause() -> None:
    assert joint_of({}) is None
    with pytest.raises(ContractInvalidError):
        joint_of({"joint": None})


WRONG = [
    ("nodes", places(2)),
    ("nodes", places(101)),
    ("nodes", list(places(3))),
    ("nodes", (*places(3)[:2], places(3)[1])),
    ("nodes", (*places(3)[:2], Place(name="zz", key=places(3)[0].key))),
    ("nodes", places(3)[::-1]),
    ("honest", 2),
    ("honest", 4),
    ("honest", True),
    ("ring", 16),
    ("ring", 64.0),
    ("bound", 0),
    ("bound", 1 << 58),
    ("task", bytes(31)),
    ("task", "x" * 32),
    ("lead", "hospital-09"),
    ("lead", None),
    ("sigma2", "1.50"),
    ("sigma2", "-1"),
    ("sigma2", 2),
]


@pytest.mark.parametrize(("field", "wrong"), WRONG)
def test_what_it_may_say(field: str, wrong: Any) -> None:
    with pytest.raises(ContractInvalidError) as caught:
        make(**{field: wrong})
    assert caught.value.clause.startswith(f"joint.{field}")


@pytest.mark.parametrize(("name", "key"), [("a b", bytes(32)), ("", bytes(32)), ("a", bytes(31))])
def test_a_place_has_a_name_and_a_key(name: str, key: bytes) -> None:
    with pytest.raises(ContractInvalidError, match=r"joint\.nodes"):
        Place(name=name, key=key)


def test_a_lead_receives_exact_sums() -> None:
    with pytest.raises(ContractInvalidError, match=r"joint\.sigma2"):
        make(lead="hospital-00", sigma2="4")


@pytest.mark.parametrize("count", [3, 4, 5, 100])
def test_a_lead_receives_sums_over_all_nodes_alone(count: int) -> None:
    led = make(count, lead="hospital-01", honest=count)
    assert led.colluding == 0
    found = round_of(led, INTL, ROUND_ID, b"", 1)
    assert (found.lead, found.least) == ("hospital-01", count)
    assert found.digest != replace(found, lead="").digest
    for without in ("hospital-01", "hospital-02"):
        with pytest.raises(ContractInvalidError, match=r"joint\.lead"):
            round_of(led, INTL, ROUND_ID, b"", 1, [without])
    for honest in {count - 1, count + 1, honest_range(count)[0] - 1}:
        with pytest.raises(ContractInvalidError, match=r"joint\.honest"):
            make(count, lead="hospital-01", honest=honest)


CHANGES: list[dict[str, Any]] = [
    {"lead": ""},
    {"sigma2": ""},
    {"more": 1},
    {"task": "===="},
    {"nodes": {}},
    {"nodes": [{"name": "a"}]},
    {"nodes": [{"name": "a", "key": "AA", "more": 1}]},
]


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_written_in_one_way(change: dict[str, Any]) -> None:
    with pytest.raises(ContractInvalidError):
        Joint.from_json(make().to_json() | change)


@pytest.mark.parametrize("field", ["nodes", "honest", "ring", "bound", "task"])
def test_nothing_is_left_out(field: str) -> None:
    body = make().to_json()
    del body[field]
    with pytest.raises(ContractInvalidError, match="is missing"):
        Joint.from_json(body)


def test_what_is_not_canonical_is_refused() -> None:
    with pytest.raises(CanonicalError):
        Joint.decode(b" " + make().encode())


@given(st.integers(3, 100), st.sampled_from([32, 64]))
def test_the_numbers_are_those_of_the_protocol(count: int, ring: int) -> None:
    low, high = honest_range(count)
    assert 3 <= low <= high == least_survivors(count)
    found = round_of(make(count, ring=ring, bound=1), INTL, ROUND_ID, b"", 1)
    assert found.least == least_survivors(count)
    assert make(count, honest=low).colluding < count / 3
    most = most_bound(count, ring)
    widest = make(count, ring=ring, bound=most)
    assert round_of(widest, INTL, ROUND_ID, b"", 1).bound == most
    with pytest.raises(ContractInvalidError):
        make(count, ring=ring, bound=most + 1)
    if most + 1 <= canonical.MAX_INTEGER:
        with pytest.raises(InputInvalidError, match="headroom"):
            replace(found, bound=most + 1)


@given(st.integers(3, 9), st.data())
def test_whoever_is_left_out_enough_honest_ones_are_left(count: int, data: st.DataObject) -> None:
    clause = make(count, honest=data.draw(st.integers(*honest_range(count))))
    without = data.draw(st.sets(st.sampled_from(clause.names)))
    try:
        found = round_of(clause, INTL, ROUND_ID, b"", 1, without)
    except (ContractInvalidError, InputInvalidError):
        return
    assert found.least - clause.colluding >= clause.honest


def test_the_constants_are_those_of_the_protocol() -> None:
    for name in ("HEADROOM_BITS",):
        assert getattr(clauses, name) == getattr(parameters, name)
    assert (clauses.MIN_NODES, clauses.MAX_NODES) == (
        parameters.MIN_PARTIES,
        parameters.MAX_PARTIES,
    )
    assert clauses.ALL_BELOW == parameters.NO_DROP_OUT_BELOW


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64), st.integers(1, 1 << 20))
def test_a_round_is_bound_to_all_it_depends_on(
    round_id: bytes, payload: bytes, dimension: int
) -> None:
    base = round_of(make(), INTL, ROUND_ID, QUESTION, 7)
    found = round_of(make(), INTL, round_id, payload, dimension)
    same = (round_id, payload, dimension) == (ROUND_ID, QUESTION, 7)
    assert (found.digest == base.digest) is same
    assert found.plan_hash == base.plan_hash == make().digest(INTL)
    other = round_of(make(task=bytes(32)), INTL, round_id, payload, dimension)
    assert other.digest != found.digest


def test_one_of_four_may_be_left_out_where_three_are_vouched_for() -> None:
    four = make(4, honest=3)
    found = round_of(four, INTL, ROUND_ID, b"", 1, ["hospital-02"])
    assert [member.name for member in found.members] == [
        "hospital-00",
        "hospital-01",
        "hospital-03",
    ]
    assert found.digest != round_of(four, INTL, ROUND_ID, b"", 1).digest
    with pytest.raises(SurvivorsTooFewError):
        found.require([0, 1])
    for clause, without in (
        (make(4), ["hospital-02"]),  # all four are vouched for
        (make(3), ["hospital-02"]),
        (four, ["hospital-02", "hospital-03"]),
        (make(5, honest=3), ["hospital-02"]),  # the round itself goes on
    ):
        with pytest.raises(ContractInvalidError, match="honest"):
            round_of(clause, INTL, ROUND_ID, b"", 1, without)
    with pytest.raises(PartyUnknownError):
        round_of(four, INTL, ROUND_ID, b"", 1, ["clinic"])
