"""Where the tests of the sandbox get one: as the user they run as, or, of a superuser, another.

A machine that cannot build it fails the tests, but where bubblewrap is not installed they are left
out: `apt-get install bubblewrap`.
"""

import functools
import os
import shutil

import pytest

from unseen.sandbox import environment
from unseen.sandbox.job import Tier
from unseen.sandbox.probe import open_runner
from unseen.sandbox.runner import Runner

UID = 61_017 if os.geteuid() == 0 else None  # owns nothing on any machine
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None and "CI" not in os.environ, reason="bubblewrap is not installed"
)


@functools.cache
def runner() -> Runner:
    """Return a runner of tier S2 with this interpreter's packages."""
    packages = environment.packages_of_this_process()
    return open_runner(environment.of_this_process(packages), least=Tier.S2, uid=UID)
