"""Which tiers this machine can build, and what is missing for the others.

Nothing is believed: a tier is offered after a job has run behind its walls. Whatever fails takes
the tier away, and is named.
"""

import os
import shutil
from dataclasses import dataclass
from typing import Final

from unseen.sandbox import bubblewrap
from unseen.sandbox.environment import Environment
from unseen.sandbox.errors import SandboxMissingError
from unseen.sandbox.job import Job, Limits, Status, Tier
from unseen.sandbox.runner import BubblewrapRunner, Runner, machine

_HELLO: Final = "open('/out/hello.txt', 'w').write('hello')"
_REMEDIES: Final = {
    "uid": "set sandbox_uid to a user that owns nothing, or run the node as a user of its own",
    "architecture": "run code of others on x86-64 or AArch64",
    "bubblewrap": "install bubblewrap (apt-get install bubblewrap)",
    "setpriv": "install util-linux, or run the node as a user of its own",
    "namespaces": "allow user namespaces: sysctl user.max_user_namespaces, apparmor, or the "
    "container's seccomp profile",
    "environment": "let the sandbox's user read the interpreter and its packages",
    "landlock": "use Linux 5.13 or newer, with landlock in the kernel's list of lsm=",
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER",
    "descriptors": "use Linux 5.9 or newer",
    "pidfd": "use Linux 5.4 or newer",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a tier is not offered: the feature by its name, and what was seen."""

    tier: Tier
    feature: str
    found: str

    def error(self) -> SandboxMissingError:
        """Return the refusal of a job that needs this tier."""
        return SandboxMissingError(
            f"no sandbox of tier {self.tier.name}: {self.feature}: {self.found}",
            clause=f"sandbox.{self.feature}",
            remedy=_REMEDIES.get(self.feature, "unseen doctor says what is missing"),
        )


def open_runner(
    environment: Environment, *, least: Tier = Tier.S2, uid: int | None = None
) -> Runner:
    """Return a runner of the strongest tier that works here, `least` or above.

    `uid` is the user that a superuser's node runs jobs as; other nodes run them as themselves.

    Raises:
        SandboxMissingError: there is none; the clause names what is missing.

    """
    found = bubblewrapped(environment, uid)
    if isinstance(found, Missing):
        raise found.error()
    if found.tier < least:
        raise Missing(least, "tier", f"the strongest is {found.tier.name}").error()
    return found


def bubblewrapped(environment: Environment, uid: int | None) -> BubblewrapRunner | Missing:
    """Return a runner of tier S2 that has run a job, or why there is none."""
    lacking = unfit_user(Tier.S2, uid)
    if lacking is not None:
        return lacking
    if bubblewrap.program() is None:
        return Missing(Tier.S2, "bubblewrap", "bwrap is not installed")
    if uid is not None and shutil.which("setpriv") is None:
        return Missing(Tier.S2, "setpriv", "setpriv is not installed")
    try:
        machine()
    except SandboxMissingError as error:
        return Missing(Tier.S2, "architecture", str(error))
    runner = BubblewrapRunner(environment, uid)
    return tried(runner) or runner


def unfit_user(tier: Tier, uid: int | None) -> Missing | None:
    """Return why jobs cannot run as the user they would run as: never as the superuser."""
    if os.geteuid() == 0 and not uid:
        return Missing(tier, "uid", "jobs would run as uid 0")
    if os.geteuid() != 0 and uid not in (None, os.geteuid()):
        return Missing(tier, "uid", "only a superuser's node can run jobs as another user")
    return None


def tried(runner: Runner) -> Missing | None:
    """Run a job that writes a line; return what went wrong, if anything did."""
    done = runner.run(Job(program=_HELLO, outputs=["hello.txt"], limits=Limits(seconds=10)))
    if done.status is Status.DONE and done.outputs == {"hello.txt": b"hello"}:
        return None
    if done.status is not Status.NOT_STARTED:
        return Missing(runner.tier, "job", f"a job ended as {done.status}: {done.detail}")
    layer, colon, found = done.detail.partition(": ")
    if colon and layer.isidentifier() and layer != "bwrap":
        return Missing(runner.tier, layer, found)
    return Missing(runner.tier, "namespaces", done.detail.strip())
