"""Exports of what this party sees: agreements, catalogues, credentials, forms.

Each is made from what was checked already: terms, plan and leakage statement by their hashes,
approvals and receipts by their signatures. `unseen.evidence.exports` says what each is.
"""

from dataclasses import dataclass

from unseen.client.agreements.contracts import Contracts
from unseen.client.catalog import Catalog, Product
from unseen.client.errors import HomeError
from unseen.client.evidence import Evidence, read_receipt
from unseen.client.session import Session
from unseen.evidence.contracts.contract import Prices
from unseen.evidence.exports.credential import sign_credential
from unseen.evidence.exports.dcat import (
    Offered,
    Publisher,
    Question,
    catalog_dcat,
    product_dcat,
)
from unseen.evidence.exports.form import FormData, Language, approval_form
from unseen.evidence.exports.linked import Node
from unseen.evidence.exports.odrl import contract_odrl
from unseen.evidence.suite import key_id, suite_of
from unseen.protocols.errors import InputInvalidError


@dataclass(frozen=True, slots=True)
class Exports:
    """The exports of one client."""

    session: Session
    contracts: Contracts
    catalog: Catalog
    evidence: Evidence

    def contract(self, contract: str) -> Node:
        """Return a contract as an ODRL agreement."""
        found = self.contracts.get(contract)
        return contract_odrl(found.terms, found.plan, found.leakage, self._names())

    def form(self, contract: str, language: Language) -> str:
        """Return the approval form of a contract as HTML."""
        found = self.contracts.get(contract)
        data = FormData(
            terms=found.terms,
            plan=found.plan,
            leakage=found.leakage,
            state=found.state.value,
            signed=frozenset(found.approvals),
            names=self._names(),
        )
        return approval_form(data, language)

    def products(self) -> Node:
        """Return everything that the node offers as a DCAT catalogue."""
        return catalog_dcat(self._publisher(), [_offered(each) for each in self.catalog.products()])

    def product(self, name: str) -> Node:
        """Return one product as a DCAT data service."""
        found = next((each for each in self.catalog.products() if each.name == name), None)
        if found is None:
            raise InputInvalidError(
                f"the node offers no product {name!r}",
                clause="product",
                remedy="see: unseen product list",
            )
        return product_dcat(self._publisher(), _offered(found))

    def receipt(self, request: str) -> str:
        """Return a receipt of this home as a signed credential."""
        session = self.session
        receipt = self.evidence.receipt(request)
        token = read_receipt(receipt.path)
        if receipt.facts.instance_key != session.instance_key_id:
            raise HomeError(
                "another instance of this party asked, and only that one can sign the credential",
                clause="instance",
                remedy="export it in that instance's home; the receipt itself is good anywhere",
            )
        name = session.profile.party
        return sign_credential(session.instance_signer, token, session.trust, name)

    def _publisher(self) -> Publisher:
        pinned = self.session.profile.node
        operator = key_id(suite_of(self.session.suite.id), pinned.operator_key)
        name = self._names().get(operator, "")
        return Publisher(node=pinned.name, address=pinned.address, operator=operator, name=name)

    def _names(self) -> dict[str, str]:
        """Return what the trust file calls the parties, by the names of their keys."""
        return {key: party.name for key, party in self.session.trust.parties.items()}


class ExportCalls:
    """What a client can export, as `Client` has it."""

    _exports: Exports

    def export_contract(self, contract: str) -> Node:
        """Return a contract as an ODRL 2.2 agreement in JSON-LD."""
        return self._exports.contract(contract)

    def contract_form(self, contract: str, language: Language = "both") -> str:
        """Return a contract's approval form: one page of HTML, in `en`, `zh` or `both`."""
        return self._exports.form(contract, language)

    def export_catalog(self) -> Node:
        """Return what the node offers as a DCAT 3 catalogue in JSON-LD."""
        return self._exports.products()

    def export_product(self, name: str) -> Node:
        """Return one product as a DCAT 3 data service in JSON-LD."""
        return self._exports.product(name)

    def export_receipt(self, request: str) -> str:
        """Return a receipt of this instance as a Verifiable Credential, signed by it.

        Raises:
            HomeError: another instance asked.

        """
        return self._exports.receipt(request)


def _offered(product: Product) -> Offered:
    prices = product.prices
    return Offered(
        name=product.name,
        title=product.title,
        kind=product.kind,
        table=product.table,
        digest=product.digest,
        questions=tuple(Question(name=name, text=text) for name, text in product.questions),
        asked_by=() if product.menu else product.subject,
        match=product.match,
        prices=Prices(
            currency=prices.currency, data_fee=prices.data_fee, service_fee=prices.service_fee
        ),
        snapshot_at=product.snapshot_at,
    )
