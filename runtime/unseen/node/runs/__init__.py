"""Runs: what a buyer sends and fetches in files, beside the one request that is charged."""
