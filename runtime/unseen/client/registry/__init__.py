"""Who may operate which table, what was registered, and what a successor inherits."""
