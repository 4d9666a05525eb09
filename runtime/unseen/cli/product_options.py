"""The options and the TOML file that say what a product is."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unseen.cli.billing_options import given_billing, micros, read_billing
from unseen.cli.failures import UsageError
from unseen.protocols.lookup.canonical import FORMS

if TYPE_CHECKING:
    from unseen.client import Client
    from unseen.client.catalog import Predicate, Prices
    from unseen.evidence.contracts.clauses import Billing
    from unseen.evidence.contracts.intersection import Offered, Summed
    from unseen.evidence.contracts.scoring import Wanted
    from unseen.evidence.contracts.statistics.definition import Definition
    from unseen.protocols.lookup.canonical import Form

_FIELDS = {
    *("table", "kind", "title", "currency", "data_fee", "service_fee", "predicates", "billing"),
    *("match", "canonical", "find", "most", "rho", "delta", "sum", "features", "precision"),
    *("output", "reach"),
}
_RHO, _DELTA = "0.01", "0.000001"
_PRECISION = "0.0001"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductOptions:
    """What is offered from a table, and what it costs."""

    table: Annotated[str, typer.Option(help="Name of the table it is about.")] = ""
    kind: Annotated[
        str,
        typer.Option(
            help="lookup (hidden) or verify (in the clear); statistics or train, with a menu;"
            " intersect; score.",
            show_default="lookup, statistics with --menu, intersect with --find, or score with"
            " --features",
        ),
    ] = ""
    title: Annotated[str, typer.Option(help="One line that buyers read.")] = ""
    predicate: Annotated[
        list[str] | None, typer.Option(help="NAME|QUESTION IN WORDS|DUCKDB EXPRESSION")
    ] = None
    match: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the id: does the whole subject agree, or is only its id known."
        ),
    ] = None
    canonical: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=FORM in which values are compared: name, id, cn_id or date.",
            show_default="as they are",
        ),
    ] = None
    find: Annotated[
        list[str] | None,
        typer.Option(help="Of kind intersect: items, count, sum; repeatable.", metavar="OUTPUT"),
    ] = None
    most: Annotated[
        int,
        typer.Option(
            min=0, help="Of kind intersect: the largest set of one run; of score: its ciphertexts."
        ),
    ] = 0
    features: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Of kind score: TOML file of the model's columns."
        ),
    ] = None
    precision: Annotated[
        str, typer.Option(help="Of kind score: how far a score may be from the model's own.")
    ] = ""
    output: Annotated[
        str, typer.Option("--model-output", help="Of kind score: one of several outputs.")
    ] = ""
    reach: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Of kind score: functions inside a network become polynomials of degree two, the"
            " nearest from -REACH to REACH.",
            show_default="they are refused",
        ),
    ] = 0
    sum: Annotated[
        str, typer.Option(help="Of a sum: COLUMN:LOW:HIGH, as LOW and HIGH are written there.")
    ] = ""
    rho: Annotated[str, typer.Option(help="Of a count: what each one costs in privacy.")] = ""
    delta: Annotated[str, typer.Option(help="Of a count: the delta of contracts' budgets.")] = ""
    currency: Annotated[str, typer.Option(help="Currency of the prices.")] = "CNY"
    data_fee: Annotated[str, typer.Option(help="Price of the data, for one unit.")] = "0"
    service_fee: Annotated[str, typer.Option(help="Price of the service, for one unit.")] = "0"
    bill: Annotated[str, typer.Option(help="per-evaluation, per-item, per-request or per-hit.")] = (
        ""
    )
    free: Annotated[int, typer.Option(min=0, help="Billed units that cost nothing.")] = 0
    cap: Annotated[str, typer.Option(help="The most that a contract costs in all.")] = ""
    payee: Annotated[
        list[str] | None,
        typer.Option(help="LINE:NAME:PARTY:PERCENT, LINE being data_fee or service_fee."),
    ] = None

    def given(self, name: str, *, counts: bool) -> dict[str, Any]:
        """Return what they say of the product `name`, in the form of the TOML file.

        Raises:
            UsageError: one is malformed.

        """
        kind = self.kind or self._kind(counts=counts)
        found: dict[str, Any] = {
            "table": self.table,
            "kind": kind,
            "title": self.title or name,
            "currency": self.currency,
            "data_fee": self.data_fee,
            "service_fee": self.service_fee,
            "predicates": [_split(item) for item in self.predicate or ()],
            "match": {"id": list(self.match or ())},
            "canonical": dict(map(_form, self.canonical or ())),
        }
        if self.find:
            found["find"] = list(self.find)
            found |= {"most": self.most, "rho": self.rho, "delta": self.delta, "sum": self.sum}
        if self.features:
            found |= {"features": str(self.features), "most": self.most}
            found |= {"precision": self.precision, "output": self.output, "reach": self.reach}
        billing = given_billing(kind, self.bill, self.free, self.cap, self.payee or ())
        return found if billing is None else found | {"billing": billing}

    def _kind(self, *, counts: bool) -> str:
        others = {"intersect": self.find, "score": self.features}
        named = next((kind for kind, said in others.items() if said), "lookup")
        return "statistics" if counts else named


def read_product(path: Path) -> dict[str, Any]:
    """Return the fields of a product from a TOML file.

    Raises:
        UsageError: it is not TOML, or has fields that a product has not.

    """
    try:
        value = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", clause="product", remedy="correct the file") from None
    unknown = value.keys() - _FIELDS
    predicates = value.get("predicates", [])
    shaped = isinstance(predicates, list) and all(
        isinstance(item, dict) and item.keys() == {"name", "text", "expression"}
        for item in predicates
    )
    match, forms = value.get("match", {"id": []}), value.get("canonical", {})
    shaped = shaped and isinstance(match, dict) and match.keys() == {"id"}
    shaped = shaped and _are_texts(match["id"], list) and _are_texts(forms, dict)
    if unknown or not shaped:
        raise UsageError(
            f"{path}: a product has the fields {', '.join(sorted(_FIELDS))}; "
            "each of its predicates has name, text and expression, match the id, a list of columns,"
            " and canonical a form for each column",
            clause="product",
            remedy="correct the file",
        )
    return value


def read_menu(path: Path) -> "Definition":
    """Return what a menu file says.

    Raises:
        UsageError: it is no menu.

    """
    from unseen.evidence.contracts.statistics.definition_file import parse_definition
    from unseen.evidence.errors import ContractInvalidError

    try:
        return parse_definition(path.read_bytes())
    except ContractInvalidError as error:
        raise UsageError(str(error), clause=error.clause, remedy=f"correct {path}") from None


def _are_texts(value: object, kind: type[list[Any]] | type[dict[str, Any]]) -> bool:
    if not isinstance(value, kind):
        return False
    each = value.values() if isinstance(value, dict) else value
    return all(isinstance(one, str) for one in each)


def _form(text: str) -> tuple[str, "Form"]:
    column, found, form = text.rpartition("=")
    if not found or not column or form not in FORMS:
        raise UsageError(
            f"a canonical form is COLUMN=FORM, one of {', '.join(FORMS)}",
            clause="canonical",
            remedy="for example --canonical name=name --canonical number=cn_id",
        )
    return column, form


def _split(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split("|", 2)]
    if len(parts) != 3 or not all(parts):
        raise UsageError(
            "a predicate is NAME|QUESTION IN WORDS|DUCKDB EXPRESSION",
            clause="predicates",
            remedy="for example 'large|More than 500 staff|staff > 500'",
        )
    return dict(zip(("name", "text", "expression"), parts, strict=True))


def found_of(given: Mapping[str, Any]) -> "Offered | None":
    """Return what a product of intersections lets be found; None where its fields say none.

    Raises:
        UsageError: they are out of range.

    """
    from unseen.evidence.contracts.intersection import COUNT, MAX_ITEMS, SUM, Offered
    from unseen.evidence.errors import ContractInvalidError

    if not given.get("find"):
        return None
    counts = bool({COUNT, SUM} & {*given["find"]})
    try:
        return Offered(
            outputs=tuple(given["find"]),
            most=given.get("most") or MAX_ITEMS,
            rho=given.get("rho") or (_RHO if counts else ""),
            delta=given.get("delta") or (_DELTA if counts else ""),
            sum=_summed(str(given["sum"])) if given.get("sum") else None,
        )
    except ContractInvalidError as error:
        raise UsageError(
            str(error),
            clause=error.clause,
            remedy="for example --find items --find count --most 100000 --rho 0.01; a sum with"
            " --find sum --sum amount:0:5000.00",
        ) from None


def scored_of(given: Mapping[str, Any]) -> "Wanted | None":
    """Return what a product scores; None where its fields say none.

    Raises:
        UsageError: they are out of range, or the file of columns is none.

    """
    from unseen.evidence.contracts.scoring import MAX_RESPONSES, Wanted
    from unseen.evidence.contracts.scoring_file import parse_features
    from unseen.evidence.errors import ContractInvalidError

    if not given.get("features"):
        return None
    try:
        return Wanted(
            features=parse_features(Path(given["features"]).read_bytes()),
            precision=str(given.get("precision") or _PRECISION),
            most=given.get("most") or MAX_RESPONSES,
            output=given.get("output") or "",
            reach=given.get("reach") or 0,
        )
    except ContractInvalidError as error:
        raise UsageError(
            str(error), clause=error.clause, remedy=f"correct {given['features']}"
        ) from None


def _summed(text: str) -> "Summed":
    """Return the column of `COLUMN:LOW:HIGH`; its decimals are those that the bounds have.

    Raises:
        UsageError: it is not of this form.

    """
    from unseen.evidence.contracts.intersection import Summed

    column, *bounds = text.rsplit(":", 2)
    try:
        low, high = (Decimal(bound) for bound in bounds)
        decimals = max(0, *(-int(bound.as_tuple().exponent) for bound in (low, high)))
    except (ArithmeticError, ValueError):
        raise UsageError(
            "a sum is COLUMN:LOW:HIGH", clause="sum", remedy="for example --sum amount:0:5000.00"
        ) from None
    units = [int(bound.scaleb(decimals)) for bound in (low, high)]
    return Summed(column=column, low=units[0], high=units[1], decimals=decimals)


def predicates_of(given: Mapping[str, Any]) -> list["Predicate"]:
    """Return the questions of a product's fields."""
    from unseen.client.catalog import Predicate

    return [
        Predicate(str(item["name"]), str(item["text"]), str(item["expression"]))
        for item in given["predicates"]
    ]


def billing_of(client: "Client", given: Mapping[str, Any]) -> "Billing | None":
    """Return what contracts over a product bill; None where its fields say nothing of it.

    Raises:
        UsageError: they are malformed, or name a party that is not enrolled.

    """
    if "billing" not in given:
        return None

    def key_of(name: str) -> str | None:
        return next((party.key_id for party in client.parties() if party.name == name), None)

    return read_billing(given["billing"], key_of)


def prices_of(given: Mapping[str, Any]) -> "Prices":
    """Return the prices of a product's fields.

    Raises:
        UsageError: one is no amount.

    """
    from unseen.client.catalog import Prices

    return Prices(
        currency=str(given["currency"]),
        data_fee=micros(str(given["data_fee"])),
        service_fee=micros(str(given["service_fee"])),
    )
