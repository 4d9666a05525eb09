"""What was used and what is owed, from the log or from this home's receipts."""
