"""Tables and products as the log registers them."""

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.leaves import Event
from unseen.evidence.canonical import b64encode
from unseen.evidence.contracts.contract import Terms


class Tables:
    """What is registered at the present leaf."""

    def __init__(self, context: Context) -> None:
        """Start with nothing."""
        self._context = context
        self._snapshots: dict[str, dict[bytes, int]] = {}  # table: snapshot: first leaf
        self._versions: dict[str, int] = {}
        self._products: dict[str, set[str]] = {}

    def registered(self, index: int, leaf: Event) -> None:
        """Take note of a table's snapshot; versions count from 1 without gaps."""
        table, version = str(leaf.fields.get("table")), leaf.fields.get("version")
        if version != self._versions.get(table, 0) + 1:
            self._context.fail("table.version", index, f"table {table} skips a version")
        if isinstance(version, int):
            self._versions[table] = version
        snapshot = str(leaf.fields.get("snapshot")).encode()
        self._snapshots.setdefault(table, {}).setdefault(snapshot, index)

    def offered(self, _: int, leaf: Event) -> None:
        """Take note of a product's definition."""
        product, digest = str(leaf.fields.get("product")), str(leaf.fields.get("digest"))
        self._products.setdefault(product, set()).add(digest)

    def offers(self, terms: Terms) -> bool:
        """Return whether the product of `terms`, and its table, are registered."""
        digests = self._products.get(terms.product, set())
        return b64encode(terms.product_digest) in digests and terms.table in self._snapshots

    def defines(self, product: str, digest: str) -> bool:
        """Return whether `digest`, base64url, is one of the product's definitions."""
        return digest in self._products.get(product, set())

    def knows(self, table: str) -> bool:
        """Return whether a table of this name is registered."""
        return table in self._snapshots

    def has(self, table: str, snapshot: bytes) -> bool:
        """Return whether `snapshot`, base64url, is one of the table's."""
        return snapshot in self._snapshots.get(table, {})
