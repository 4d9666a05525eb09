"""Durable state: one schema, one engine, one writer."""
