"""Contracts, receipts, settlement, the log's leaves, and the verifier that checks them offline."""
