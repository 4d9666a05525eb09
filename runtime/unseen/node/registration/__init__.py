"""Registration certificates: issued with what they register, handed on, audited and replayed."""
