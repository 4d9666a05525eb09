"""Scores of small networks under encryption: N / 2 rows a ciphertext, in slots, and squares.

    whole, demand = demanded(model, precision, responses)  a provider, once a contract
    parameters = choose(demand)                            both sides, from the plan
    owner = SCHEME.owner(parameters)                       a buyer
    sent = owner.encrypt(columns.unit_columns(features, rows))
    node = SCHEME.opened(parameters, owner.context())      a provider
    response = node.private(node.scored(sent, whole), rng)
    scores = owner.decrypt(response, rows)

`SCHEME` is `tenseal_scheme`'s, or that of `clear` for tests. One hidden layer of squares.
"""
