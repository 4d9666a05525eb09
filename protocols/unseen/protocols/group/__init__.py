"""Prime-order groups, elements and scalars as canonical bytes."""
