"""Training where weights stay with the buyer and rows with the provider, over homomorphic sums.

    task = Task(family="logistic", columns=30, norm=Fraction(2), ...)     public, of both
    chain = chain_of(task)                           primes, noise, cost; refused where unsafe
    buyer = bought(chain, Wanted(Descent(task)))     Steps; returns the weights
    provider = provided(chain, Provided(rows, charge), context, rng)      Steps; returns nothing

Secret model: the provider has rows and labels, the buyer a model that nobody else sees. Vertical:
the buyer has labels, and columns of its own if it wants, of the same rows in the same order; it
gets the joint model, and the provider sees neither labels nor weights. `Training` is both as one
protocol of two parties; `clear` the same without any secrecy. Needs `unseen[he]`.

For honest but curious buyers alone: docs/he.md says what the others can do.
"""
