"""What data subjects allow: consents and delegations, the tree of them, and proofs from it."""
