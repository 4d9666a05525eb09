"""Consents of data subjects: the register, the tree they stand in, and what follows from them."""
