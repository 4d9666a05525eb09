"""Scores of small networks under encryption: N / 2 rows a ciphertext, in slots, and squares.

    whole, demand = demanded(model, precision, responses)  a provider, once a contract
    parameters = choose(demand)                            both sides, from the plan
    owner = SquaresOwner(parameters)                       a buyer
    sent = owner.encrypt(columns.unit_columns(features, rows))
    node = SquaresNode(parameters, owner.context())        a provider
    response = node.private(node.scored(sent, whole), rng)
    scores = owner.decrypt(response, rows)

Experimental: one hidden layer of squares.
"""
