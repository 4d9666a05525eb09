"""Asking under a contract: from a subject to a charged, checked and opened answer."""
