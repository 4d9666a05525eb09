"""Contracts as their signers see them, with what governs them: rules, templates, stops."""
