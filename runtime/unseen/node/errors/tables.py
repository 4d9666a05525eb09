"""What an operator hosts: tables, products, predicates, registrations."""

from unseen.node.errors.branches import ExistsError, NotFoundError, RefusedError


class TableExistsError(ExistsError):
    """A table of this name is registered."""

    reason = "TABLE_EXISTS"


class ProductExistsError(ExistsError):
    """A product of this name is registered."""

    reason = "PRODUCT_EXISTS"


class TableNotFoundError(NotFoundError):
    """No table of this name."""

    reason = "TABLE_NOT_FOUND"


class ProductNotFoundError(NotFoundError):
    """No product of this name."""

    reason = "PRODUCT_NOT_FOUND"


class RegistrationNotFoundError(NotFoundError):
    """No registration certificate of this id, or the caller may not see it."""

    reason = "REGISTRATION_NOT_FOUND"


class TableError(RefusedError):
    """The table cannot be used as it is."""


class TableUnreadableError(TableError):
    """The table's file is missing, not readable, or not of the stated format."""

    reason = "TABLE_UNREADABLE"


class TableChangedError(TableError):
    """The table's rows are no longer those of the registered snapshot."""

    reason = "TABLE_CHANGED"


class ColumnUnknownError(TableError):
    """A label or subject names a column that the table does not have."""

    reason = "COLUMN_UNKNOWN"


class SubjectNullError(TableError):
    """A subject column holds nulls."""

    reason = "SUBJECT_NULL"


class SeedDestroyedError(TableError):
    """The key that a lookup table was built with has been destroyed: nothing can be replayed."""

    reason = "SEED_DESTROYED"


class PredicateInvalidError(TableError):
    """A predicate is not a boolean expression over the table's columns."""

    reason = "PREDICATE_INVALID"


class PredicateFailsError(TableError):
    """A predicate raises an error on some rows."""

    reason = "PREDICATE_FAILS"
