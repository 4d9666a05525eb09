"""unseen.v1 privacy messages <-> ledgers."""

from unseen.node.privacy.register import TableLedger
from unseen.v1 import privacy_pb2


def ledger_message(ledger: TableLedger) -> privacy_pb2.Ledger:
    """Return a table's ledger as its operator sees it."""
    return privacy_pb2.Ledger(
        table=f"tables/{ledger.table}",
        epsilon=ledger.epsilon,
        delta=ledger.delta,
        limit=ledger.most,
        spent=ledger.spent,
        spent_epsilon=ledger.spent_epsilon,
        set_at=ledger.set_at,
        set_by=ledger.set_by,
        contracts=[
            privacy_pb2.ContractSpend(
                contract=f"contracts/{each.contract}",
                buyer=each.buyer,
                spent=each.spent,
                limit=each.most,
                epsilon=each.epsilon,
                delta=each.delta,
                spent_epsilon=each.spent_epsilon,
            )
            for each in ledger.contracts
        ],
        partition=ledger.partition,
        version=ledger.version,
    )
