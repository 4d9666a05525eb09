"""The compute node that an operator runs beside its tables."""
