"""Which tiers this machine can build, and what is missing for the others.

Nothing is believed: a tier is offered after a job has run behind its walls, and eleven attempts
have failed at them. Whatever goes wrong takes the tier away, and is named; there is no way to run
a job with fewer walls than a tier has.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from unseen.sandbox import bubblewrap, canaries
from unseen.sandbox.environment import Environment
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.job import Job, Limits, Status, Tier
from unseen.sandbox.landlocked import LandlockRunner
from unseen.sandbox.runner import BubblewrapRunner, Runner, machine

_HELLO: Final = "open('out/hello.txt', 'w').write('hello')"
_REMEDIES: Final = {
    "system": "run code of others on Linux",
    "uid": "name a user that owns nothing (to try one: unseen doctor --sandbox-uid UID), or run "
    "the node as a user of its own",
    "architecture": "run code of others on x86-64 or AArch64",
    "bubblewrap": "install bubblewrap (apt-get install bubblewrap)",
    "setpriv": "install util-linux, or run the node as a user of its own",
    "namespaces": "allow user namespaces: sysctl user.max_user_namespaces, AppArmor, or the "
    "container's seccomp profile",
    "environment": "let the sandbox's user read the interpreter and its packages",
    "tmpfs": "allow mounting tmpfs in a user namespace",
    "pidfd": "use Linux 5.4 or newer",
    "limits": "raise the node's own hard limits (ulimit -H)",
    "capabilities": "let a process give up its rights: prctl and capset must not be forbidden",
    "process": "use a kernel with no_new_privs",
    "landlock": "use Linux 5.13 or newer, or 6.7 where there are no namespaces, with landlock in "
    "the kernel's lsm=",
    "descriptors": "use Linux 5.9 or newer",
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER",
    "collector": "use Linux 5.6 or newer, whose openat2 is not forbidden",
    "canary": "do not run code of others here; report it",
    "tier": "see what is missing: unseen doctor",
}
FEATURES: Final = tuple(_REMEDIES)
"""What may be missing, by name; a refusal's clause is `sandbox.` and the name."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a tier is not offered: the feature by its name, and what was seen."""

    tier: Tier
    feature: str
    found: str

    @property
    def remedy(self) -> str:
        """Say what would help."""
        return _REMEDIES.get(self.feature, _REMEDIES["tier"])

    def error(self) -> SandboxMissingError:
        """Return the refusal of a job that needs this tier."""
        return SandboxMissingError(
            f"no sandbox of tier {self.tier.name}: {self.feature}: {self.found}",
            clause=f"sandbox.{self.feature}",
            remedy=self.remedy,
        )


@dataclass(frozen=True, slots=True)
class Examined:
    """What this machine can build: the strongest runner, or None, and why not a stronger one."""

    runner: Runner | None
    missing: tuple[Missing, ...]

    @property
    def tier(self) -> Tier:
        """The strongest tier; S0 where code of others is refused."""
        return Tier.S0 if self.runner is None else self.runner.tier

    def at_least(self, least: Tier) -> Runner:
        """Return the runner, if its tier is `least` or above.

        Raises:
            SandboxMissingError: it is not; the clause names what is missing.

        """
        if self.runner is not None and self.runner.tier >= least:
            return self.runner
        wanted = [missing for missing in self.missing if missing.tier >= least]
        # The weakest tier that would do is the one most likely to be mended.
        raise min(wanted, key=lambda missing: missing.tier, default=_unknown(least)).error()


def _unknown(tier: Tier) -> Missing:
    return Missing(tier, "tier", "there is none")


def open_runner(
    environment: Environment, *, least: Tier = Tier.S2, uid: int | None = None
) -> Runner:
    """Return a runner of the strongest tier that works here, `least` or above.

    `uid` is the user that a superuser's node runs jobs as; other nodes run them as themselves.

    Raises:
        SandboxMissingError: there is none; the clause names what is missing.

    """
    return examined(environment, uid).at_least(least)


def examined(environment: Environment, uid: int | None = None) -> Examined:
    """Try the tiers from the strongest on, until one holds."""
    missing: list[Missing] = []
    for tier, fit, made in _TIERS:
        lacking = _unfit(tier, uid) or fit(tier, uid)
        runner = made(environment, uid)
        lacking = lacking or tried(runner)
        if lacking is None:
            return Examined(runner, tuple(missing))
        missing.append(lacking)
    return Examined(None, tuple(missing))


def _unfit(tier: Tier, uid: int | None) -> Missing | None:
    """Return why nothing can be confined here, whatever the tier: never as the superuser."""
    if sys.platform != "linux":
        return Missing(tier, "system", f"this is {sys.platform}")
    if os.geteuid() == 0 and not uid:
        return Missing(tier, "uid", "jobs would run as uid 0")
    if os.geteuid() != 0 and uid not in (None, os.geteuid()):
        return Missing(tier, "uid", "only a superuser's node can run jobs as another user")
    try:
        machine()
    except SandboxMissingError as error:
        return Missing(tier, "architecture", str(error))
    return None


def _unfit_namespaces(tier: Tier, uid: int | None) -> Missing | None:
    if bubblewrap.program() is None:
        return Missing(tier, "bubblewrap", "bwrap is not installed")
    if uid is not None and os.geteuid() == 0 and shutil.which("setpriv") is None:
        return Missing(tier, "setpriv", "setpriv is not installed")
    return None


def _unfit_plain(tier: Tier, uid: int | None) -> Missing | None:
    del tier, uid
    return None


_Fit = Callable[[Tier, int | None], Missing | None]
_Made = Callable[[Environment, int | None], Runner]
_TIERS: Final[tuple[tuple[Tier, _Fit, _Made], ...]] = (
    (Tier.S2, _unfit_namespaces, lambda env, uid: BubblewrapRunner(env, _other(uid))),
    (Tier.S1, _unfit_plain, lambda env, uid: LandlockRunner(env, _other(uid))),
)


def _other(uid: int | None) -> int | None:
    """Return the user to become, or None where this process is it."""
    return None if uid == os.geteuid() else uid


def tried(runner: Runner) -> Missing | None:
    """Run a job that writes a line, and the canaries; return what went wrong, if anything did."""
    done = runner.run(Job(program=_HELLO, outputs=["hello.txt"], limits=Limits(seconds=10)))
    if done.status is Status.DONE and done.outputs == {"hello.txt": b"hello"}:
        through = canaries.escaped(runner)
        return Missing(runner.tier, "canary", ", ".join(through)) if through else None
    if done.status is Status.OUTPUT_REFUSED:
        return Missing(runner.tier, "collector", done.detail)
    if done.status is not Status.NOT_STARTED:
        return Missing(runner.tier, "environment", f"a job ended as {done.status}: {done.detail}")
    feature, colon, found = done.detail.partition(": ")
    if colon and feature in _REMEDIES:
        return Missing(runner.tier, feature, found)
    return Missing(runner.tier, "namespaces", done.detail.strip())
