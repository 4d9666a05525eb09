"""A lender checks institutions in an education register: one node, hidden questions, a bill."""
