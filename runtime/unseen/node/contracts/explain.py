"""What an ask would lead to, what stands against it, and what would do. Nothing is stored."""

from dataclasses import dataclass, replace

from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.intersection import COUNT, ITEMS, SUM
from unseen.evidence.contracts.intersection import KIND as INTERSECT
from unseen.node.context import Node
from unseen.node.contracts.clauses.clause import Ask, Offer
from unseen.node.contracts.clauses.consent import rotation_cost
from unseen.node.contracts.clauses.outputs import chosen, kind_asked
from unseen.node.contracts.clauses.ways import against_way, way_of
from unseen.node.contracts.compile import Compiled, Refusal, compile_contract, reading_of
from unseen.node.contracts.narrow import Narrowing, narrowest
from unseen.node.contracts.offering import offer_for
from unseen.node.contracts.register import Contract
from unseen.node.contracts.rules import Ruling
from unseen.node.contracts.standing import ask_of, offer_now
from unseen.node.errors import ContractExpiredError

SMALL_SHARE = 64  # rows for each unit of an intersection, beyond which a lookup does better


@dataclass(frozen=True, slots=True)
class Demand:
    """What the labels demand of a contract, and the column that makes the demand."""

    clause: str
    value: str
    because: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Both outcomes side by side, and what lies between them."""

    asked: Compiled | Refusal
    narrowest: Compiled | Refusal
    narrowings: tuple[Narrowing, ...]
    demands: tuple[Demand, ...]


def explain(ask: Ask, offer: Offer) -> Explanation:
    """Return what `ask` leads to under `offer`, and the narrowest that would do. Pure."""
    found = narrowest(ask, offer)
    asked = compile_contract(ask, offer)
    less = compile_contract(found.ask, found.offer) if found.narrowings else asked
    return Explanation(
        asked, less, (*found.narrowings, *_effects(asked, less)), demands(ask, offer)
    )


def explain_ask(node: Node, buyer: str, product: str, ask: Ask) -> Explanation:
    """Return what a request of the party `buyer` would lead to now.

    Raises:
        ProductNotFoundError: there is no such product.

    """
    found = explain(ask, offer_for(node, buyer, product, template=ask.template))
    if ask.period.until > node.clock.now():
        return found
    over = ContractExpiredError(
        "the period asked for is over", clause="period.until", remedy="ask for a later one"
    )
    return replace(found, asked=_against(found.asked, over), narrowest=Refusal((over,)))


def explain_contract(node: Node, contract: Contract) -> Explanation:
    """Return what the ask behind a contract would lead to now."""
    offer, ask = offer_now(node, contract), ask_of(contract.terms)
    if contract.terms.template:
        standing = node.templates.get(b64encode(contract.terms.template)).standing
        ask = replace(ask, template=standing.template.name)
        offer = replace(offer, template=standing)
    return explain(ask, offer)


def demands(ask: Ask, offer: Offer) -> tuple[Demand, ...]:
    """Return what the labels of the columns read demand, strictest first cause named."""
    reading, kind = reading_of(ask, offer), kind_asked(ask, offer)
    ruling, plain = reading.ruling, Ruling()
    idle = {"group", "budget"} if kind.release == "verdicts" else set()
    idle |= set() if kind.hidden else {"share"}
    readers = {
        column: [each.name for each in chosen(ask, offer) if column in each.columns]
        for column, _ in reading.labels
    }
    found = [
        Demand(name, _said(name, getattr(ruling, name)), _because(ruling.because[name], readers))
        for name in _NAMED
        if name not in idle and getattr(ruling, name) != getattr(plain, name)
    ]
    if len(kind.ways) > 1 and not tuple(against_way(ask, offer, reading)):
        way = way_of(ask, offer, reading)
        found.append(Demand("way", way.way.protocol, way.because))
    if rows := fewer_than_rows(ask, offer):
        why = (
            f"so few units beside {rows:,} rows are answered sooner by a hidden lookup, which does"
            " the work of the table once for all questions"
        )
        found.append(Demand("lookup", "worth asking for", why))
    if why := _only_honest(ask, offer):
        found.append(Demand("buyer", "is trusted to follow the protocol", why))
    if cost := rotation_cost(ask, offer, reading):
        why = "a withdrawal builds the encrypted table anew within the contract's latency"
        found.append(Demand("rotation", cost, why))
    return tuple(found)


def fewer_than_rows(ask: Ask, offer: Offer) -> int:
    """Return the rows of a table beside which an intersection's whole quota is small; else 0."""
    rows, names = offer.table.snapshot.rows, [each.name for each in chosen(ask, offer)]
    few = ask.quota.units * SMALL_SHARE < rows
    return rows if offer.product.kind == INTERSECT and names == [ITEMS] and few else 0


def _only_honest(ask: Ask, offer: Offer) -> str:
    """Return what noise does not hide from a buyer that deviates; or ''."""
    if ask.encrypted:
        return "epsilon and delta hold for no other: keys or weights made otherwise may show rows"
    names = {each.name for each in chosen(ask, offer)} & {COUNT, SUM}
    if offer.product.kind != INTERSECT or not names:
        return ""
    what = "a sum, which such a buyer may free of its noise" if SUM in names else "a count"
    return f"epsilon and delta hold for no other, of {what}"


def _effects(asked: Compiled | Refusal, less: Compiled | Refusal) -> list[Narrowing]:
    """Return what the narrower contract reads, releases and costs less, where both compile."""
    if isinstance(asked, Refusal) or isinstance(less, Refusal):
        return []
    pairs = zip(_sums(asked), _sums(less), strict=True)
    return [
        Narrowing(clause, before, after, "as it follows from the above", "由以上各项得出")
        for (clause, before), (_, after) in pairs
        if before != after
    ]


def _sums(made: Compiled) -> list[tuple[str, str]]:
    terms, prices = made.terms, made.terms.prices
    most = terms.quota.units * (prices.data_fee + prices.service_fee)
    return [
        ("plan.columns_read", ", ".join(made.plan.columns_read)),
        ("plan.bits_per_unit", str(made.plan.bits_per_unit)),
        ("plan.bits_in_all", str(made.plan.release.bits_in_all if made.plan.release else "")),
        ("prices in all", f"{most} millionths of {prices.currency}"),
    ]


_NAMED = ("approvals", "consent", "order", "regions", "group", "budget", "share", "template")


def _said(name: str, value: object) -> str:
    if name == "share":
        return f"hidden questions about one row in {value}"
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(value)
    return str(value)


def _because(column: str, readers: dict[str, list[str]]) -> str:
    outputs = next((names for name, names in readers.items() if f"{name!r}:" in column), [])
    if not outputs:
        return f"{column}; it names the subject"
    return f"{column}; read for {', '.join(outputs)}"


def _against(outcome: Compiled | Refusal, error: ContractExpiredError) -> Refusal:
    return Refusal((error, *(outcome.errors if isinstance(outcome, Refusal) else ())))
