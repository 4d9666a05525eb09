"""Objections: opened by one side of a contract, answered by the other, closed by the first."""
