"""The JSON form of what the SDK returns; stable, documented names."""

from typing import TYPE_CHECKING

from unseen.evidence.canonical import Json, b64encode, format_time

if TYPE_CHECKING:
    from unseen.client.agreements.contracts import Contract
    from unseen.client.agreements.explanations import Explanation, Outcome
    from unseen.client.agreements.templates import TemplateCard
    from unseen.client.api import NodeCard
    from unseen.client.audit.exporting import Exported
    from unseen.client.catalog import Product, Table
    from unseen.client.evidence import Leaf, Receipt, Usage
    from unseen.client.jobs import Job
    from unseen.client.parties import Party
    from unseen.client.privacy import Ledger
    from unseen.client.verdicts import Verdict
    from unseen.evidence.audit.heads import Head
    from unseen.evidence.verify import VerifiedReceipt


def table_json(table: "Table") -> dict[str, Json]:
    """Return a table with its labelled columns."""
    return {
        "name": table.name,
        "rows": table.rows,
        "source": table.source,
        "snapshot": table.snapshot,
        "snapshot_at": table.snapshot_at,
        "version": table.version,
        "holder": table.holder,
        "privacy": ledger_json(table.ledger) if table.ledger else None,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "category": column.category,
                "level": column.level,
            }
            for column in table.columns
        ],
    }


def ledger_json(ledger: "Ledger") -> dict[str, Json]:
    """Return a ledger with what each contract has spent; units are 10^-12 of rho."""
    return {
        "table": ledger.table,
        "epsilon": ledger.epsilon,
        "delta": ledger.delta,
        "limit": ledger.limit,
        "spent": ledger.spent,
        "left": ledger.left,
        "left_epsilon": ledger.left_epsilon,
        "spent_epsilon": ledger.spent_epsilon,
        "set_at": ledger.set_at,
        "set_by": ledger.set_by,
        "partition": ledger.partition,
        "version": ledger.version,
        "contracts": [
            {
                "contract": spend.contract,
                "buyer": spend.buyer,
                "epsilon": spend.epsilon,
                "delta": spend.delta,
                "limit": spend.limit,
                "spent": spend.spent,
                "spent_epsilon": spend.spent_epsilon,
            }
            for spend in ledger.contracts
        ],
    }


def product_json(product: "Product") -> Json:
    """Return a product with its questions and prices (in millionths)."""
    return {
        "name": product.name,
        "table": product.table,
        "kind": product.kind,
        "title": product.title,
        "subject": [
            {"name": column.name, "type": column.type, "form": column.form}
            for column in product.subject
        ],
        "match": {"id": list(product.match)} if product.match else None,
        "unusable_rows": product.unusable,
        "predicates": [
            {"name": item.name, "text": item.text, "expression": item.expression}
            for item in product.predicates
        ],
        "menu": product.menu.to_json() if product.menu else None,
        "definition": product.definition.to_json() if product.definition else None,
        "prices": {
            "currency": product.prices.currency,
            "data_fee": product.prices.data_fee,
            "service_fee": product.prices.service_fee,
        },
        "billing": product.billing.to_json() if product.billing else None,
        "digest": product.digest,
        "snapshot_at": product.snapshot_at,
    }


def contract_json(contract: "Contract") -> Json:
    """Return a contract with terms, plan and leakage statement."""
    return contract_object(contract)


def contract_object(contract: "Contract") -> dict[str, Json]:
    """Return what `contract_json` does, to be added to."""
    return {
        "id": contract.id,
        "state": contract.state.value,
        "buyer": contract.buyer,
        "units_used": contract.units_used,
        "terms": contract.terms.to_json(),
        "plan": contract.plan.to_json(),
        "leakage": contract.leakage.to_json(),
        "approvals": dict(contract.approvals),
        "cause": contract.cause,
        "stops": [
            {"by": stop.by, "cause": stop.cause, "since": stop.since, "document": stop.document}
            for stop in contract.stops
        ],
    }


def node_json(node: "NodeCard") -> Json:
    """Return a node as it describes itself."""
    stop = node.stop
    return {
        "name": node.name,
        "address": node.address,
        "version": node.version,
        "time": node.time,
        "log": node.log_origin,
        "log_size": node.log_size,
        "caller": node.caller,
        "caller_role": node.caller_role,
        "pinned": node.pinned,
        "stop": {"by": stop.by, "cause": stop.cause, "since": stop.since} if stop else None,
    }


def job_json(job: "Job") -> Json:
    """Return a job as it stands."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "about": job.about,
        "contract": job.contract,
        "buyer": job.buyer,
        "owner": job.owner,
        "phase": job.phase,
        "done": job.done,
        "total": job.total,
        "chunk": job.chunk,
        "attempts": job.attempts,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "ended_by": job.ended_by,
        "cause": job.cause,
        "failure": job.failure,
        "result_bytes": job.result_bytes,
        "result_until": job.result_until,
    }


def template_json(card: "TemplateCard") -> Json:
    """Return a template with its signatures."""
    return {
        "id": card.id,
        "state": card.state,
        "added_at": card.added_at,
        "template": card.template.to_json(),
        "approvals": dict(card.approvals),
    }


def explanation_json(found: "Explanation") -> dict[str, Json]:
    """Return what a contract would be, as asked for and as the narrowest that would do."""
    return {
        "asked": _outcome_json(found.asked),
        "narrowest": _outcome_json(found.narrowest),
        "narrowings": [
            {
                "clause": each.clause,
                "asked": each.asked,
                "narrowest": each.narrowest,
                "why": each.why,
                "why_zh": each.why_zh,
            }
            for each in found.narrowings
        ],
        "demands": [
            {"clause": each.clause, "value": each.value, "because": each.because}
            for each in found.demands
        ],
    }


def _outcome_json(outcome: "Outcome") -> Json:
    made = outcome.proposal
    return {
        "compiles": made is not None,
        "terms": made.terms.to_json() if made else None,
        "plan": made.plan.to_json() if made else None,
        "leakage": made.leakage.to_json() if made else None,
        "refusals": [
            {
                "reason": each.reason,
                "clause": each.clause,
                "message": each.message,
                "remedy": each.remedy,
            }
            for each in outcome.refusals
        ],
    }


def verdict_json(verdict: "Verdict") -> Json:
    """Return the answers about one subject."""
    return {
        "contract": verdict.contract,
        "subject": list(verdict.subject),
        "answers": {name: answer.value for name, answer in verdict.answers.items()},
        "found": verdict.found,
        "malformed": verdict.malformed,
        "cached": verdict.cached,
        "request": verdict.request_id,
        "position": verdict.position,
        "receipt": str(verdict.receipt_path),
    }


def facts_json(facts: "VerifiedReceipt") -> Json:
    """Return what a verified receipt proves."""
    return {
        "request": facts.request,
        "contract": b64encode(facts.contract),
        "job": facts.job,
        "kind": facts.kind,
        "units": facts.units,
        "total": facts.total,
        "privacy": facts.privacy,
        "time": format_time(facts.time),
        "issued_at": format_time(facts.issued_at),
        "plan": b64encode(facts.plan),
        "leakage": b64encode(facts.leakage),
        "snapshot": b64encode(facts.snapshot),
        "manifest": b64encode(facts.manifest),
        "epoch": facts.epoch,
        "request_commitment": b64encode(facts.commitment),
        "release_commitment": b64encode(facts.release),
        "node": facts.node,
        "buyer": facts.buyer,
        "instance": facts.instance,
        "log": facts.origin,
        "index": facts.index,
        "size": facts.size,
    }


def receipt_json(receipt: "Receipt") -> Json:
    """Return a receipt of this home."""
    return {"file": str(receipt.path), "facts": facts_json(receipt.facts)}


def usage_json(usage: "Usage") -> Json:
    """Return what was charged."""
    return {
        "contract": usage.contract,
        "units_used": usage.units_used,
        "units_granted": usage.units_granted,
        "requests": usage.requests,
    }


def party_json(party: "Party") -> Json:
    """Return a party with its instances."""
    return {
        "name": party.name,
        "role": party.role,
        "suite": party.suite,
        "key": b64encode(party.key),
        "revoked": party.revoked,
        "instances": [
            {"name": item.name, "until": item.until, "revoked": item.revoked}
            for item in party.instances
        ],
    }


def head_json(head: "Head") -> Json:
    """Return a verified head of a log."""
    return {
        "source": head.source,
        "log": head.checkpoint.origin,
        "size": head.checkpoint.size,
        "root": b64encode(head.checkpoint.root),
        "witnesses": [item.to_json() for item in head.witnesses],
        "note": head.note,
    }


def exported_json(exported: "Exported") -> Json:
    """Return what an export holds."""
    return {
        "folder": str(exported.folder),
        "log": exported.origin,
        "size": exported.size,
        "new": exported.new,
        "hidden": exported.hidden,
        "contracts": exported.contracts,
        "documents": exported.documents,
        "cosigned": exported.cosigned,
    }


def leaf_json(leaf: "Leaf") -> Json:
    """Return an entry of the log."""
    return {"index": leaf.index, "type": leaf.type, "time": leaf.time, **leaf.fields}
