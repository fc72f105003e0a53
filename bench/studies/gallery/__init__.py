"""Published comparisons as claims, at a size where they take seconds: `make claims`.

Each spec of `experiments/claims` claims what a paper says, and the answer that is `expected` at
this size, whichever it is.
"""
