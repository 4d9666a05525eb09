"""Options that several commands share: a dataclass of them, taken as one parameter.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Clauses:
        days: Annotated[int, typer.Option(help="...")] = 30

    @app.command("request")
    def request(product: ..., clauses: Clauses) -> None: ...

stands for a command with an option `--days`. Options are written, documented and read once.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import wraps
from typing import Any, get_type_hints

_OWN = inspect.Parameter.KEYWORD_ONLY


def spread(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return `command` with the fields of a dataclass in place of each parameter that is one.

    Raises:
        TypeError: two of its options have one name.

    """
    hints = get_type_hints(command, include_extras=True)
    shared = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    shared.pop("return", None)
    if not shared:
        return command
    taken = {name: list(_options(kind)) for name, kind in shared.items()}

    @wraps(command)
    def run(**given: Any) -> Any:
        for name, options in taken.items():
            own = {option.name: given.pop(option.name) for option in options}
            given[name] = hints[name](**own)
        return command(**given)

    shown: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        named = parameter.replace(annotation=hints[parameter.name], kind=_OWN)
        shown += taken.get(parameter.name, [named])
    if len({option.name for option in shown}) < len(shown):
        raise TypeError(f"two options of {command.__name__} have one name")
    del run.__wrapped__  # or the parser would look at the command behind it
    run.__annotations__ = {option.name: option.annotation for option in shown}
    run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]  # of any function
    return run


def _options(kind: Any) -> Iterator[inspect.Parameter]:
    """Yield the fields of a dataclass as parameters of a command."""
    hints = get_type_hints(kind, include_extras=True)
    for field in inspect.signature(kind).parameters.values():
        yield field.replace(annotation=hints[field.name], kind=_OWN)
