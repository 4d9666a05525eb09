"""A table that is built again under its key: which further builds a client believes."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from tests.client.hidden_node import HiddenWorld
from tests.client.test_hidden_table import CONTRACT

from unseen.client import Answer
from unseen.client.errors import AnswerInvalidError
from unseen.client.local.home import Home
from unseen.client.local.profile import Profile
from unseen.evidence.canonical import b64encode
from unseen.protocols.oprf import keys


@pytest.fixture
def world(home: Home, profile: Profile) -> Iterator[HiddenWorld]:
    made = HiddenWorld(home, profile)
    yield made
    made.state.close()
    made.channel.close()


def said(world: HiddenWorld, subject: int) -> tuple[Answer, bool]:
    (verdict,) = world.lookups().many(CONTRACT, [subject])
    return verdict.answers["rich"], verdict.cached


def test_a_further_build_answers_by_its_own_labels(world: HiddenWorld) -> None:
    world.publish()
    assert said(world, 3) == (Answer.YES, False)
    assert said(world, 7) == (Answer.YES, False)
    world.node.labels[3] = b"\x01"
    del world.node.labels[7]
    world.node.labels[500] = b"\x03"
    second = world.node.build_again()
    assert said(world, 3) == (Answer.NO, False)
    assert said(world, 3) == (Answer.NO, True)
    assert said(world, 7) == (Answer.NO_USABLE_RESULT, False)
    assert said(world, 8) == (Answer.YES, False)
    assert world.state.epoch(CONTRACT) == (1, b64encode(second.id()))


def test_builds_may_be_missed(world: HiddenWorld) -> None:
    world.publish()
    assert said(world, 3) == (Answer.YES, False)
    world.node.build_again(2)
    world.node.build_again(5)
    assert said(world, 3) == (Answer.YES, False)


def refused(world: HiddenWorld) -> str:
    sent = list(world.node.sent)
    with pytest.raises(AnswerInvalidError) as caught:
        world.lookups().many(CONTRACT, [4])
    assert world.node.sent == sent
    assert len(list((world.home.root / "evidence").glob("manifest-*.json"))) == 1
    return str(caught.value.clause)


def test_another_key_under_the_same_epoch_is_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.key = keys.generate(secrets.token_bytes)
    world.node.build_again(public_key=world.node.key.public_key)
    assert refused(world) == "manifest.public_key"


def test_a_lower_build_is_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.build_again(3)
    said(world, 3)
    world.node.build_again(2)
    assert refused(world) == "manifest.build"


def test_the_first_build_does_not_come_back(world: HiddenWorld) -> None:
    node = world.node
    first = world.publish()
    shown = node.table, node.announced, node.announced_at
    said(world, 3)
    node.build_again()
    said(world, 3)
    node.manifest = first
    node.table, node.announced, node.announced_at = shown
    assert refused(world) == "manifest.build"


def test_two_manifests_of_one_build_are_refused(world: HiddenWorld) -> None:
    world.publish()
    said(world, 3)
    world.node.build_again()
    said(world, 3)
    world.node.build_again()
    assert refused(world) == "manifest.build"


@pytest.mark.parametrize("clause", ["snapshot", "nonce"])
def test_a_build_over_the_same_rows_or_nonce_is_refused(world: HiddenWorld, clause: str) -> None:
    first = world.publish()
    said(world, 3)
    same: dict[str, Any] = {clause: getattr(first, clause)}
    world.node.build_again(**same)
    assert refused(world) == f"manifest.{clause}"


def test_of_two_processes_the_one_behind_follows(world: HiddenWorld) -> None:
    """Between what it reads and what it keeps another process of this home sees a later build."""
    world.publish()
    said(world, 3)
    second = world.node.build_again(2)
    epochs = world.lookups()._epochs
    shown, save, kept = world.node.answer, world.state.save_epoch, list[str]()

    def late(contract: str, epoch: int, manifest: str, *, over: str = "") -> tuple[int, str]:
        if not kept:
            kept.append(manifest)
            third = world.node.build_again(3)
            other = world.lookups()._epochs
            assert other.present(CONTRACT).manifest == third
        return save(contract, epoch, manifest, over=over)

    world.state.save_epoch = late  # type: ignore[method-assign]
    assert epochs.present(CONTRACT).manifest == world.node.manifest
    assert kept == [b64encode(second.id())]
    assert shown == world.node.answer
