"""Homomorphic jobs: arithmetic on what only the key owner can read. Needs `unseen[he]`."""
