"""Counting what is used: admission before the work, the charge with its leaf and reply after it."""
