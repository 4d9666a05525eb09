"""Openings, orders and their answers, objections, and the reports that an operator owes."""
