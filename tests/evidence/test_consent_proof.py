"""Proofs about one subject: what they show, and that nothing in them can be exchanged."""

import copy
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.evidence.conftest import DUMMY, World
from tests.evidence.consents import Consents, listed, subject

from unseen.evidence import jws
from unseen.evidence.canonical import b64encode
from unseen.evidence.consents.consent import sign_consent
from unseen.evidence.consents.consent_proof import (
    ConsentAnswer,
    ConsentProof,
    JobScope,
    make_consent_proof,
    read_answer,
    sign_answer,
    verify_consent_proof,
)
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.contracts.clauses import ConsentRule
from unseen.evidence.errors import (
    ConsentProofInvalidError,
    SignatureInvalidError,
    TrustMissingError,
)
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.suite import INTL, signer_id
from unseen.evidence.trust import Trust
from unseen.evidence.verify import verify_receipt, verify_terms
from unseen.protocols.oprf import keys
from unseen.protocols.smt.index import IndexProof
from unseen.protocols.testing import seeded_rng


class Story:
    """Subject 1 consents by its own key, a job is done, subject 1 withdraws, one more job."""

    def __init__(self, world: World) -> None:
        self.parties = p = Consents(world)
        self.token, self.chain = p.own()
        p.put({2: [bytes(32)], 3: [bytes(32)], 4: [bytes(32)]})
        consent = p.consent(role="person", by=signer_id(p.person), chain=(p.delegation().id(),))
        self.first, self.first_place = p.put({1: [consent.id()]})
        self.nonce, self.path = p.nonces[1], p.tree.path(p.index(1)).encode()
        self.missing_path = p.tree.path(p.index(9)).encode()
        self.job, self.job_place = self.release(self.first, 1)
        self.second, self.second_place = p.put({1: []})
        self.later, self.later_place = self.release(self.second, 2)

    def release(self, root: ConsentRoot, number: int, kind: str = "verify") -> Any:
        p = self.parties
        hidden: dict[str, Any] = {} if kind == "lookup" else {"manifest": b"", "epoch": 0}
        request = p.world.request(number, kind=kind, **hidden)
        leaf = p.world.leaf(request, consent_root=root.root)
        return leaf, p.log(leaf.to_json())

    def included(self, **changes: Any) -> ConsentAnswer:
        p = self.parties
        fields: dict[str, Any] = {
            "path": self.path,
            "nonce": self.nonce,
            "consents": (listed(self.token, self.chain),),
            "job": p.placed(self.job_place),
            "scope": p.scope(),
        }
        return p.answer(1, self.first, self.first_place, **fields | changes)

    def withdrawn(self) -> ConsentAnswer:
        p = self.parties
        return p.answer(
            1,
            self.second,
            self.second_place,
            nonce=p.nonces[1],
            job=p.placed(self.later_place),
            scope=p.scope(),
        )

    def absent(self, **changes: Any) -> ConsentAnswer:
        p = self.parties
        fields: dict[str, Any] = {
            "path": self.missing_path,
            "job": p.placed(self.job_place),
            "scope": p.scope(),
        }
        return p.answer(9, self.first, self.first_place, **fields | changes)

    def bundle(self, answer: ConsentAnswer, number: int = 1) -> dict[str, Any]:
        p = self.parties
        return make_consent_proof(subject(number), p.ask(number), sign_answer(p.world.node, answer))

    def check(self, bundle: Any) -> ConsentProof:
        return verify_consent_proof(bundle, self.parties.trust)


@pytest.fixture
def story(world: World) -> Story:
    return Story(world)


def test_a_subject_proves_that_a_job_could_use_its_row(story: Story) -> None:
    proof = story.check(story.bundle(story.included()))
    assert (proof.known, proof.permitted) == (True, True)
    assert [consent.role for consent in proof.consents] == ["person"]
    assert proof.job == story.job
    assert (proof.root, proof.root_index) == (story.first, story.first_place.index)
    assert proof.job_index == story.job_place.index
    assert proof.scope is not None
    assert (proof.node, proof.subject) == ("node-1", subject(1))


def test_after_a_withdrawal_a_job_could_not(story: Story) -> None:
    proof = story.check(story.bundle(story.withdrawn()))
    assert (proof.known, proof.consents, proof.permitted) == (True, (), False)


def test_a_past_root_still_proves_what_was_in_force(story: Story) -> None:
    assert story.check(story.bundle(story.included())).root.number < story.second.number


def test_who_never_consented_is_absent(story: Story) -> None:
    proof = story.check(story.bundle(story.absent(), 9))
    assert (proof.known, proof.consents, proof.permitted) == (False, (), False)


def test_a_root_alone_says_nothing_of_jobs(story: Story) -> None:
    proof = story.check(story.bundle(story.included(job=None, scope=None)))
    assert (proof.known, proof.job, proof.job_index, proof.permitted) == (True, None, None, None)


SCOPES: dict[str, dict[str, Any]] = {
    "recipient": {"recipient": b64encode(bytes(32))},
    "table": {"table": "other"},
    "scenario": {"consent": ConsentRule(scenario="other", latency_seconds=0, once=True)},
}


@pytest.mark.parametrize("case", SCOPES)
def test_a_consent_to_something_else_permits_nothing(story: Story, case: str) -> None:
    scope = story.parties.scope(**SCOPES[case])
    assert story.check(story.bundle(story.included(scope=scope))).permitted is False


def permits(story: Story, kind: str, *, until: int, once: bool = False, late: int = 3600) -> bool:
    """Return whether a consent that ends `until` seconds after the job's time covers the job."""
    p = story.parties
    rule = ConsentRule(scenario="贷前核验", latency_seconds=late, once=True)
    job, _ = story.release(story.first, 7, kind)
    consent = p.consent(once=once, until=job.time + timedelta(seconds=until))
    return p.scope(consent=rule).permits([consent], job)


def test_a_hidden_lookup_may_read_a_table_as_old_as_the_latency(story: Story) -> None:
    assert permits(story, "verify", until=1)
    assert not permits(story, "verify", until=0)
    assert permits(story, "lookup", until=0)
    assert not permits(story, "lookup", until=-60, late=60)
    assert permits(story, "lookup", until=-60, late=61)


def test_a_consent_for_once_serves_no_hidden_lookup(story: Story) -> None:
    assert permits(story, "verify", until=10, once=True)
    assert not permits(story, "lookup", until=10, once=True)


def other_index(story: Story) -> dict[str, Any]:
    return story.bundle(dataclasses.replace(story.included(), index=story.parties.index(2)))


def other_root(story: Story) -> dict[str, Any]:
    root = dataclasses.replace(story.first, root=story.second.root)
    return story.bundle(dataclasses.replace(story.included(), root=root))


def other_key(story: Story) -> dict[str, Any]:
    key = keys.generate(seeded_rng(99)).public_key
    root = dataclasses.replace(story.first, public_key=key)
    return story.bundle(dataclasses.replace(story.included(), root=root))


def hidden_consent(story: Story) -> dict[str, Any]:
    return story.bundle(story.included(consents=()))


def invented_consent(story: Story) -> dict[str, Any]:
    p = story.parties
    more = listed(sign_consent(p.hub, p.consent()))
    return story.bundle(story.included(consents=(listed(story.token, story.chain), more)))


def listed_twice(story: Story) -> dict[str, Any]:
    entry = listed(story.token, story.chain)
    return story.bundle(story.included(consents=(entry, entry)))


def called_absent(story: Story) -> dict[str, Any]:
    return story.bundle(story.included(nonce=b"", consents=()))


def another_subject(story: Story) -> dict[str, Any]:
    return story.bundle(story.included()) | {"subject": subject(2).to_json()}


def another_s_consent(story: Story) -> dict[str, Any]:
    p = story.parties
    theirs = p.consent(subject=subject(2))
    root, place = p.put({1: [theirs.id()]})
    answer = p.answer(
        1, root, place, nonce=p.nonces[1], consents=(listed(sign_consent(p.hub, theirs)),)
    )
    return story.bundle(answer)


def a_job_under_another_root(story: Story) -> dict[str, Any]:
    return story.bundle(story.included(job=story.parties.placed(story.later_place)))


def a_job_before_the_root(story: Story) -> dict[str, Any]:
    p = story.parties
    leaf = p.world.leaf(p.world.request(5), consent_root=story.second.root)
    early = p.log(leaf.to_json())
    root, place = story.second, story.second_place
    again = p.log(place.leaf)
    answer = p.answer(1, root, again, nonce=p.nonces[1], job=p.placed(early), scope=p.scope())
    return story.bundle(answer)


def a_job_that_is_none(story: Story) -> dict[str, Any]:
    return story.bundle(story.included(job=story.parties.placed(story.second_place)))


def a_job_of_another_suite(story: Story) -> dict[str, Any]:
    p = story.parties
    other = World(INTL if p.suite is DUMMY else DUMMY)
    place = p.log(other.leaf(consent_root=story.first.root).to_json())
    return story.bundle(story.included(checkpoint=p.head(), job=p.placed(place)))


def another_leaf(story: Story) -> dict[str, Any]:
    return story.bundle(story.included(place=story.parties.placed(story.second_place)))


def a_leaf_elsewhere(story: Story) -> dict[str, Any]:
    place = story.parties.placed(story.first_place)
    return story.bundle(story.included(place=dataclasses.replace(place, index=place.index + 1)))


FORGERIES: dict[str, tuple[Callable[[Story], dict[str, Any]], str]] = {
    "other index": (other_index, "index"),
    "other root": (other_root, "place"),
    "other key": (other_key, "place"),
    "hidden consent": (hidden_consent, "path"),
    "invented consent": (invented_consent, "path"),
    "consent listed twice": (listed_twice, "path"),
    "called absent": (called_absent, "path"),
    "another subject": (another_subject, "index"),
    "another's consent": (another_s_consent, "consents"),
    "job under another root": (a_job_under_another_root, "job"),
    "job before the root": (a_job_before_the_root, "job"),
    "job that is none": (a_job_that_is_none, "job"),
    "job of another suite": (a_job_of_another_suite, "job"),
    "another leaf": (another_leaf, "place"),
    "a leaf elsewhere": (a_leaf_elsewhere, "place"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_a_node_that_lies_is_caught_at_the_check(story: Story, case: str) -> None:
    forge, check = FORGERIES[case]
    with pytest.raises(ConsentProofInvalidError) as caught:
        story.check(forge(story))
    assert caught.value.what == check
    assert "subject 1" not in str(caught.value)


def test_every_byte_of_the_bundle_counts(story: Story) -> None:
    bundle = story.bundle(story.included())
    for name in ("blind", "evaluated", "dleq"):
        with pytest.raises(ConsentProofInvalidError):
            story.check(bundle | {name: b64encode(bytes(32))})
        with pytest.raises(ConsentProofInvalidError):
            story.check(bundle | {name: 1})
    for name, wrong in (("answer", None), ("answer", "x"), ("subject", [])):
        with pytest.raises(ConsentProofInvalidError):
            story.check(bundle | {name: wrong})


def test_an_answer_of_another_signer_is_refused(story: Story) -> None:
    p = story.parties
    with pytest.raises(ConsentProofInvalidError, match="signer"):
        sign_answer(p.world.stranger, story.included())
    forged = jws.sign(p.world.stranger, "unseen-consent-answer", story.included().to_json())
    bundle = story.bundle(story.included()) | {"answer": forged}
    with pytest.raises(TrustMissingError):
        story.check(bundle)
    head, payload, signature = str(story.bundle(story.included())["answer"]).split(".")
    bent = f"{head}.{payload}.{signature[:-4]}AAAA"
    with pytest.raises(SignatureInvalidError) as caught:
        story.check(bundle | {"answer": bent})
    assert caught.value.clause == "node"


def test_an_answer_about_another_node_s_tree_is_refused(story: Story) -> None:
    p = story.parties
    root = dataclasses.replace(story.first, node=signer_id(p.world.operator))
    payload = dataclasses.replace(story.included(), root=root).to_json()
    token = jws.sign(p.world.node, "unseen-consent-answer", payload)
    with pytest.raises(ConsentProofInvalidError) as caught:
        story.check(story.bundle(story.included()) | {"answer": token})
    assert caught.value.what == "node"


def test_a_root_in_another_node_s_log_is_refused(story: Story) -> None:
    p = story.parties
    logs = [
        (origin, log._replace(node=signer_id(p.world.operator)))
        for origin, log in p.trust.logs.items()
    ]
    trust = Trust.of(p.trust.parties.values(), logs)
    with pytest.raises(ConsentProofInvalidError) as caught:
        verify_consent_proof(story.bundle(story.included()), trust)
    assert caught.value.what == "place"


def test_the_hub_has_to_be_trusted(story: Story) -> None:
    p = story.parties
    parties = [party for party in p.trust.parties.values() if party.role != "hub"]
    with pytest.raises(TrustMissingError) as caught:
        verify_consent_proof(
            story.bundle(story.included()), Trust.of(parties, p.trust.logs.items())
        )
    assert caught.value.clause == "hub"


def test_a_consent_on_behalf_of_a_subject_is_proven_too(story: Story) -> None:
    p = story.parties
    consent = p.consent()
    root, place = p.put({1: [consent.id()]})
    answer = p.answer(
        1, root, place, nonce=p.nonces[1], consents=(listed(sign_consent(p.hub, consent)),)
    )
    proof = story.check(story.bundle(answer))
    assert [found.role for found in proof.consents] == ["hub"]


def test_no_field_of_an_answer_may_be_missing_or_added(story: Story) -> None:
    payload = story.included().to_json()
    assert ConsentAnswer.from_json(copy.deepcopy(payload)) == story.included()
    for name in ("index", "root", "path", "place"):
        broken = {key: value for key, value in payload.items() if key != name}
        with pytest.raises(ConsentProofInvalidError):
            ConsentAnswer.from_json(broken)
    wrong: list[dict[str, Any]] = [
        {"index": b64encode(bytes(15))},
        {"place": {**story.included().place.to_json(), "checkpoint": 1}},
        {"set": {"nonce": "", "consents": []}},
        {"set": {"nonce": b64encode(bytes(32)), "consents": [{"token": 1, "chain": []}]}},
        {"set": {"nonce": b64encode(bytes(32)), "consents": [{"token": "x", "chain": ["y"] * 5}]}},
        {"set": {"nonce": b64encode(bytes(32)), "consents": [{"token": "x", "chain": []}] * 257}},
        {"job": {"place": {"leaf": 1, "index": 0, "proof": ""}, "scope": {}}},
        {"other": 1},
    ]
    for change in wrong:
        with pytest.raises(ConsentProofInvalidError):
            ConsentAnswer.from_json(payload | change)


def test_an_answer_has_one_suite(story: Story) -> None:
    other = "dummy" if story.parties.suite.id == "intl" else "intl"
    payload: Any = copy.deepcopy(story.included().to_json())
    payload["suite"] = other
    with pytest.raises(ConsentProofInvalidError, match="another suite"):
        ConsentAnswer.from_json(payload)
    assert read_answer(story.parties.sign(story.included())) == story.included()


def test_a_root_is_within_its_range(story: Story) -> None:
    for change in (
        {"number": 0},
        {"size": -1},
        {"root": b""},
        {"public_key": bytes(32)},
        {"node": "x"},
    ):
        with pytest.raises(ConsentProofInvalidError):
            dataclasses.replace(story.first, **change)


def test_nothing_secret_is_printed(story: Story) -> None:
    assert "subject 1" not in repr(story.included())
    assert repr(IndexProof(b"a", b"b", b"c")) == "IndexProof()"
    assert "subject 1" not in repr(story.check(story.bundle(story.included())))


def test_a_release_names_a_root_exactly_where_its_contract_asks(world: World) -> None:
    rule = ConsentRule(scenario="贷前核验", latency_seconds=60, once=False)
    for terms in (world.terms(), world.terms(consent=rule)):
        request = world.request(contract=terms.id())
        for root in (b"", world.hash("consents")):
            leaf = world.leaf(request, consent_root=root)
            assert ReleaseLeaf.from_json(leaf.to_json()) == leaf
            receipt = verify_receipt(world.receipt(leaf), world.trust)
            if (terms.consent is None) == (root == b""):
                verify_terms(receipt, terms)
            else:
                with pytest.raises(Exception, match="consent"):
                    verify_terms(receipt, terms)


@pytest.mark.parametrize("root", ["", "AA", 1, None])
def test_a_root_that_says_nothing_is_not_written(world: World, root: Any) -> None:
    assert "consent_root" not in world.leaf().to_json()
    assert "consent_root" not in world.manifest().to_json()
    for document in (world.leaf(), world.manifest()):
        with pytest.raises(Exception, match="consent_root"):
            type(document).from_json(document.to_json() | {"consent_root": root})


def test_scope_is_strict(story: Story) -> None:
    scope = story.parties.scope()
    assert JobScope.from_json(scope.to_json()) == scope
    changes: list[dict[str, Any]] = [{"recipient": "x"}, {"table": "a b"}, {"consent": {}}]
    for change in changes:
        with pytest.raises(Exception, match=r"job|consent"):
            JobScope.from_json(scope.to_json() | change)
