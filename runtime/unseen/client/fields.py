"""Reading fields of a JSON object that somebody else wrote, one clear error for each mismatch."""

from unseen.client.errors import HomeError
from unseen.evidence import canonical
from unseen.evidence.canonical import Json
from unseen.evidence.errors import CanonicalError


class Fields:
    """Takes typed fields out of one JSON object and refuses what is missing or left over."""

    def __init__(self, value: Json, what: str, *, remedy: str) -> None:
        """Read `value`, which is called `what` in errors.

        Raises:
            HomeError: `value` is not an object.

        """
        self._what = what
        self._remedy = remedy
        if not isinstance(value, dict):
            raise self.error("it is not a JSON object")
        self._value = value
        self._seen: set[str] = set()

    def error(self, message: str) -> HomeError:
        """Return the error for this object with `message`."""
        return HomeError(f"{self._what}: {message}", clause=self._what, remedy=self._remedy)

    def text(self, name: str) -> str:
        """Return the text in field `name`."""
        value = self._take(name)
        if not isinstance(value, str):
            raise self.error(f"field {name} is not a text")
        return value

    def data(self, name: str, size: int | None = None) -> bytes:
        """Return the bytes that field `name` holds in base64url, `size` of them if given."""
        text = self.text(name)
        try:
            data = canonical.b64decode(text)
        except CanonicalError:
            raise self.error(f"field {name} is not base64url") from None
        if size is not None and len(data) != size:
            raise self.error(f"field {name} is not {size} bytes")
        return data

    def integer(self, name: str) -> int:
        """Return the integer in field `name`, which is not negative."""
        value = self._take(name)
        if type(value) is not int or value < 0:
            raise self.error(f"field {name} is not an integer from 0 on")
        return value

    def texts(self, name: str) -> dict[str, str]:
        """Return the object of texts in field `name`."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.error(f"field {name} is not an object")
        found = {key: item for key, item in value.items() if isinstance(item, str)}
        if len(found) != len(value):
            raise self.error(f"field {name} holds more than texts")
        return found

    def child(self, name: str) -> "Fields":
        """Return the object in field `name`."""
        return Fields(self._take(name), f"{self._what}.{name}", remedy=self._remedy)

    def expect(self, name: str, value: str | int) -> None:
        """Refuse anything but `value` in field `name`."""
        if self._take(name) != value:
            raise self.error(f"field {name} is not {value!r}")

    def end(self) -> None:
        """Refuse fields that nobody asked for."""
        if self._value.keys() != self._seen:
            raise self.error("it has fields that this program does not know")

    def _take(self, name: str) -> Json:
        if name not in self._value:
            raise self.error(f"field {name} is missing")
        self._seen.add(name)
        return self._value[name]
