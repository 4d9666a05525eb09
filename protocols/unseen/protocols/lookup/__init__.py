"""Asking a table about one subject without saying which."""
