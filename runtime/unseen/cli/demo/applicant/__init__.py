"""A bank checks applicants against a register of residents, which does not learn who applies."""
