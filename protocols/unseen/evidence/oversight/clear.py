"""Opening a verification in the clear: what a receipt of kind `verify` commits to.

The request's one part is the canonical JSON list of the subject's values, in the order of the
product's subject columns: integers as numbers, everything else as text. The release's one part
is the list of verdicts, in the order of the contract's outputs: "yes", "no" or
"no_usable_result". A bundle shows both with their nonces, and the terms that say what the
outputs are called; with the plan, what they mean. Where the contract bills hits, an opening also
shows whether this was one. Own format.

It shows what was asked and answered. Nothing shows that the answer was true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from unseen.evidence import canonical
from unseen.evidence.canonical import Json, b64encode
from unseen.evidence.commitment import NONCE_BYTES, commit
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.contracts.plan import Plan
from unseen.evidence.errors import OpeningInvalidError
from unseen.evidence.fields import Checker, head
from unseen.evidence.oversight.hidden import check_plan
from unseen.evidence.oversight.opening import check_terms
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import VerifiedReceipt, verify_receipt

_CHECK = Checker(OpeningInvalidError, "opening")
_WORDS: dict[bool | None, str] = {True: "yes", False: "no", None: "no_usable_result"}
_VERDICTS = {word: verdict for verdict, word in _WORDS.items()}
_FIELDS = ("receipt", "terms", "subject", "verdicts", "request_nonce", "release_nonce")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedClear:
    """What an opening in the clear proves. Only `verify_clear_opening` makes one.

    `verdicts` maps each output to true, false, or None for "no usable result". `plan` is the
    contract's, where the bundle carries it.
    """

    subject: tuple[str | int, ...] = field(repr=False)
    verdicts: Mapping[str, bool | None]
    receipt: VerifiedReceipt
    terms: Terms
    plan: Plan | None = None

    @property
    def overbilled(self) -> int:
        """By how many hits the release is billed too high; below 0 if it is too low.

        0 where the contract bills something else.
        """
        billed = self.receipt.billed
        return 0 if billed is None else billed - hits(tuple(self.verdicts.values()))


def hits(verdicts: Sequence[bool | None]) -> int:
    """Return how many units of a verification were a hit: 1 if any of `verdicts` is usable."""
    return int(any(verdict is not None for verdict in verdicts))


def request_parts(subject: Sequence[str | int]) -> tuple[bytes, ...]:
    """Return the parts of a request about `subject`; a date is given in its ISO form.

    Raises:
        CanonicalError: a value is neither text nor an integer up to 2^53 - 1.

    """
    return (canonical.encode(list(subject)),)


def release_parts(verdicts: Sequence[bool | None]) -> tuple[bytes, ...]:
    """Return the parts of a release of `verdicts`."""
    return (canonical.encode([_WORDS[verdict] for verdict in verdicts]),)


def make_clear_opening(
    *,
    receipt: str,
    terms: Terms,
    subject: Sequence[str | int],
    verdicts: Sequence[bool | None],
    request_nonce: bytes,
    release_nonce: bytes,
    plan: Plan | None = None,
) -> dict[str, Json]:
    """Return the bundle that opens a receipt of kind `verify`; `plan` may be left out."""
    extra: dict[str, Json] = {} if plan is None else {"plan": plan.to_json()}
    return (
        head("opening-clear", terms.suite)
        | extra
        | {
            "receipt": receipt,
            "terms": terms.to_json(),
            "subject": list(subject),
            "verdicts": [_WORDS[verdict] for verdict in verdicts],
            "request_nonce": b64encode(request_nonce),
            "release_nonce": b64encode(release_nonce),
        }
    )


def verify_clear_opening(bundle: Json, trust: Trust) -> OpenedClear:
    """Return what `bundle` proves to someone who trusts `trust`.

    Raises:
        OpeningInvalidError: a check fails; `what` names it.
        ReceiptInvalidError: the receipt within is invalid.
        SignatureInvalidError: a signature of the receipt fails.
        TrustMissingError: node, log or buyer is not in the trust file.
        SuiteUnknownError: the opening is of a suite that is not known here.

    """
    body = _CHECK.body(bundle, "opening-clear", _FIELDS, ("plan",))
    check_plan(body)
    suite = suite_of(body["suite"])
    if type(body["receipt"]) is not str:
        _CHECK.fail("receipt", "is not text")
    receipt = verify_receipt(body["receipt"], trust)
    if receipt.kind != "verify" or receipt.suite != suite.id:
        _CHECK.fail("receipt", "is not of a verification under the opening's suite")
    terms, plan = check_terms(body["terms"], body.get("plan"), receipt)
    subject = _CHECK.unlist("subject", body["subject"])
    if not all(type(value) in {str, int} for value in subject):
        _CHECK.fail("subject", "holds more than texts and integers")
    words = _CHECK.unlist("verdicts", body["verdicts"])
    for word in words:
        _CHECK.choice("verdicts", word, _WORDS.values())
    if len(words) != len(terms.outputs):
        _CHECK.fail("verdicts", "are not one for each output")
    verdicts = [_VERDICTS[word] for word in words]
    for name, parts, expected in (
        ("request", request_parts(subject), receipt.commitment),
        ("release", release_parts(verdicts), receipt.release),
    ):
        nonce = _CHECK.unb64(f"{name}_nonce", body[f"{name}_nonce"])
        _CHECK.octets(f"{name}_nonce", nonce, NONCE_BYTES)
        if commit(suite, nonce, parts) != expected:
            _CHECK.fail(name, "was of something else")
    return OpenedClear(
        subject=tuple(subject),
        verdicts=MappingProxyType(dict(zip(terms.outputs, verdicts, strict=True))),
        receipt=receipt,
        terms=terms,
        plan=plan,
    )
