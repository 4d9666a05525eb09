"""Which of one's own items a table has, by whichever contract serves best (`choosing.py`).

One call for an intersection and a hidden lookup: the answer says the same of each item, and which
way it took. What neither tells is whether a subject that "is not there" is withheld for want of a
consent; a lookup's label that is malformed counts as not there, too, and opens as such.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from unseen.client.agreements.contracts import Contracts
from unseen.client.agreements.wishes import Wish
from unseen.client.cards import Said
from unseen.client.errors import WireError
from unseen.client.queries.choosing import LOOKUP, Candidate, candidate_of, choose, output_of
from unseen.client.queries.intersected import Cost, Intersected
from unseen.client.queries.intersections import Intersections
from unseen.client.queries.items import column_names, column_types, distinct_items
from unseen.client.queries.lookups import Lookups
from unseen.client.session import Session
from unseen.client.subjects import Subject
from unseen.client.verdicts import Answer
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.intersection import ITEMS
from unseen.evidence.contracts.intersection import KIND as RUN

_THERE: Final = (Answer.YES, Answer.CONSISTENT)


class Finding:
    """What one client finds in tables."""

    def __init__(
        self,
        session: Session,
        contracts: Contracts,
        lookups: Lookups,
        intersections: Intersections,
    ) -> None:
        """Ask by `lookups` or `intersections`, under one of `contracts`."""
        self._session = session
        self._contracts = contracts
        self._lookups = lookups
        self._intersections = intersections

    def ask(
        self, table: str, items: Sequence[Subject], *, way: str, threat_model: str
    ) -> Intersected:
        """Return which of `items` a table has; see `Client.intersect_table`."""
        known = {each.id: each for each in self._contracts.list()}
        buyer = self._session.profile.key_id
        found = (candidate_of(each, table, buyer) for each in known.values())
        candidates = [each for each in found if each is not None]
        count = len(items)
        if candidates:  # all are over the same columns, in the forms of each contract's product
            first = known[candidates[0].contract]
            count = len(distinct_items(first.terms, first.plan, items)[0])

        def small(run: Candidate) -> bool:
            return self.small(known[run.contract].terms, count)

        choice = choose(
            candidates, count, table=table, small=small, way=way, threat_model=threat_model
        )
        taken = choice.candidate
        if taken.kind == RUN:
            return replace(self._intersections.ask(taken.contract, items), why=choice.why)
        return self._looked_up(taken.contract, items, choice.why)

    def small(self, terms: Terms, items: int) -> bool:
        """Return whether the node says that a hidden lookup would do better for so many items.

        It is asked what a contract over as many would lead to: about the items nothing, and about
        their number what asking tells anyway. A node that refuses to say gives no advice.
        """
        if terms.kind != RUN or terms.outputs != (ITEMS,) or not items:
            return False
        wish = Wish.of(terms.product, outputs=terms.outputs, scenario=terms.scenario, units=items)
        with suppress(WireError):
            demands = self._contracts.explain_wish(wish).demands
            return any(demand.clause == LOOKUP for demand in demands)
        return False

    def _looked_up(self, contract: str, items: Sequence[Subject], why: Said) -> Intersected:
        terms, plan = self._contracts.terms(contract), self._contracts.plan(contract)
        texts, _ = distinct_items(terms, plan, items)
        output = output_of(terms, plan)
        verdicts = self._lookups.many(contract, texts)
        requests = tuple(dict.fromkeys(each.request_id for each in verdicts))
        return Intersected(
            contract=contract,
            output=ITEMS,
            columns=column_names(plan),
            types=column_types(plan),
            items=texts,
            rho="",
            request_id=requests[-1],
            receipt_path=Path(verdicts[-1].receipt_path),
            present=tuple(each.answers[output] in _THERE for each in verdicts),
            way=terms.protocol,
            why=why,
            requests=requests,
            cost=Cost.of(terms, sum(not each.cached for each in verdicts)),
        )
