"""Statistics over who consents: what one buyer is told rests on no consent given to another."""

import datetime as dt
from collections.abc import Callable, Iterable

import pytest
from tests.promises.counting import (
    DELTA,
    MENU,
    PRODUCT,
    TABLE,
    Counting,
    Resident,
    make_residents,
    write_residents,
)
from tests.promises.stage import Stage, now, serving

from unseen.client.catalog import Prices
from unseen.client.consents import Permission
from unseen.client.errors import RefusedError
from unseen.evidence.contracts.statistics import Question
from unseen.evidence.contracts.statistics.definition_file import parse_definition
from unseen.evidence.suite import key_id

COUNT = Question(what="count", by=("region",), rho="0.01")
MANY, ONE_MORE = 120, 121


def consenting(stage: Stage) -> list[Resident]:
    """Make a table of personal rows, counted where people consent; who does is still nobody."""
    residents = make_residents()
    stage.join("hub", "hub")
    stage.operator.register_table(
        TABLE, write_residents(stage, residents), subject=["id"], labels={"*": ("personal", "1")}
    )
    stage.operator.register_product(
        PRODUCT,
        table=TABLE,
        kind="statistics",
        title="Residents who consent, counted",
        predicates=parse_definition(MENU.encode()),
        prices=Prices("CNY", 1, 1),
    )
    stage.operator.set_privacy_budget(TABLE, epsilon="50", delta=DELTA)
    return residents


def permit(stage: Stage, buyer: str, people: Iterable[Resident]) -> None:
    hub, profile = stage.client("hub"), stage.client(buyer).profile
    permission = Permission(
        recipient=key_id(profile.suite, profile.key),
        scenario="tests",
        table=TABLE,
        until=now() + dt.timedelta(days=1),
        notice=b"what you are asked to permit",
    )
    hub.import_consents(hub.sign_consent(resident.id, permission) for resident in people)


def test_what_one_buyer_is_told_rests_on_no_consent_given_to_another(
    copy: Callable[[], Stage],
) -> None:
    stage = copy()
    with serving(stage):
        residents = consenting(stage)
        counting = Counting(stage, residents)
        permit(stage, "lender", residents[:ONE_MORE])  # one of them does not consent to the rival
        permit(stage, "rival", residents[:MANY])
        lender, rival = (
            stage.client(buyer).statistics(counting.contract(buyer, group=10, budget="4"))
            for buyer in ("lender", "rival")
        )
        told, asked = lender.ask(COUNT), rival.ask(COUNT)
        assert told.privacy == asked.privacy == "0.01"  # each has noise of its own
        again = rival.ask(COUNT, again=True)
        assert (again.rows, again.privacy) == (asked.rows, "0")

        first = lender.partition()
        with pytest.raises(RefusedError) as caught:
            rival.partition()
        assert caught.value.reason == "PARTITION_PINNED"
        fewer = counting.answers("lender", outputs=["region", "cost"], group=10, budget="4")
        assert fewer.partition().rows == first.rows
        permit(stage, "lender", residents[ONE_MORE : ONE_MORE + 1])
        other = counting.answers(
            "lender", outputs=["region", "cost", "adult"], group=10, budget="4"
        )
        with pytest.raises(RefusedError) as caught:
            other.partition()
        assert caught.value.reason == "PARTITION_PINNED"
        stage.close_clients()
