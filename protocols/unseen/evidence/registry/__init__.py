"""Whose a table is and who may operate it: certificates, snapshots, mandates, handovers."""
