"""What evidence looks like to other systems: ODRL, DCAT, Verifiable Credentials, a form to sign.

Pure functions from what was checked already. None of these is evidence: a contract is its terms,
a receipt its JWS, and each export names the hash of what it was made from. Every name and context
is inside; nothing here, and nobody who reads it, has to load anything from a network.
"""
