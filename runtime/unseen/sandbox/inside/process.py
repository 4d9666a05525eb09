"""prctl(2): what the process says about itself for good.

Stops: rights from set-user-id programs (no_new_privs, which seccomp and Landlock need, too), being
read or traced by others of the same user, a core dump (not dumpable), and outliving the node where
there is no namespace that ends with it.
"""

import os
import sys

from unseen.sandbox.inside.libc import prctl

_SIGKILL = 9
_PDEATHSIG = 1
_DUMPABLE = 4
_NO_NEW_PRIVS = 38


def settle(parent: int) -> None:
    """Forbid new rights and foreign eyes; die with the process `parent`, unless it is 0.

    Raises:
        OSError: the kernel refuses.

    """
    prctl("no_new_privs", _NO_NEW_PRIVS, 1)
    prctl("dumpable", _DUMPABLE, 0)
    if parent:
        prctl("pdeathsig", _PDEATHSIG, _SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            sys.exit(1)
