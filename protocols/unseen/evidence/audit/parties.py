"""Parties and client instances as the log enrols, certifies and revokes them."""

from dataclasses import dataclass
from datetime import datetime

from unseen.evidence.audit.context import Context
from unseen.evidence.audit.leaves import Event
from unseen.evidence.releases.instance import Instance


@dataclass(slots=True)
class Enrolled:
    """A party since its leaf `party.enrolled`. `key` is the name of its key."""

    name: str
    role: str
    key: str
    index: int
    revoked: int | None = None


@dataclass(slots=True)
class Certified:
    """A client instance since its leaf `instance.registered`."""

    party: Enrolled
    name: str
    key: bytes
    until: datetime
    revoked: int | None = None


class Parties:
    """Who is known at the present leaf."""

    def __init__(self, context: Context) -> None:
        """Start with nobody."""
        self._context = context
        self.by_name: dict[str, Enrolled] = {}
        self.by_key: dict[str, Enrolled] = {}
        self.instances: dict[bytes, Certified] = {}  # by the name of the key
        self._certified: dict[str, bytes] = {}  # documents, by the name of the key

    def enrolled(self, index: int, leaf: Event) -> None:
        """Take note of a new party."""
        name, role, key = (str(leaf.fields.get(field)) for field in ("party", "role", "key"))
        fail = self._context.fail
        if name in self.by_name or key in self.by_key:
            fail("party.enrolled", index, f"enrols {name} again, or its key")
            return
        owner = self._context.trust.parties.get(key)
        if owner is not None and owner.role != role:
            fail("party.role", index, f"enrols {owner.name} as {role}, whom you trust otherwise")
        party = Enrolled(name, role, key, index)
        self.by_name[name] = self.by_key[key] = party

    def registered(self, index: int, leaf: Event) -> None:
        """Take note of a client instance, by its party's certification."""
        fields, fail = leaf.fields, self._context.fail
        party = self.by_name.get(str(fields.get("party")))
        if party is None or party.revoked is not None:
            fail("instance.party", index, "registers an instance of no party that is enrolled")
            return
        certification = self._certification(index, leaf)
        if certification is None:
            return
        key = certification.key_id
        stated = (certification.party, certification.name, key)
        if stated != (party.key, fields.get("name"), fields.get("key")):
            fail("instance.certification", index, "the certification is of another instance")
            return
        if leaf.time >= certification.until:
            fail("instance.until", index, "registers a certification that had ended")
        known = self.instances.get(key.encode())
        if known is not None and known.party is not party:
            fail("instance.key", index, "registers a key that is another party's instance's")
            return
        own = Certified(party, certification.name, certification.key, certification.until)
        own.revoked = known.revoked if known else None
        self.instances[key.encode()] = own

    def revoked(self, index: int, leaf: Event) -> None:
        """Take note that a party, or one of its instances, is cut off."""
        party = self.by_name.get(str(leaf.fields.get("party")))
        name = leaf.fields.get("instance")
        own = [item for item in self.instances.values() if item.party is party]
        cut = [item for item in own if name in {"", item.name}]
        if party is None or (name and not cut):
            self._context.fail("party.revoked", index, "revokes nobody who is enrolled")
            return
        for item in cut:
            item.revoked = index
        if not name:
            party.revoked = index

    def holds(self, key: str, role: str) -> bool:
        """Return whether the owner of `key` is enrolled in `role` and not revoked."""
        party = self.by_key.get(key)
        return party is not None and party.role == role and party.revoked is None

    def index_instances(self) -> None:
        """Remember the first certification of each key, for leaves that name keys alone."""
        for identifier, read in self._context.documents.items():
            if isinstance(read.facts, Instance):
                self._certified.setdefault(read.facts.key_id, identifier)

    def _certification(self, index: int, leaf: Event) -> Instance | None:
        identifier = leaf.named()
        if "document" not in leaf.fields:  # as nodes logged it that knew no documents
            identifier = self._certified.get(str(leaf.fields.get("key")), b"")
        owner = str(leaf.fields.get("party"))
        found = self._context.document("instance", identifier, index, owner)
        return found if isinstance(found, Instance) else None
