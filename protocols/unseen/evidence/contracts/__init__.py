"""What is agreed: terms and their approvals, the plan they compile to, rules, templates, stops."""
