"""Bills, where a client can check or say more than `unseen.evidence.bills.settlement` does.

The operator's bill rests on leaves; here each is held to the signature of the instance that asked.
The buyer's rests on receipts; where the node charged a request and no longer keeps its reply, the
bill says so instead of there being none. An auditor's rests on an export that holds up.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping

from unseen.evidence import jws
from unseen.evidence.audit import Policy, Report, check_export
from unseen.evidence.audit.check import Progress
from unseen.evidence.audit.export import Export
from unseen.evidence.bills import settlement
from unseen.evidence.bills.dispute import Agreed, Resolution, resolve
from unseen.evidence.bills.reconcile import Sheet, make_sheet
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms
from unseen.evidence.errors import RequestInvalidError, SettlementError, SignatureInvalidError
from unseen.evidence.log import ReleaseLeaf
from unseen.evidence.oversight.clear import OpenedClear
from unseen.evidence.oversight.objection import Credit, objection_id
from unseen.evidence.oversight.objections import credits_of, follow
from unseen.evidence.releases.request import verify_request
from unseen.evidence.suite import suite_of
from unseen.evidence.trust import Trust
from unseen.evidence.verify import VerifiedReceipt


def check_signatures(
    terms: Terms,
    releases: Iterable[ReleaseLeaf],
    keys: Mapping[str, bytes],
    registered: Callable[[], Collection[str]],
) -> None:
    """Return if every release was asked for by an instance of the buyer.

    `keys` are the buyer's instance keys by their names (a name is the key's hash). A key that
    is not among them, as its instance has a new one, must be one of `registered`, the names in
    the log's leaves `instance.registered` of the buyer; its signature is then not checked.

    Raises:
        SettlementError: a signature fails, or an instance was never the buyer's.

    """
    suite = suite_of(terms.suite)
    for leaf in releases:
        key = keys.get(leaf.instance)
        if key is None:
            if leaf.instance not in registered():
                raise _error(f"request {leaf.request.request} is by no instance of the buyer")
            continue
        try:
            verify_request(leaf.request, leaf.signature, suite, key)
        except (RequestInvalidError, SignatureInvalidError):
            raise _error(f"the signature over request {leaf.request.request} fails") from None


def settle_without(
    terms: Terms,
    releases: Iterable[ReleaseLeaf],
    lost: Mapping[str, int],
    credit: Credit | None = None,
) -> bytes:
    """Return the statement of `releases`, and of the requests in `lost` with their units.

    It is a settlement with one more field, `unreceipted`: requests that the node says it charged
    and whose reply, and with it the receipt, it no longer keeps. Units and amount are of the
    receipts alone.

    Raises:
        SettlementError: a release does not fit the contract, releases overlap, or they leave out
            more units than `lost` accounts for.

    """
    ordered, gaps = settlement.arrange(terms, releases)
    missing = sum(last - first + 1 for first, last in gaps)
    if missing > sum(lost.values()):
        raise _error(f"the receipts of {missing} units are missing, more than the node has lost")
    return settlement.statement(terms, ordered, credit, unreceipted=lost)


def settle_export(
    export: Export,
    contract: bytes,
    trust: Trust,
    progress: Progress | None = None,
    *,
    partial: bool = False,
) -> bytes:
    """Return the statement of a contract from an export, which is checked first.

    With `partial` it may be a buyer's, in which others' leaves are there by their hashes. Then it
    is worth as much as the word of whoever made it: by its hash alone may stand a release of this
    very contract, the last ones without a gap, or the leaf that ended it.

    Raises:
        ExportInvalidError: it is no export, or has no such contract.
        SettlementError: the check finds anything at all.
        TrustMissingError: the trust file lists no such log, or not its node.

    """
    report = check_export(export, trust, Policy(partial=partial), progress=progress)
    if not report.ok:
        raise _broken(report)
    terms = export.contract(contract).terms
    credit, _ = exported_credit(export, terms, trust)
    return settlement.settle(terms, (leaf for _, leaf in export.releases(contract)), credit)


def export_sheet(
    export: Export,
    contracts: Collection[bytes],
    trust: Trust,
    day: dt.date,
    progress: Progress | None = None,
) -> Sheet:
    """Return the releases of a day (UTC) under `contracts`, from an export that is checked first.

    It may be a buyer's, in which others' leaves are there by their hashes.

    Raises:
        ExportInvalidError: it is no export, or has no such contract.
        SettlementError: the check finds anything at all, or `contracts` is empty.
        TrustMissingError: the trust file lists no such log, or not its node.

    """
    report = check_export(export, trust, Policy(partial=True), progress=progress)
    if not report.ok:
        raise _broken(report)
    terms = [export.contract(contract).terms for contract in contracts]
    if not terms:
        raise _error("the export holds no contract")
    leaves = [leaf for contract in contracts for _, leaf in export.releases(contract)]
    return make_sheet(terms[0].suite, "log", terms[0].operator, day, leaves)


def receipts_sheet(ours: Sheet, receipts: Iterable[VerifiedReceipt]) -> Sheet:
    """Return the sheet of receipts for the day of `ours`, to hold against it."""
    leaves = [receipt.leaf for receipt in receipts]
    return make_sheet(ours.suite, "receipts", ours.party, ours.day, leaves)


def resolve_export(
    export: Export,
    contract: bytes,
    trust: Trust,
    receipts: Iterable[VerifiedReceipt] = (),
    openings: Iterable[OpenedClear] = (),
    progress: Progress | None = None,
) -> Resolution:
    """Return what is owed under a contract, from an export and what the buyer holds.

    What single releases lack is what is decided on (`dispute.resolve`); nothing else may be wrong
    with the export, which has to be whole, and not older than a receipt.

    Raises:
        ExportInvalidError: it is no export, or has no such contract.
        SettlementError: anything else about the export does not hold, it ends before a receipt's
            entry, or a receipt or an opening is of another contract.
        TrustMissingError: the trust file lists no such log, or not its node.

    """
    held = tuple(receipts)
    newest = max((receipt.index for receipt in held), default=-1)
    if newest >= export.frame.size:
        raise SettlementError(
            f"settlement: the export has {export.frame.size} leaves, a receipt is of leaf {newest}",
            clause="export",
            remedy="take a newer one, or see that the log was cut: unseen audit check DIR --head",
        )
    report = check_export(export, trust, progress=progress)
    faults: dict[int, str] = {}
    for finding in report.findings:
        if not finding.rule.startswith("release."):
            raise _broken(report)
        faults.setdefault(finding.index, finding.rule)
    if report.found > len(report.findings):
        raise _broken(report)
    terms = export.contract(contract).terms
    agreed = exported_credit(export, terms, trust)
    return resolve(terms, export.releases(contract), faults, held, openings, agreed)


def exported_credit(export: Export, terms: Terms, trust: Trust) -> Agreed:
    """Return what the operator credits under `terms`, and for which requests, by an export.

    Raises:
        ObjectionInvalidError: one side has signed documents that contradict each other, or with a
            key that the trust file does not list.
        SignatureInvalidError: a signature fails.

    """
    suite, contract = suite_of(terms.suite), b64encode(terms.id())
    names: set[str] = set()
    tokens: list[str] = []
    for document in export.documents("objection"):
        payload = jws.peek(document.body).payload
        fields = payload if isinstance(payload, dict) else {}
        if fields.get("contract") == contract and fields.get("role") != "hub":
            names.add(b64encode(objection_id(suite, document.body)))
            tokens.append(document.body)
        elif fields.get("objection") in names:
            tokens.append(document.body)
    keys = {name: party.key for name, party in trust.parties.items()}
    answered = [one for one in follow(tokens, terms, keys) if one.answered and one.answered.credit]
    requests = frozenset(one.opened.request for one in answered)
    return credits_of(terms, tokens, keys), requests


def _broken(report: Report) -> SettlementError:
    unknown = all(finding.rule == "trust.missing" for finding in report.findings)
    return SettlementError(
        f"settlement: the export does not hold up in {report.found} places: {report.findings[0]}",
        clause="export",
        remedy="compare the keys with their parties, then: unseen audit keys --accept"
        if unknown
        else "see all of them: unseen audit check DIR",
    )


def _error(message: str) -> SettlementError:
    return SettlementError(
        f"settlement: {message}",
        clause="releases",
        remedy="compare the log's releases with the receipts, request by request",
    )
