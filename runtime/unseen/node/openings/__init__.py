"""Openings on an order: orders, draws, responses, and the parts that nobody here can read."""
