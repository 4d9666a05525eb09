"""Reports that an operator owes: computed from an export of its log, by pure functions."""
