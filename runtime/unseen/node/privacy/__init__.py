"""What answers cost in privacy: budgets of tables, what was spent, answers that are given again."""
