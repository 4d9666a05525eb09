"""Names of resources on the wire (AIP-122): a collection, a slash, the name that callers know."""


def short(resource: str) -> str:
    """Return a resource name without its collection: `tables/colleges` is `colleges`."""
    return resource.rpartition("/")[2]
