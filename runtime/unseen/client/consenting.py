"""The part of `Client` about consents of data subjects (数据主体授权)."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from unseen.client.catalog import Catalog
from unseen.client.consents import Consents, Given, Imported, Permission, Registered, Trusteeship
from unseen.client.session import Session
from unseen.client.subjects import Subject
from unseen.evidence.canonical import Json
from unseen.evidence.consents.consent_proof import ConsentProof
from unseen.evidence.consents.consent_tree import ConsentRoot
from unseen.evidence.suite import Signer
from unseen.protocols.lookup.subject import SubjectColumn
from unseen.v1 import consent_pb2


class ConsentCalls:
    """Methods of `Client` for hubs; whoever reads the log may read the roots."""

    _session: Session
    _catalog: Catalog

    @cached_property
    def _consents(self) -> Consents:
        return Consents(self._session, self._catalog)

    def sign_consent(
        self,
        subject: Subject,
        permission: Permission,
        *,
        signer: Signer | None = None,
        delegation: str = "",
    ) -> str:
        """Return a consent of `subject`, signed; nothing is sent but a look at the catalogue.

        Without `signer` this hub signs on behalf of a subject without a key, and the consent says
        so. With one, `delegation` is the id of the delegation that makes the key the subject's or
        a trustee's.
        """
        return self._consents.sign(subject, permission, signer, delegation)

    def add_consent(self, consent: str) -> Given:
        """Hand a signed consent over (hub only)."""
        return self._consents.add(consent)

    def consent(self, subject: Subject, permission: Permission) -> Given:
        """Consent on behalf of a subject without a key (hub only)."""
        return self.add_consent(self.sign_consent(subject, permission))

    def import_consents(self, documents: Iterable[str], *, resume: bool = False) -> Imported:
        """Hand many signed consents and withdrawals over, in their order (hub only).

        All are checked before the first is taken; if some cannot be, one refusal names them by
        their place, counted from 1, and none is taken. Over 100,000 documents are several calls,
        each for itself. With `resume`, consents that the node has already are left as they are.
        """
        return self._consents.bring(documents, resume=resume)

    def sign_withdrawal(self, consent: str, *, signer: Signer | None = None) -> str:
        """Return a withdrawal of the consent with this id, signed; nothing is sent."""
        return self._consents.sign_withdrawal(consent, signer=signer)

    def withdraw_consent(self, consent: str, *, signer: Signer | None = None) -> int:
        """Take a consent back, by its id (hub only); return the number of the newest root.

        `signer` is the consent's own, or one before it in its chain; without it the hub signs.
        """
        return self._consents.withdraw(self.sign_withdrawal(consent, signer=signer))

    def delegate(self, wish: Trusteeship, *, under: str = "", signer: Signer | None = None) -> str:
        """Say whose a key is, and hand that over (hub only); return the delegation's id.

        `signer` is the owner of the key of the delegation `under`, who gives on what it has;
        without it the hub itself delegates.
        """
        consents = self._consents
        return consents.delegate(consents.sign_delegation(wish, signer), under)

    def withdraw_delegation(
        self, delegation: str, *, consents: bool = False, signer: Signer | None = None
    ) -> int:
        """Take a delegation and those under it back (hub only); return the newest root's number.

        With `consents`, what was consented to under them ends too, from this moment on.
        """
        token = self._consents.sign_withdrawal(delegation, "delegation", signer, consents=consents)
        return self._consents.withdraw_delegation(token)

    def subject_columns(self, table: str) -> tuple[SubjectColumn, ...]:
        """Return the columns that name a subject of a table over which something is offered."""
        return self._consents.columns(table)

    def consents(self, table: str, subject: Subject) -> list[Registered]:
        """Return every consent of a subject that was ever registered (hub only)."""
        return self._consents.of(table, subject)

    def prove_consent(
        self,
        table: str,
        subject: Subject,
        *,
        job: str = "",
        leaf: int | None = None,
        root: int = 0,
    ) -> tuple[dict[str, Json], ConsentProof]:
        """Return a proof of a subject's consents, and what it shows (hub only).

        `job` is the request id of a job, `leaf` the index of its leaf in the log: the proof is of
        the root that the job was done under, and says whether it could use the subject's row.
        `root` is a root's number. Without any the proof is of the newest root.

        Raises:
            EvidenceError: the node's answer does not hold.

        """
        about = consent_pb2.ProveConsentRequest()
        if job:
            about.job = job
        elif leaf is not None:
            about.leaf = leaf
        elif root:
            about.root = root
        return self._consents.prove(table, subject, about)

    def consent_roots(self, after: int = 0) -> Iterator[tuple[int, ConsentRoot]]:
        """Yield the roots numbered above `after`, each with its leaf's index (not for buyers)."""
        return self._consents.roots(after)
