"""The append-only log: its tree, its signed head, its proofs."""
