"""Mandates: who may operate which tables, kept at the node and held against its contracts."""
