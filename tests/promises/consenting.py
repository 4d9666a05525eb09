"""A stage with a hub, and a table whose rows are personal and serve with consent alone."""

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.promises.stage import PREDICATES, Stage, now

from unseen.client import Client
from unseen.client.catalog import Prices
from unseen.client.consents import Permission
from unseen.client.errors import RefusedError
from unseen.evidence.suite import key_id

DAY = dt.timedelta(days=1)
NOTHING = {"earns_40k": "no_usable_result", "earns": "no_usable_result"}


@dataclass
class Consenting:
    """A stage with a hub, a table of personal rows and two products over it."""

    stage: Stage

    @property
    def hub(self) -> Client:
        return self.stage.client("hub")

    @property
    def lender(self) -> Client:
        return self.stage.lender

    def who(self, place: int) -> str:
        return self.stage.people[place].subject

    def permission(self, **changes: Any) -> Permission:
        buyer = self.lender.profile
        fields: dict[str, Any] = {
            "recipient": key_id(buyer.suite, buyer.key),
            "scenario": "tests",
            "table": "persons",
            "until": now() + DAY,
            "notice": b"what you are asked to permit",
        }
        return Permission(**fields | changes)

    def give(self, *places: int, **changes: Any) -> list[str]:
        return [
            self.hub.consent(self.who(place), self.permission(**changes)).id for place in places
        ]

    def verify(self, contract: str, place: int) -> dict[str, str]:
        return {
            k: v.value for k, v in self.lender.verify(contract, self.who(place)).answers.items()
        }

    def lookup(self, contract: str, place: int) -> dict[str, str]:
        found = self.lender.lookup(contract, self.who(place))
        return {name: answer.value for name, answer in found.answers.items()}

    def expected(self, place: int) -> dict[str, str]:
        return self.stage.people[place].answers

    def contract(self, product: str, units: int = 6) -> str:
        return self.stage.contract(product, units=units)

    def epoch(self, contract: str) -> int:
        published = [
            leaf.fields["epoch"]
            for leaf in self.stage.operator.leaves()
            if leaf.type == "manifest.published" and leaf.fields["contract"] == contract
        ]
        return max((int(str(number)) for number in published), default=0)


def make(stage: Stage) -> Consenting:
    found = Consenting(stage)
    stage.join("hub", "hub")
    table = stage.root / "persons.parquet"
    shutil.copy(stage.table, table)
    stage.operator.register_table(
        "persons", str(table), subject=["subject"], labels={"*": ("personal", "1")}
    )
    # The tests ask about more than a tenth of these few people.
    stage.operator.set_rules(stage.operator.rules().text.replace(b"share = 10\n", b"share = 4\n"))
    for name, kind in (("open", "verify"), ("blind", "lookup")):
        stage.operator.register_product(
            name,
            table="persons",
            kind=kind,
            title=f"Earnings of people, {name}",
            predicates=PREDICATES,
            prices=Prices("CNY", 1_000_000, 500_000),
        )
    return found


def refused(call: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        call()
    assert caught.value.clause
    assert caught.value.remedy
    return caught.value
