"""Questions about one table: from menu and question to the typed value that the gate judges."""
