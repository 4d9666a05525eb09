"""What answers cost in privacy, and how many may be asked for.

Budgets of tables, what was spent, answers that are given again; the guard against enumeration.
"""
