"""Homomorphic jobs: arithmetic on what only the key owner can read. Needs `unseen[he]`.

    models       what rows are scored with, in whole numbers; lessons: what scores teach of it
    lines        from a line and a precision to what it demands of a ring
    parameters   from a demand to a ring and a flood; security says how hard a ring is to break
    scheme       who encrypts, who computes, what passes: tenseal_scheme, and clear for tests
    privacy      what a key owner may see of a result, and what that does not hold against
    checks, contexts, seal     bytes, and what is refused before it is used
    networks, training         products of ciphertexts: squares of sums, and gradients

Nothing here imports TenSEAL but `engine`, and that when it is used.
"""
