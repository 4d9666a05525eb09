"""Changes of the schema, by Alembic, applied at every start."""
