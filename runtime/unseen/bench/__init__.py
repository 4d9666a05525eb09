"""Measuring: what a bench is, how it is run, and the benches themselves."""
