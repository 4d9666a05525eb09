"""What is decided, signed or written down cannot be changed afterwards."""

import dataclasses
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]


def modules_with_values(folder: str) -> list[str]:
    """Return the names of the modules below a folder that declare dataclasses."""
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts[1:])
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "@dataclass" in path.read_text()
    ]


def changeable(name: str) -> set[str]:
    """Return the dataclasses of a module whose fields can be set after they are made."""
    return {each.__name__ for each in _declared(name) if not _frozen(each)}


def extensible(name: str) -> set[str]:
    """Return the dataclasses of a module whose values take fields that nobody declared."""
    return {each.__name__ for each in _declared(name) if "__slots__" not in vars(each)}


def positional(name: str) -> set[str]:
    """Return the formats of a module that can be made without naming their fields."""
    return {
        each.__name__
        for each in _declared(name)
        if hasattr(each, "from_json") and not all(item.kw_only for item in dataclasses.fields(each))
    }


def _declared(name: str) -> list[type]:
    found = [
        each
        for each in vars(import_module(name)).values()
        if isinstance(each, type) and each.__module__ == name and dataclasses.is_dataclass(each)
    ]
    assert found
    return found


def _frozen(each: type) -> bool:
    return bool(vars(each)["__dataclass_params__"].frozen)
