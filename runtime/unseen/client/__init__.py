"""The client: `from unseen.client import Client`."""

from unseen.client.api import Client
from unseen.client.audit.checking import check_file, check_folder, compare
from unseen.client.errors import (
    AnswerInvalidError,
    HomeError,
    NodeError,
    RefusedError,
    UnreachableError,
)
from unseen.client.parties import join
from unseen.client.statistic import Statistic
from unseen.client.statistics import Statistics
from unseen.client.verdicts import Answer, Verdict

__all__ = [
    "Answer",
    "AnswerInvalidError",
    "Client",
    "HomeError",
    "NodeError",
    "RefusedError",
    "Statistic",
    "Statistics",
    "UnreachableError",
    "Verdict",
    "check_file",
    "check_folder",
    "compare",
    "join",
]
