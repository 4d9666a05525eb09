"""Mandates as a party sees them: signed by an authority, shown to the node, withdrawn again."""

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from unseen.client.cards import Card, Row
from unseen.client.errors import AnswerInvalidError, HomeError
from unseen.client.resources import short
from unseen.client.session import Session
from unseen.evidence.canonical import b64decode, b64encode, format_time, parse_time
from unseen.evidence.errors import CanonicalError
from unseen.evidence.jws import token_id
from unseen.evidence.registry.mandate import (
    NONCE_BYTES,
    Mandate,
    Withdrawal,
    peek_mandate,
    peek_withdrawal,
    sign_mandate,
    verify_mandate,
    verify_withdrawal,
    withdraw,
)
from unseen.evidence.suite import key_id, suite_of
from unseen.v1 import mandate_pb2, mandate_pb2_grpc

_KEY_LENGTH = 43
_FIELDS = frozenset(
    {"title", "grantee", "tier", "tables", "scenarios", "kinds", "from", "until", "parent"}
)


@dataclass(frozen=True, slots=True, repr=False)
class MandateCard(Card):
    """A mandate at the node. `checked` tells whether its signature was: the key has to be known."""

    id: str
    token: str
    mandate: Mandate
    registered_at: str
    withdrawal: Withdrawal | None
    in_force: bool
    checked: bool

    @property
    def state(self) -> str:
        """Where it stands, in one word."""
        if self.withdrawal is not None:
            return "withdrawn"
        return "in force" if self.in_force else "not in force"

    def _title(self) -> str:
        return f"Mandate {self.id}"

    def _rows(self) -> Iterator[Row]:
        mandate = self.mandate
        yield "title", mandate.title
        yield "state", self.state
        if self.withdrawal is not None:
            taken = self.withdrawal
            yield "withdrawn", f"{format_time(taken.time)}: {taken.reason}"
        yield "tables", mandate.tables
        yield "scenarios", mandate.scenarios
        yield (
            "kinds",
            mandate.kinds or "as its parent" if mandate.parent else mandate.kinds or "all",
        )
        yield "period", f"{format_time(mandate.start)} to {format_time(mandate.until)}"
        yield "grantor", mandate.grantor
        yield "grantee", f"{mandate.grantee} ({mandate.tier})"
        if mandate.parent:
            yield "part of", b64encode(mandate.parent)
        yield "signature", "verified" if self.checked else "of a key this home does not know"


class Mandates:
    """The mandates at one node, and the signing of new ones."""

    def __init__(self, session: Session) -> None:
        """Use `session` for the calls."""
        self._session = session
        self._stub = mandate_pb2_grpc.MandateServiceStub(session.channel.grpc)

    def sign(self, wish: Mapping[str, Any]) -> str:
        """Return the mandate that `wish` describes; see `Client.sign_mandate`."""
        if unknown := sorted(wish.keys() - _FIELDS):
            _refuse(unknown[0], "is not known")
        signer, suite = self._session.party_signer, self._session.suite
        mandate = Mandate(
            suite=suite.id,
            grantor=self._session.profile.key_id,
            grantee=self._grantee(_text(wish, "grantee")),
            tier=_text(wish, "tier", "primary"),
            title=_text(wish, "title"),
            tables=_names(wish, "tables"),
            scenarios=_names(wish, "scenarios"),
            kinds=_names(wish, "kinds", ()),
            start=_time(wish, "from"),
            until=_time(wish, "until"),
            parent=_identifier(_text(wish, "parent", "")),
            nonce=secrets.token_bytes(NONCE_BYTES),
        )
        return sign_mandate(signer, mandate)

    def add(self, token: str) -> MandateCard:
        """Show a signed mandate to the node."""
        request = mandate_pb2.AddMandateRequest(token=token)
        answer = self._session.call(self._stub.AddMandate, request)
        return self._read(answer.mandate, token_id(self._session.suite, token))

    def list(self) -> list[MandateCard]:
        """Return every mandate that the node was shown."""
        answer = self._session.call(self._stub.ListMandates, mandate_pb2.ListMandatesRequest())
        return [self._read(each) for each in answer.mandates]

    def governed(self) -> tuple[str, ...]:
        """Return the tables that are under mandates."""
        answer = self._session.call(self._stub.ListMandates, mandate_pb2.ListMandatesRequest())
        return tuple(short(table) for table in answer.tables)

    def get(self, identifier: str) -> MandateCard:
        """Return one mandate."""
        request = mandate_pb2.GetMandateRequest(name=f"mandates/{identifier}")
        answer = self._session.call(self._stub.GetMandate, request)
        return self._read(answer.mandate, _identifier(identifier))

    def withdraw(self, identifier: str, reason: str) -> MandateCard:
        """Take a mandate back; see `Client.withdraw_mandate`."""
        known = self.get(identifier)
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        token = withdraw(self._session.party_signer, known.token, reason, now)
        return self.hand_over(token)

    def hand_over(self, withdrawal: str) -> MandateCard:
        """Show the node a withdrawal that the grantor has signed."""
        request = mandate_pb2.WithdrawMandateRequest(token=withdrawal)
        answer = self._session.call(self._stub.WithdrawMandate, request)
        return self._read(answer.mandate, peek_withdrawal(withdrawal).mandate)

    def require(self, table: str, *, required: bool) -> tuple[str, ...]:
        """Put a table under mandates, or lift that; return the tables that are under them."""
        request = mandate_pb2.RequireMandateRequest(table=f"tables/{table}", required=required)
        answer = self._session.call(self._stub.RequireMandate, request)
        return tuple(short(name) for name in answer.tables)

    def _grantee(self, text: str) -> str:
        session = self._session
        if text == "operator":
            return key_id(session.suite, session.profile.node.operator_key)
        named = [party.key_id for party in session.trust.parties.values() if party.name == text]
        if len(named) == 1:
            return named[0]
        if len(text) != _KEY_LENGTH:
            _refuse("grantee", "is neither `operator`, nor a party of parties.json, nor a key name")
        return text

    def _read(self, message: mandate_pb2.Mandate, expected: bytes | None = None) -> MandateCard:
        mandate = peek_mandate(message.token)
        suite = suite_of(mandate.suite)
        identifier = token_id(suite, message.token)
        shown = {b64encode(identifier), short(message.name)}
        if len(shown) > 1 or expected not in (None, identifier):
            raise AnswerInvalidError("the mandate is not the one of its id", clause="mandate")
        key = self._key_of(mandate.grantor)
        taken = peek_withdrawal(message.withdrawal) if message.withdrawal else None
        if key is not None:
            verify_mandate(message.token, key)
            if message.withdrawal:
                taken = verify_withdrawal(message.withdrawal, identifier, mandate, key)
        return MandateCard(
            id=b64encode(identifier),
            token=message.token,
            mandate=mandate,
            registered_at=message.registered_at,
            withdrawal=taken,
            in_force=message.in_force,
            checked=key is not None,
        )

    def _key_of(self, name: str) -> bytes | None:
        profile = self._session.profile
        if name == profile.key_id:
            return profile.key
        party = self._session.trust.parties.get(name)
        return None if party is None else party.key


def _refuse(field: str, why: str) -> NoReturn:
    raise HomeError(
        f"the mandate's {field} {why}",
        clause=f"mandate.{field}",
        remedy="fields: title, grantee, tables, scenarios, from, until; tier, kinds, parent",
    )


def _text(wish: Mapping[str, Any], field: str, default: str | None = None) -> str:
    value = wish.get(field, default)
    if not isinstance(value, str):
        _refuse(field, "is missing or not a text")
    return value


def _names(
    wish: Mapping[str, Any], field: str, default: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    value = wish.get(field, default)
    if not isinstance(value, list | tuple):
        _refuse(field, "are missing or not a list")
    return tuple(value)


def _time(wish: Mapping[str, Any], field: str) -> dt.datetime:
    value = wish.get(field)
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, dt.datetime) and value.utcoffset() is not None:
            return value.astimezone(dt.UTC).replace(microsecond=0)
        if type(value) is dt.date:  # a day begins at midnight UTC
            return dt.datetime.combine(value, dt.time(), dt.UTC)
    except CanonicalError:
        pass
    _refuse(field, "is missing or not a time such as 2026-11-22T05:30:00Z")


def _identifier(text: str) -> bytes:
    try:
        return b64decode(text)
    except CanonicalError:
        _refuse("parent" if text else "id", "is not the id of a mandate")
