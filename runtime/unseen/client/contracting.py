"""The part of `Client` about contracts: asked for, signed, stopped and ended."""

from collections.abc import Sequence
from typing import Unpack

from unseen.client.agreements.contracts import Contract, Contracts
from unseen.client.agreements.wishes import Clauses, Wish


class ContractCalls:
    """Methods of `Client` about contracts."""

    _contracts: Contracts

    def request_contract(
        self,
        product: str,
        *,
        outputs: Sequence[str],
        scenario: str,
        units: int,
        **clauses: Unpack[Clauses],
    ) -> Contract:
        """Ask for a contract (buyer only); read its card and leakage before signing it.

        `clauses`, as keywords: how many `days` it lasts (30), `per_minute`, `openings`, `template`,
        `order`, `region`, `group`, `budget`, `declarations`, `joint`, `train` and `way`; see
        `Clauses`.

        Raises:
            AnswerInvalidError: the node proposes something else than was asked for.

        """
        wish = Wish.of(product, outputs=outputs, scenario=scenario, units=units, **clauses)
        return self._contracts.request(wish)

    def contract(self, contract: str, *, offline: bool = False) -> Contract:
        """Return a contract as it stands now; `offline`, as this home last saw it."""
        return self._contracts.kept(contract) if offline else self._contracts.get(contract)

    def contracts(self, *, offline: bool = False) -> list[Contract]:
        """Return the contracts this party may see; `offline`, those that this home has seen."""
        return list(self._contracts.all_kept()) if offline else self._contracts.list()

    def approve(self, contract: str) -> Contract:
        """Sign a contract as the operator, its holder or its second approver."""
        return self._contracts.approve(contract)

    def sign(self, contract: str) -> Contract:
        """Sign a contract as the buyer; it becomes active."""
        return self._contracts.sign(contract)

    def revoke(self, contract: str, cause: str = "") -> Contract:
        """End a contract at once, for good; any signer may. `cause` goes into the log."""
        return self._contracts.revoke(contract, cause)

    def suspend(self, contract: str, cause: str) -> Contract:
        """Refuse requests under a contract, and end what runs, until this party resumes it.

        For the operator, and the second approver and the regulator that the contract names.
        `cause` is one line that goes into the log, in an order signed by this party.
        """
        return self._contracts.suspend(contract, cause)

    def resume(self, contract: str, cause: str) -> Contract:
        """Lift this party's stop of a contract; it goes on when nobody else's stands."""
        return self._contracts.resume(contract, cause)
