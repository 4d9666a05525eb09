"""Names of files that a node and its workers hand each other, without the libraries of either."""

PERMITTED = "permitted"  # in a build's spool: sealed, who consents
