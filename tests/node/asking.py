"""Asks and offers at random: tables of mixed labels, products that read them, signers or none."""

import dataclasses
from typing import Any

from hypothesis import strategies as st
from tests.node.conftest import START, UNTIL, make_ask, make_offer, make_product, make_table

from unseen.evidence.contracts.contract import Prices, Quota
from unseen.evidence.suite import Ed25519Signer, signer_id
from unseen.node.catalog.catalogue import Column, Predicate, Product, Table
from unseen.node.catalog.labels import CATEGORIES, LEVELS, Label
from unseen.node.contracts.clauses.clause import Ask, Offer

COLUMNS = ("id", "a", "b", "c", "d")
HOLDER, APPROVER = (signer_id(Ed25519Signer(bytes([number]) * 32)) for number in (8, 9))

labels = st.builds(Label, st.sampled_from(CATEGORIES), st.sampled_from(LEVELS))
# Most labels in use are low: without a bias next to nothing would compile.
low = st.sampled_from([Label("public", "1"), Label("public", "3"), Label("enterprise", "2")])
some_labels = st.one_of(low, low, low, labels)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a table whose columns have labels of their own."""
    columns = tuple(Column(name, "VARCHAR", draw(some_labels)) for name in COLUMNS)
    rows = draw(st.integers(0, 2000))
    return dataclasses.replace(make_table(rows=rows), columns=columns)


@st.composite
def products(draw: st.DrawFn, name: str = "product") -> Product:
    """Draw a product whose predicates read some columns, and may say the same twice."""
    read = st.lists(st.sampled_from(COLUMNS[1:]), min_size=1, max_size=2, unique=True)
    predicates = []
    for number in range(draw(st.integers(1, 4))):
        columns = tuple(sorted(draw(read)))
        expression = " AND ".join(f"{column} > 0" for column in columns)
        predicates.append(Predicate(f"p{number}", f"is p{number}", expression, columns))
    return dataclasses.replace(
        make_product(draw(st.sampled_from(("lookup", "verify")))),
        name=name,
        predicates=tuple(predicates),
        prices=Prices(
            currency=draw(st.sampled_from(("CNY", "EUR"))),
            data_fee=draw(st.integers(0, 9)),
            service_fee=draw(st.integers(0, 9)),
        ),
    )


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """Draw an ask; much of it cannot be granted."""
    names = st.sampled_from(["p0", "p1", "p2", "p3", "p0", "p1", "no_such"])
    units = draw(st.integers(1, 3000))
    fields: dict[str, Any] = {
        "outputs": tuple(draw(st.lists(names, max_size=5))),
        "scenario": draw(st.sampled_from(["tests", "credit-check", "Marketing", "resale"])),
        "quota": Quota(units=units, per_minute=draw(st.integers(1, 4000))),
        "order": draw(st.sampled_from(["", "EX-1"])),
        "region": draw(st.sampled_from(["", "CN", "CN-44", "EU"])),
        "group": draw(st.sampled_from([0, 0, 0, 5])),
        "budget": draw(st.sampled_from(["", "", "", "0.5", "x"])),
        "declarations": tuple(draw(st.lists(st.sampled_from(["a", "b"]), max_size=3))),
    }
    return dataclasses.replace(make_ask(), **fields)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """Draw an offer, with or without further signers and further products."""
    offer = make_offer(draw(products()), draw(tables()))
    signers = dataclasses.replace(
        offer.signers,
        holder=draw(st.sampled_from(["", HOLDER])),
        approver=draw(st.sampled_from(["", APPROVER])),
    )
    others = tuple(draw(products(f"other{number}")) for number in range(draw(st.integers(0, 2))))
    granted = draw(st.integers(0, 100))
    return dataclasses.replace(offer, signers=signers, granted=granted, others=others)


__all__ = ["APPROVER", "COLUMNS", "HOLDER", "START", "UNTIL", "asks", "offers", "some_labels"]
