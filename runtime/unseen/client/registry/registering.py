"""The part of `Client` about who may operate what, and what was registered."""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from unseen.client.errors import HomeError
from unseen.client.registry.inheritance import Inheritance, Inherited
from unseen.client.registry.mandates import MandateCard, Mandates
from unseen.client.registry.registrations import (
    AuditCard,
    CertificateCard,
    Registrations,
    ReplayCard,
)
from unseen.client.session import Session


class RegistryCalls:
    """Methods of `Client` about mandates, registration certificates and audits of tables."""

    _session: Session

    @cached_property
    def _mandates(self) -> Mandates:
        return Mandates(self._session)

    def sign_mandate(self, wish: Mapping[str, Any] | Path) -> str:
        """Return a mandate signed by this party: a data authority, or a grantee who gives on.

        `wish` has `title`, `grantee` (`operator`, a party of `parties.json` or the name of a
        key), `tables`, `scenarios`, `from`, `until`, and may have `tier` (`authority`,
        `primary`, `secondary`), `kinds` and `parent`; or it is a TOML file with these. Nothing is
        sent.

        Raises:
            HomeError: a field is missing or not known, or this home holds no party key.
            MandateInvalidError: a field is out of range.

        """
        return self._mandates.sign(read_toml(wish) if isinstance(wish, Path) else wish)

    def add_mandate(self, token: str) -> MandateCard:
        """Show a signed mandate to the node (operator or authority)."""
        return self._mandates.add(token)

    def mandates(self) -> list[MandateCard]:
        """Return the mandates that the node was shown."""
        return self._mandates.list()

    def mandate(self, mandate: str) -> MandateCard:
        """Return one mandate by its id."""
        return self._mandates.get(mandate)

    def withdraw_mandate(self, mandate: str, reason: str) -> MandateCard:
        """Take a mandate back (its grantor only); contracts are suspended at once.

        Raises:
            MandateInvalidError: this party is not its grantor.

        """
        return self._mandates.withdraw(mandate, reason)

    def require_mandate(self, table: str, *, required: bool = True) -> tuple[str, ...]:
        """Put a table under mandates (operator only); return the tables that are under them."""
        return self._mandates.require(table, required=required)

    def mandated_tables(self) -> tuple[str, ...]:
        """Return the tables that are under mandates (operator only)."""
        return self._mandates.governed()

    @cached_property
    def _registrations(self) -> Registrations:
        return Registrations(self._session)

    def certificates(self, what: str = "") -> list[CertificateCard]:
        """Return the registration certificates that this party may see.

        `what` is `table`, `product` or `contract`, empty for all.
        """
        return self._registrations.list(what)

    def certificate(self, certificate: str) -> CertificateCard:
        """Return one registration certificate by its id."""
        return self._registrations.get(certificate)

    def export_certificate(self, certificate: str) -> bytes:
        """Return the bundle that proves a certificate, its holders and its place in the log.

        Whoever has it and a trust file checks it offline: `unseen certificate verify`.

        Raises:
            TrustMissingError: it was issued by a node that this home does not know.

        """
        return self._registrations.export(certificate)

    def transfer_certificate(self, certificate: str, to: str) -> CertificateCard:
        """Hand a certificate on to `to`: a party of `parties.json`, or a public key in base64url.

        Raises:
            RegistrationInvalidError: this party is not its present holder.

        """
        return self._registrations.transfer(certificate, to)

    def audit_table(self, table: str, *, rows: int, seed: str) -> AuditCard:
        """Have the node recompute a table's commitment and prove `rows` rows that `seed` draws.

        For the operator, an auditor or a regulator. The whole table is read; no row leaves. The
        result is in the log, whatever it is.

        Raises:
            SnapshotMismatchError: the rows are not those that were registered.

        """
        return self._registrations.audit(table, rows, seed)

    def replay_table(self, contract: str) -> ReplayCard:
        """Have the node build a contract's present lookup table again, from its sealed key.

        For the operator, an auditor or a regulator, and only while the epoch answers: its key is
        destroyed at its end. The result is in the log, whatever it is.

        Raises:
            SnapshotMismatchError: the table is not what its manifest says.

        """
        return self._registrations.replay(contract)

    @cached_property
    def _inheritance(self) -> Inheritance:
        return Inheritance(self._session)

    def inherited(self) -> list[Inherited]:
        """Return the quota that buyers had left at nodes this one took over (operator only)."""
        return self._inheritance.list()

    def inherit_quota(self, contract: str, successor: str) -> Inherited:
        """Have the contract `successor` take on what was left under a predecessor's `contract`.

        Operator only; both are for one product, and the successor has no more units than were
        left. The log says so.
        """
        return self._inheritance.inherit(contract, successor)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        HomeError: it is not TOML.

    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HomeError(
            f"{path.name} is not TOML: {error}", clause="file", remedy="see docs/registry.md"
        ) from None
