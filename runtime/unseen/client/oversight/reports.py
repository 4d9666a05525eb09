"""The reports that an operator owes: computed from an export that holds, and signed.

Without a folder the log is exported first, into one that is deleted. Anybody with an export and
the trust file computes the same bytes; only the operator's home signs them.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unseen.client.audit.checking import check_folder
from unseen.client.audit.exporting import Exporting
from unseen.client.cards import Card, Row
from unseen.client.exported import open_export
from unseen.client.parties import Parties
from unseen.client.session import Session
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.errors import ReportInvalidError
from unseen.evidence.reports.disclosure import disclosure, sign_disclosure
from unseen.evidence.reports.page import Language, Page
from unseen.evidence.reports.personal import personal_audit, sign_personal_audit
from unseen.evidence.reports.source import Source, Span, source_of
from unseen.evidence.reports.words import disclosure_page, personal_page
from unseen.evidence.suite import Signer
from unseen.evidence.trust import Trust

Sign = Callable[[Signer, dict[str, Json]], str]


@dataclass(frozen=True, slots=True, repr=False)
class ReportCard(Card):
    """A report: its content, and the token by which the operator signs it, if this is its home."""

    name: str
    body: dict[str, Json] = field(repr=False)
    token: str = field(repr=False)
    lay_out: Callable[[dict[str, Json], Language], Page] = field(repr=False, compare=False)

    def encode(self) -> bytes:
        """Return the canonical bytes of the report."""
        return canonical.encode(self.body)

    def page(self, language: Language = "en") -> Page:
        """Return the report as people read it."""
        return self.lay_out(self.body, language)

    def _title(self) -> str:
        return f"Report {self.name}"

    def _rows(self) -> Iterator[Row]:
        log = self.body["log"]
        if isinstance(log, dict):
            yield "log", log["origin"]
            yield "entries", log["size"]
            yield "root", log["root"]
        yield "signed", bool(self.token)


def disclosure_of(folder: Path, trust: Trust, year: int, threshold: int) -> ReportCard:
    """Return the disclosure of a year from an export, unsigned; needs no home.

    Raises:
        ReportInvalidError: the export does not hold.

    """
    body = disclosure(_source(folder, trust), year, threshold)
    return ReportCard(f"disclosure-{year}", body, "", disclosure_page)


def personal_of(folder: Path, trust: Trust, span: Span) -> ReportCard:
    """Return the personal-information audit of a span from an export, unsigned; needs no home.

    Raises:
        ReportInvalidError: the export does not hold.

    """
    body = personal_audit(_source(folder, trust), span)
    name = f"personal-{span.start.date()}-{span.until.date()}"
    return ReportCard(name, body, "", personal_page)


class Reports:
    """The reports of one home."""

    def __init__(self, session: Session) -> None:
        """Use `session` for trust, and for the export where none is given."""
        self._session = session

    def disclosure(self, folder: Path | None, year: int, threshold: int) -> ReportCard:
        """Return the disclosure of a year; see `Client.disclosure`."""
        card = self._made(folder, lambda at, t: disclosure_of(at, t, year, threshold))
        return self._signed(card, sign_disclosure)

    def personal(self, folder: Path | None, span: Span) -> ReportCard:
        """Return the personal-information audit of a span; see `Client.personal_audit`."""
        card = self._made(folder, lambda at, t: personal_of(at, t, span))
        return self._signed(card, sign_personal_audit)

    def _made(self, folder: Path | None, make: Callable[[Path, Trust], ReportCard]) -> ReportCard:
        if self._session.profile.role == "operator":
            Parties(self._session).list()  # whom the operator enrolled it trusts
        if folder is not None:
            return make(folder, self._session.trust)
        with tempfile.TemporaryDirectory() as fresh:
            place = Path(fresh) / "export"
            Exporting(self._session).write(place)
            try:
                return make(place, self._session.trust)
            except ReportInvalidError as error:  # the folder is gone by the time this is read
                raise ReportInvalidError(
                    str(error),
                    clause=error.clause,
                    remedy="write an export and see them all: unseen audit export DIR",
                ) from None

    def _signed(self, card: ReportCard, sign: Sign) -> ReportCard:
        if self._session.profile.role != "operator":
            return card
        token = sign(self._session.party_signer, card.body)
        return ReportCard(card.name, card.body, token, card.lay_out)


def _source(folder: Path, trust: Trust) -> Source:
    report = check_folder(folder, trust)
    if not report.ok:
        raise ReportInvalidError(
            f"the export does not hold: {report.found} findings, the first: {report.findings[0]}",
            clause="export",
            remedy=f"see them all: unseen audit check {folder}",
        )
    return source_of(open_export(folder))
