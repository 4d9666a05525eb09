"""Contracts: compiled from what a buyer asks, decided on at each request, kept in the store."""
