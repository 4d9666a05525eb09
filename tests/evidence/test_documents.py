"""Every format: comes back from its bytes, and is read in one way or not at all.

The strictness property: whatever replaces whatever field, a document is either refused with an
error of evidence, or it re-encodes to exactly what was read.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.evidence.consents import Consents
from tests.evidence.governance import labelled_plan, make_rules, make_template, measured_leakage
from tests.evidence.registry import Registry
from tests.evidence.test_answers import make as make_answers
from tests.evidence.test_manifest import HIDDEN

from unseen.evidence import canonical, jws, trust
from unseen.evidence.consents import consent
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.consents.delegation import Delegation
from unseen.evidence.contracts.cells import Choice, Number
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.leakage import Leakage
from unseen.evidence.contracts.plan import Plan, ReleaseSpec
from unseen.evidence.contracts.rules import RuleFile
from unseen.evidence.contracts.stop import StopOrder
from unseen.evidence.contracts.template import Template
from unseen.evidence.contracts.typed import Table
from unseen.evidence.errors import EvidenceError, SuiteUnknownError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.registry.certificate import Certificate, Transfer
from unseen.evidence.registry.handover import Deletion, Handover
from unseen.evidence.registry.mandate import Mandate, Withdrawal
from unseen.evidence.registry.snapshot import RowsOpening
from unseen.evidence.releases import instance
from unseen.evidence.releases.answers import Answers
from unseen.evidence.releases.manifest import Manifest
from unseen.evidence.releases.request import Request
from unseen.evidence.releases.review import Review

Reader = Callable[[Any], Any]
FORMATS: dict[str, tuple[Callable[[Any], Any], Reader]] = {
    "plan": (lambda world: world.plan().to_json(), Plan.from_json),
    "leakage": (lambda world: world.leakage().to_json(), Leakage.from_json),
    "contract": (lambda world: world.terms().to_json(), Terms.from_json),
    "request": (lambda world: world.request().to_json(), Request.from_json),
    "manifest": (lambda world: world.manifest().to_json(), Manifest.from_json),
    "hidden table": (lambda world: world.manifest(**HIDDEN).to_json(), Manifest.from_json),
    "answers": (lambda world: make_answers(world).to_json(), Answers.from_json),
    "release": (lambda world: world.leaf().to_json(), ReleaseLeaf.from_json),
    "held release": (
        lambda world: world.leaf(since=7, review=world.hash("review")).to_json(),
        ReleaseLeaf.from_json,
    ),
    "plan of a shape": (
        lambda world: world.plan(
            release=ReleaseSpec(
                type="aggregate",
                bits_per_run=60,
                bits_in_all=600,
                shape=Table(
                    columns=(
                        ("sector", Choice(of=("农业", "industry"))),
                        ("firms", Number(use="count", low=0, high=1000, optional=True)),
                    ),
                    max_rows=4,
                ),
            )
        ).to_json(),
        Plan.from_json,
    ),
    "review": (
        lambda world: Review(
            suite=world.suite.id,
            contract=world.terms().id(),
            request="0" * 32,
            release=world.hash("release"),
            bits=4,
            rules=("type.review",),
            decision="pass",
            role="operator",
            time=world.leaf().time,
        ).to_json(),
        Review.from_json,
    ),
    "instance": (
        lambda world: jws.peek(world.instance).payload,
        instance._parse,
    ),
    "stop": (
        lambda world: StopOrder(
            suite=world.suite.id,
            action="stop",
            node="A" * 43,
            contract=bytes(32),
            cause="a leak",
            issued_at=world.leaf().time,
            nonce=bytes(16),
        ).to_json(),
        StopOrder.from_json,
    ),
    "measured leakage": (lambda world: measured_leakage(world).to_json(), Leakage.from_json),
    "labelled plan": (lambda world: labelled_plan(world).to_json(), Plan.from_json),
    "rules": (lambda world: make_rules(world).to_json(), RuleFile.from_json),
    "template": (lambda world: make_template(world).to_json(), Template.from_json),
    "mandate": (lambda world: Registry(world).mandate().to_json(), Mandate.from_json),
    "mandate-withdrawal": (
        lambda world: Registry(world).withdrawal().to_json(),
        Withdrawal.from_json,
    ),
    "certificate": (lambda world: Registry(world).certificate().to_json(), Certificate.from_json),
    "certificate-transfer": (
        lambda world: Registry(world).transfer().to_json(),
        Transfer.from_json,
    ),
    "rows-opening": (
        lambda world: Registry(world).rows_opening().to_json(),
        RowsOpening.from_json,
    ),
    "handover": (lambda world: Registry(world).handover().to_json(), Handover.from_json),
    "deletion": (lambda world: Registry(world).deletion().to_json(), Deletion.from_json),
    "consent": (
        lambda world: Consents(world).consent().to_json(),
        consent.Consent.from_json,
    ),
    "delegation": (
        lambda world: Consents(world).trusteeship().to_json(),
        Delegation.from_json,
    ),
    "consent-withdrawal": (
        lambda world: jws.peek(Consents(world).withdrawal(world.operator)).payload,
        consent.Withdrawal.from_json,
    ),
    "consent-root": (
        lambda world: Consents(world).put({1: []})[0].to_json(),
        ConsentRoot.from_json,
    ),
    "trust": (
        lambda world: world.trust.to_json(),
        lambda value: trust.parse(canonical.encode(value)),
    ),
}
TYPES = {
    "hidden table": "manifest",
    "held release": "release",
    "plan of a shape": "plan",
    "labelled plan": "plan",
    "measured leakage": "leakage",
}
# What was not agreed is not written.
OPTIONAL = {"since", "review", "release", "shape", "rows", "labels", "threat_model_zh"}
OPTIONAL |= {"retention_zh", "bound_zh", "channel", "amount", "most", "width"}
WRONG: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    2,
    -1,
    2**53 - 1,
    "",
    "x",
    " ",
    "a b",
    "a/b",
    "a\u0301",
    "a\n",
    "\u202e",
    "x" * 2000,
    "AA",
    "A" * 43,
    "2026-11-22T05:30:01Z",
    "2026-11-22",
    "sm",
    "intl",
    "dummy",
    [],
    ["x"],
    ["x", "x"],
    [1],
    [[]],
    {},
    {"x": 1},
)


@pytest.fixture(params=sorted(FORMATS))
def case(request: pytest.FixtureRequest, world: Any) -> tuple[str, Any, Reader]:
    write, read = FORMATS[request.param]
    return request.param, write(world), read


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every member of a JSON value, however deep."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_comes_back_from_its_bytes(case: tuple[str, Any, Reader]) -> None:
    _, document, read = case
    again = read(canonical.decode(canonical.encode(document)))
    assert again.to_json() == document


def test_names_its_version_type_and_suite(case: tuple[str, Any, Reader], world: Any) -> None:
    kind, document, read = case
    assert (document["v"], document["type"]) == (1, TYPES.get(kind, kind))
    for field, wrong in (("v", 2), ("v", True), ("v", "1"), ("type", "other"), ("type", None)):
        with pytest.raises(EvidenceError):
            read(document | {field: wrong})
    if kind != "trust":
        assert document["suite"] == world.suite.id
        with pytest.raises(SuiteUnknownError):
            read(document | {"suite": "sm"})


def test_refuses_a_missing_field_by_name(case: tuple[str, Any, Reader]) -> None:
    _, document, read = case
    for path in places(document):
        broken = copy.deepcopy(document)
        holder = at(broken, path[:-1])
        if isinstance(holder, dict) and (path[-1] not in OPTIONAL or case[0] not in TYPES):
            del holder[path[-1]]
            with pytest.raises(EvidenceError, match=f"{path[-1]} is missing"):
                read(broken)


def test_refuses_a_field_that_is_not_known_without_quoting_it(
    case: tuple[str, Any, Reader],
) -> None:
    _, document, read = case
    for path in [(), *places(document)]:
        broken = copy.deepcopy(document)
        if isinstance(at(broken, path), dict):
            at(broken, path)["canary"] = "canary"
            with pytest.raises(EvidenceError, match="field that is not known") as caught:
                read(broken)
            assert "canary" not in str(caught.value)


def test_every_wrong_value_is_refused_or_read_exactly(case: tuple[str, Any, Reader]) -> None:
    _, document, read = case
    refused = 0
    for path in places(document):
        for wrong in WRONG:
            broken = copy.deepcopy(document)
            at(broken, path[:-1])[path[-1]] = copy.deepcopy(wrong)
            try:
                again = read(broken)
            except EvidenceError:
                refused += 1
            else:
                assert again.to_json() == broken
    assert refused > 20 * len(document)


@pytest.mark.parametrize("value", [None, True, 1, "x", [], [1]])
def test_refuses_what_is_no_object(case: tuple[str, Any, Reader], value: Any) -> None:
    with pytest.raises(EvidenceError):
        case[2](value)
