"""Which checkpoint the answer under way shows: one for its receipt and its trailing metadata.

The caller proves the trailing checkpoint against the one it holds; a receipt under that very
checkpoint is thereby proven to lie in the same history, and not in a fork made for it alone.
"""

from contextvars import ContextVar

from unseen.node.audit.log import Head

_shown: ContextVar[Head | None] = ContextVar("shown", default=None)


def show(head: Head) -> Head:
    """Have the answer of the present call carry `head`; return it."""
    _shown.set(head)
    return head


def shown() -> Head | None:
    """Return the head that the present call's answer has to carry, if it names one."""
    return _shown.get()
