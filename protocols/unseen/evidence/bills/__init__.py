"""What releases cost: bills, statements of them, reconciliation, and disputes decided."""
