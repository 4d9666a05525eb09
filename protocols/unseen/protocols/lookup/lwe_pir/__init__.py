"""Asking a table that stays with its owner about one subject, without saying which."""
