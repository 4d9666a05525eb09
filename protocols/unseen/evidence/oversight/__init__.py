"""Answers opened to others: openings, a regulator's orders and their responses, objections."""
