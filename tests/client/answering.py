"""A node without a network that answers questions about many, as a test tells it to."""

import dataclasses
import secrets
from typing import Any

from unseen.client.errors import Cause, RefusedError
from unseen.evidence import canonical
from unseen.evidence.commitment import commit
from unseen.evidence.contracts.cells import Number
from unseen.evidence.contracts.statistics import (
    Dimension,
    Filter,
    Measure,
    Menu,
    Partition,
    Question,
    shape_of,
)
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.releases.request import Request
from unseen.evidence.suite import INTL, signer_id
from unseen.v1 import request_pb2, statistics_pb2

MENU = Menu(
    dimensions=(
        Dimension(name="region", text="Region", values=("north", "south")),
        Dimension(name="age", text="Age in years", edges=(0, 18, 65)),
    ),
    measures=(
        Measure(name="cost", text="Cost", unit="CNY", decimals=2, low=0, high=100_000,
                edges=(0, 5_000, 20_000, 100_000)),
        Measure(name="visits", text="Visits", unit="", decimals=0, low=0, high=50),
    ),
    filters=(Filter(name="adult", text="18 or older"), Filter(name="insured", text="Insured")),
    partition=Partition(by=("region",), measures=("cost",)),
)  # fmt: skip


class Answering:
    """Answers each question with `rows`; `spoil` may change leaf fields and message before."""

    def __init__(self, node: Any) -> None:
        """Turn a `FakeNode` into one of a statistics contract."""
        self.node = node
        node.terms = dataclasses.replace(
            node.terms,
            kind="statistics",
            protocol="dp_statistics",
            outputs=("region", "cost"),
            parameters={"menu": MENU.to_json()},
            budget="1",
            group=10,
        )
        self.rows: list[list[object]] = []
        self.asked: list[Question] = []
        self.ids: list[str] = []
        self.privacy: str | None = None
        self.refuse: list[Cause] = []
        self.spoil: Any = lambda _: None

    def __call__(self, message: statistics_pb2.AskRequest) -> statistics_pb2.AskResponse:
        """Return a charged answer with its receipt; or the refusal that comes next."""
        question = Question.decode(message.question)
        request, nonce = Request.decode(message.request.statement), secrets.token_bytes(32)
        self.ids.append(request.request)
        if self.refuse:
            raise RefusedError(self.refuse.pop(0))
        self.asked.append(question)
        made: dict[str, Any] = {"value": canonical.encode(self.rows or typical(question))}  # type: ignore[arg-type]
        made["committed"] = made["value"]
        made["privacy"] = question.rho if self.privacy is None else self.privacy
        self.spoil(made)
        node = self.node
        node.total += 1
        leaf = ReleaseLeaf(
            suite="intl",
            time=node.now,
            job=request.request,
            plan=node.terms.plan,
            leakage=node.terms.leakage,
            snapshot=INTL.digest(b"snapshot"),
            request=request,
            signature=message.request.signature,
            instance=signer_id(node.instance),
            release=commit(INTL, nonce, (made["committed"],)),
            total=node.total,
            privacy=made["privacy"],
        )
        release = request_pb2.Release(nonce=nonce, receipt=node.receipt(leaf))
        return statistics_pb2.AskResponse(value=made["value"], release=release)


def typical(question: Question) -> list[list[object]]:
    """Return an answer of the right shape: every number the middle of what it may be."""
    shape = shape_of(MENU, question)
    keys = [cell for _, cell in shape.columns if not isinstance(cell, Number)]
    rows: list[list[object]] = [[]]
    for cell in keys:
        rows = [[*row, cell.unpack(code)] for row in rows for code in range(cell.values)]
    numbers = [cell for _, cell in shape.columns if hasattr(cell, "use")]
    return [
        [*row, *(cell.unpack(min(cell.own_values // 2, 1000)) for cell in numbers)] for row in rows
    ]
