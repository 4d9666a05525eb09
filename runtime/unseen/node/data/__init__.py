"""Reading the operator's tables: sources, snapshots, predicates, the building of lookup tables."""
