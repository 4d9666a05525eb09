"""Canonical forms: frozen texts, forms of forms, writings that mean one value, what is refused."""

import datetime as dt
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unseen.protocols.errors import SubjectInvalidError
from unseen.protocols.lookup.canonical import (
    _STEPS,
    FORMS,
    FORMS_OF,
    Form,
    _settled,
    canonical,
    check_cn_id,
)
from unseen.protocols.lookup.subject import (
    SubjectColumn,
    SubjectType,
    encode_subject,
    parse_value,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/lookup/canonical_v1.json").read_text())
WEIGHTS = [2**power % 11 for power in range(17, 0, -1)]
texts = st.text(max_size=12)
folding = st.sampled_from(["name", "id"])
latin = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
han = st.text("\u5f20\u738b\u674e\u8d75\u963f\u4e70\u63d0", min_size=1, max_size=4)
digits = st.text("0123456789", min_size=3, max_size=3)
born = st.dates(dt.date(1900, 1, 1), dt.date(1999, 12, 31))


def formed(form: Form, text: str) -> str | None:
    try:
        return canonical(form, text)
    except SubjectInvalidError:
        return None


def cn_id(region: int, date: dt.date, sequence: str) -> str:
    """Return a number by the standard's formula: all characters, weighted, are 1 modulo 11."""
    stem = f"{region:06d}{date:%Y%m%d}{sequence}"
    total = sum(int(digit) * weight for digit, weight in zip(stem, WEIGHTS, strict=True))
    check = next(c for c in range(11) if (total + c) % 11 == 1)
    return stem + ("X" if check == 10 else str(check))


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: ascii(c["form"] + c["text"]))
def test_matches_vector(case: dict[str, Any]) -> None:
    assert formed(case["form"], case["text"]) == case["canonical"]


@given(st.sampled_from(FORMS), texts)
def test_a_form_is_its_own_form_and_in_nfc(form: Form, text: str) -> None:
    found = formed(form, text)
    if found is not None:
        assert canonical(form, found) == found
        assert unicodedata.is_normalized("NFC", found)


@given(folding, st.text(st.characters(max_codepoint=127), max_size=12))
def test_plain_text_takes_a_short_way_to_the_same_form(form: Form, text: str) -> None:
    assert formed(form, text) == (_settled(_STEPS[form], text) or None)
    # U+00AD is left out of every form, and keeps a text from being plain.
    assert formed(form, text) == formed(form, text + "\u00ad")


@given(folding, texts)
def test_forms_are_the_same_for_every_normal_form_and_width(form: Form, text: str) -> None:
    found = formed(form, text)
    for normal in ("NFC", "NFD", "NFKC", "NFKD"):
        assert formed(form, unicodedata.normalize(normal, text)) == found


@given(latin, latin, st.sampled_from([" ", "  ", "\u3000", "\u00a0", "-", ", ", "\u2019", "\t"]))
def test_names_in_letters(one: str, other: str, between: str) -> None:
    plain = f"{one} {other}"
    assert canonical("name", f" {one.upper()}{between}{wide(other)} ") == plain
    assert canonical("name", one + other) != plain


@given(han, han, st.sampled_from(["", " ", "\u3000", "\u200b", " \u00a0"]))
def test_chinese_names_have_no_spaces(one: str, other: str, between: str) -> None:
    assert canonical("name", f"{one}{between}{other}") == one + other


@given(han, han, st.sampled_from("\u00b7\u2022\u2027\u30fb\uff65\u0387\u2219\u22c5.\uff0e\u3002"))
def test_the_dot_between_parts_of_a_name_is_one(one: str, other: str, dot: str) -> None:
    assert canonical("name", f"{one} {dot} {other}"[:]) in {f"{one}\u00b7{other}", f"{one}{other}"}
    assert canonical("name", f"{one}{dot}{other}") == f"{one}\u00b7{other}"


@given(st.integers(110000, 659999), born, digits)
def test_resident_ids(region: int, date: dt.date, sequence: str) -> None:
    number = cn_id(region, date, sequence)
    assert check_cn_id(number)
    assert canonical("cn_id", number) == number
    written = f"{number[:6]} {number[6:14]}-{number[14:].lower()}"
    assert canonical("cn_id", wide(written)) == number
    short = number[:6] + number[8:17]
    old = sequence in {"996", "997", "998", "999"}
    assert formed("cn_id", short) == (None if old else number)


@given(st.integers(110000, 659999), born, digits, st.integers(0, 16), st.integers(1, 9))
def test_a_resident_id_with_one_wrong_digit_has_no_form(
    region: int, date: dt.date, sequence: str, place: int, shift: int
) -> None:
    number = cn_id(region, date, sequence)
    digit = str((int(number[place]) + shift) % 10)
    assert formed("cn_id", number[:place] + digit + number[place + 1 :]) is None


@given(st.dates())
def test_dates(date: dt.date) -> None:
    year = f"{date.year:04d}"
    writings = [
        date.isoformat(),
        date.isoformat().replace("-", ""),
        f"{year}/{date.month}/{date.day}",
        f"{year}.{date.month:02d}.{date.day:02d}",
        f"{year}\u5e74{date.month}\u6708{date.day}\u65e5",
    ]
    assert {canonical("date", form(text)) for text in writings for form in (str, wide)} == {
        date.isoformat()
    }


@given(st.sampled_from(FORMS[1:]), texts)
def test_a_refusal_does_not_show_the_value(form: Form, text: str) -> None:
    hostile = "\ue000\U0003ffff" + text  # no machine knows the second character
    with pytest.raises(SubjectInvalidError) as caught:
        parse_value(SubjectColumn("c", "string", form), hostile)
    assert "\ue000" not in str(caught.value)
    assert form in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_is_too_long_is_refused(form: Form) -> None:
    with pytest.raises(SubjectInvalidError):
        canonical(form, "1" * (2**16 + 1))
    with pytest.raises(SubjectInvalidError):
        # One character of 3 bytes that the form makes 18 of.
        parse_value(SubjectColumn("c", "string", form), "\ufdfa" * 22_000)


@given(folding, texts, texts)
def test_equal_bytes_exactly_for_equal_forms(form: Form, one: str, other: str) -> None:
    column, found = SubjectColumn("c", "string", form), (formed(form, one), formed(form, other))
    if None not in found:
        same = encode_subject([column], [one], b"") == encode_subject([column], [other], b"")
        assert same == (found[0] == found[1])


def test_a_column_without_a_form_is_as_it_was() -> None:
    assert SubjectColumn("c", "string") == SubjectColumn("c", "string", "exact")
    assert parse_value(SubjectColumn("c", "string"), " \uff21 ") == " \uff21 "


def test_a_date_column_reads_dates_as_people_write_them() -> None:
    column = SubjectColumn("born", "date", "date")
    assert parse_value(column, "2026\u5e741\u67082\u65e5") == dt.date(2026, 1, 2)
    day = encode_subject([column], [dt.date(2026, 1, 2)], b"")
    assert day == encode_subject([SubjectColumn("born", "date")], [dt.date(2026, 1, 2)], b"")
    with pytest.raises(SubjectInvalidError):
        parse_value(column, "2026\u5e742\u670830\u65e5")


@pytest.mark.parametrize("kind", FORMS_OF)
def test_a_form_of_another_type_is_refused(kind: SubjectType) -> None:
    for form in FORMS:
        if form in FORMS_OF[kind]:
            assert SubjectColumn("c", kind, form).form == form
        else:
            with pytest.raises(SubjectInvalidError, match=kind):
                SubjectColumn("c", kind, form)


@pytest.mark.parametrize(
    ("form", "one", "other", "same"),
    [
        ("name", "Weiß", "Weiss", True),
        ("name", "Zoë", "Zoe", False),
        ("name", "IŞIK", "ışık", False),
        ("name", "İpek", "ipek", False),
        ("name", "\u0430", "a", False),
        ("name", "\u9ad8", "\u9ad9", False),
        ("id", "1-23", "12-3", True),
        ("exact", "1-23", "12-3", False),
    ],
)
def test_who_is_one_is_what_the_guide_says(form: Form, one: str, other: str, *, same: bool) -> None:
    assert (canonical(form, one) == canonical(form, other)) == same


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-31",
        "2025-02-29",
        "26-11-22",
        "22/11/2026",
        "2026-11/22",
        "0000-01-01",
        "٢٠٢٦-11-22",
    ],
)
def test_a_date_that_is_none_or_could_be_another_is_refused(text: str) -> None:
    assert formed("date", text) is None
