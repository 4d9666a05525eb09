"""Unicode TR 15 (NFKC) and TR 44; GB 11643-1999: one written form of a name, number or date.

Buyer and node write a value in the same form before it is hashed or compared, so that width, case,
spaces and the like do not make two subjects of one. Own format, v1:

    exact    normal form C, and nothing else
    name     NFKC and case folded; marks that nobody sees left out; runs of spaces and punctuation
             are one space, or none beside a Chinese character; dots between parts are U+00B7
    id       NFKC in upper case, without spaces and hyphens
    cn_id    a resident id number of 18 characters whose date and check character are right; one of
             15 as the 18 that it became
    date     2026-11-22, from that, 20261122, 2026/11/22, 2026.11.22 or 2026年11月22日

What has been written once stays as it is. A text that has no such form is refused: among others one
with a character that this machine's Unicode does not know, since another's might fold it.

Does not protect against two people of one name, nor say that a number was ever given to anybody. It
does not transliterate, reorder or guess: a name in another script is another name.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from typing import Final, Literal, get_args

from unseen.protocols.errors import SubjectInvalidError

Form = Literal["exact", "name", "id", "cn_id", "date"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
FORMS_OF: Final[dict[str, tuple[Form, ...]]] = {  # by the type of a subject's column
    "string": FORMS,
    "integer": ("exact",),
    "date": ("exact", "date"),
}
MIDDLE_DOT: Final = "\u00b7"

MAX_CHARS: Final = 2**16  # what has more is no value of a subject, however it is written
_TURNS = 8
_DOTS = "\u1427\u16eb\u2022\u2027\u2219\u22c5\u2e31\u2e33\u30fb\ua78f"  # after NFKC
# Default ignorable, and not of category Cf: joiners, fillers, selectors of a glyph's variant.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_BESIDE_HAN = re.compile(f"(?<=[{_HAN}]) | (?=[{_HAN}])")
_HAN_DOT = re.compile(f"(?<=[{_HAN}])[.\u3002](?=[{_HAN}])")
_AROUND_DOTS = re.compile(f" ?(?:{MIDDLE_DOT} ?)+")
_SPACES = re.compile(" +")
_SPACE = frozenset({"Zs", "Zl", "Zp", "Cc"})

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # 2^17 to 2^1 modulo 11
_CHECKS = "10X98765432"
_CN_18 = re.compile(r"[0-9]{17}[0-9X]", re.ASCII)
_CN_15 = re.compile(r"[0-9]{15}", re.ASCII)
_CN_FIRST_YEAR = 1800
_CN_CENTENARIANS = frozenset({"996", "997", "998", "999"})  # of 15: born in 18xx, or as others

_DATES = (
    re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})", re.ASCII),
    re.compile(r"(?P<y>[0-9]{4})([-/.])(?P<m>[0-9]{1,2})\2(?P<d>[0-9]{1,2})", re.ASCII),
    re.compile(r"(?P<y>[0-9]{4})年(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日", re.ASCII),
)


def canonical(form: Form, text: str) -> str:
    """Return `text` in `form`; the same again for what it returns.

    Raises:
        SubjectInvalidError: the text has no such form; never shows it.

    """
    if len(text) > MAX_CHARS:
        raise no_form(form)
    if form == "exact":
        return unicodedata.normalize("NFC", text)
    if text.isascii() and form in _PLAIN:
        found = _SPACES.sub(" ", text.translate(_PLAIN[form])).strip(" ")
    elif any(unicodedata.category(char) in {"Cn", "Cs"} for char in text):
        raise no_form(form)
    else:
        found = _settled(_STEPS[form], text)
    if not found:
        raise no_form(form)
    return found


def no_form(form: Form) -> SubjectInvalidError:
    """Return the error for a text that has no such form."""
    return SubjectInvalidError(f"a value has no canonical form {form!r}: not {SHAPES[form]}")


def check_cn_id(number: str) -> bool:
    """Return whether the 18 characters of a resident id number have the right check character."""
    total = sum(int(digit) * w for digit, w in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECKS[total % 11] == number[17]


def _settled(step: Callable[[str], str], text: str) -> str:
    """Apply `step` until it changes nothing: folding can compose what then folds again."""
    for _ in range(_TURNS):
        after = step(text)
        if after == text:
            return text
        text = after
    return ""


def _name(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = _HAN_DOT.sub(MIDDLE_DOT, _without_unseen(folded))
    plain = "".join(map(_name_char, seen))
    plain = _BESIDE_HAN.sub("", _SPACES.sub(" ", plain))
    return _AROUND_DOTS.sub(MIDDLE_DOT, plain).strip(" " + MIDDLE_DOT)


def _name_char(char: str) -> str:
    if char in _DOTS:
        return MIDDLE_DOT
    category = unicodedata.category(char)
    loose = category[0] in "PZ" or category in {"Cc", "Sk"}
    return " " if loose and char != MIDDLE_DOT else char


def _id(text: str) -> str:
    raised = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    kept = _without_spaces(raised).replace("\u2212", "")  # a minus sign
    return "".join(char for char in kept if unicodedata.category(char) != "Pd")


def _cn_id(text: str) -> str:
    number = _id(text)
    if _CN_15.fullmatch(number) and number[12:] not in _CN_CENTENARIANS:
        number = number[:6] + "19" + number[6:]
        total = sum(int(digit) * w for digit, w in zip(number, _WEIGHTS, strict=True))
        number += _CHECKS[total % 11]
    if not _CN_18.fullmatch(number) or not check_cn_id(number):
        return ""
    born = _iso(number[6:10], number[10:12], number[12:14])
    return number if born and int(number[6:10]) >= _CN_FIRST_YEAR else ""


def _date(text: str) -> str:
    written = _without_spaces(unicodedata.normalize("NFKC", text))
    for shape in _DATES:
        if found := shape.fullmatch(written):
            return _iso(found["y"], found["m"], found["d"])
    return ""


def _iso(year: str, month: str, day: str) -> str:
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _without_spaces(text: str) -> str:
    return "".join(c for c in _without_unseen(text) if unicodedata.category(c) not in _SPACE)


def _without_unseen(text: str) -> str:
    kept = _UNSEEN.sub("", text)
    return "".join(char for char in kept if unicodedata.category(char) != "Cf")


_STEPS: dict[Form, Callable[[str], str]] = {
    "name": _name,
    "id": _id,
    "cn_id": _cn_id,
    "date": _date,
}
# What the steps make of each ASCII character by itself: a text of these needs nothing more.
_PLAIN: dict[Form, dict[int, str]] = {
    "name": {place: _name_char(chr(place).lower()) for place in range(128)},
    "id": {place: _id(chr(place)) for place in range(128)},
}
SHAPES: dict[Form, str] = {
    "exact": "a text in valid Unicode",
    "name": "a name of more than spaces and punctuation, in characters known here",
    "id": "a number or code with a character in it",
    "cn_id": "a resident id number whose date and check character are right",
    "date": "a date such as 2026-11-22, 20261122 or 2026年11月22日",
}
