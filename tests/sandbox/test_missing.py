"""What a machine lacks takes its tier away, by name; nothing runs with fewer walls."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sandbox.boxes import UID, needs_bubblewrap, runner

from unseen.sandbox import bubblewrap, canaries, environment, probe
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.job import Job, Outcome, Status, Tier
from unseen.sandbox.probe import Missing, examined
from unseen.sandbox.runner import BubblewrapRunner

HERE = Path(__file__).parent
pytestmark = needs_bubblewrap


def without(*calls: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(HERE / "lacking.py"), str(UID or 0), *calls],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("calls", "feature"),
    [
        (["clone:0:268435456"], "namespaces"),  # CLONE_NEWUSER
        (["mount"], "namespaces"),
        (["pidfd_open"], "pidfd"),
        (["prlimit64", "setrlimit"], "limits"),
        (["prctl:0:4:1:0"], "process"),  # PR_SET_DUMPABLE
        (["prctl:0:28:1:239"], "capabilities"),  # PR_SET_SECUREBITS
        (["landlock_create_ruleset"], "landlock"),
        (["landlock_restrict_self"], "landlock"),
        (["close_range"], "descriptors"),
        (["prctl:0:22"], "seccomp"),  # PR_SET_SECCOMP
        (["openat2"], "collector"),
    ],
)
def test_what_a_kernel_lacks_is_named(calls: list[str], feature: str) -> None:
    _, *missing = without(*calls)
    assert missing[0].split()[:2] == ["S2", feature]


def test_nothing_is_missing_where_nothing_is_taken_away() -> None:
    assert without("reboot") == ["S2"]


def found(uid: int | None = UID) -> Missing:
    return examined(environment.of_this_process(), uid).missing[0]


@pytest.mark.parametrize("uid", [None, 0])
def test_nothing_runs_as_the_superuser(monkeypatch: pytest.MonkeyPatch, uid: int | None) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    box = examined(environment.of_this_process(), uid)
    assert box.tier is Tier.S0
    assert {missing.feature for missing in box.missing} == {"uid"}
    with pytest.raises(SandboxMissingError) as caught:
        box.at_least(Tier.S1)
    assert caught.value.clause == "sandbox.uid"
    assert caught.value.remedy


def test_only_the_superuser_becomes_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert found(1001).feature == "uid"


def test_another_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert found().feature == "system"


def test_another_architecture_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*uname[:4], "riscv64")))
    assert found().feature == "architecture"


def test_bubblewrap_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    assert found().feature == "bubblewrap"


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser's node needs it")
def test_setpriv_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "setpriv" else name)
    assert found().feature == "setpriv"


def test_an_environment_that_does_not_start_is_named() -> None:
    env = environment.of_this_process()
    broken = BubblewrapRunner(replace(env, paths=("/none",)), UID)
    assert probe.tried(broken) is not None


def test_an_attempt_that_gets_through_takes_the_tier_away(monkeypatch: pytest.MonkeyPatch) -> None:
    box = runner()
    monkeypatch.setattr(canaries, "escaped", lambda _: ("vsock", "fork"))
    lacking = probe.tried(box)
    assert lacking == Missing(Tier.S2, "canary", "vsock, fork")


class Open:
    """A runner without walls, that says so of every attempt."""

    tier = Tier.S2

    def run(self, job: Job) -> Outcome:
        return Outcome(status=Status.DONE, tier=self.tier)


def test_canaries_find_a_runner_without_walls() -> None:
    assert canaries.escaped(Open()) == (*canaries.NAMES, "mount", "trace")


def test_every_feature_has_a_remedy_and_a_name_of_one_word() -> None:
    for feature in probe.FEATURES:
        assert feature.isidentifier()
        assert Missing(Tier.S2, feature, "found").error().remedy
