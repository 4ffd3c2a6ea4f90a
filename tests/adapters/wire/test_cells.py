"""Texts of cells in, exact values or one reason out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.wire.cells import is_whole, parse_amount, parse_number, parse_side, parse_time
from shared.domain.trade import AggressorSide

NOON = 1_750_507_467_356  # 2025-06-21T12:04:27.356Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1750507467", 1_750_507_467_000),
        ("1750507467.356", NOON),
        ("1750507467.3569999", NOON),
        ("1784851200.0547", 1_784_851_200_054),
        (" 1750507467356 ", NOON),
        ("1750507467356789", NOON),
        ("1750507467356789123", NOON),
        ("1.750507467356e12", NOON),
        ("2025-06-21T12:04:27.356Z", NOON),
        ("2025-06-21 12:04:27.356999", NOON),
        ("2025-06-21 12:04:27.356 UTC", NOON),
        ("2025-06-21T14:04:27.356+02:00", NOON),
        ("2025-06-21", 1_750_464_000_000),
        ("20250621 12:04", 1_750_507_440_000),
    ],
)
def test_a_time_is_recognised_whatever_its_unit(text, expected):
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text", ["", "noon", "60000", "-5", "NaN", "1e400", "20131001", "1970-01-01", "2199-01-01", "5e18"]
)
def test_what_is_no_time_of_this_century_is_refused(text):
    with pytest.raises(ValueError, match="no time"):
        parse_time(text)


@given(st.integers(946_684_800_000, 4_102_444_799_999), st.integers(0, 999_999))
def test_every_millisecond_survives_every_unit(millis, nanos):
    seconds = f"{millis // 1000}.{millis % 1000:03d}{nanos:06d}"
    assert parse_time(seconds) == parse_time(str(millis)) == millis
    assert parse_time(f"{millis}{nanos // 1000:03d}") == parse_time(f"{millis}{nanos:06d}") == millis


@pytest.mark.parametrize("text", ["0", "-1", "abc", "", "inf", "1e-19", "1e19", "1e999999999", "1." + "3" * 40])
def test_what_is_no_sane_amount_is_refused(text):
    with pytest.raises(ValueError, match="number"):
        parse_amount(text)


@pytest.mark.parametrize("text", ["83.29", "0.00000001", "1e-8", "5.0"])
def test_an_amount_keeps_every_digit(text):
    assert parse_amount(text).as_tuple() == Decimal(text).as_tuple()


def test_nothing_is_an_amount_only_where_it_may_be():
    assert parse_amount("0.000", zero=True) == 0
    assert parse_amount("0E-999999999", zero=True).as_tuple() == Decimal(0).as_tuple()
    with pytest.raises(ValueError, match="number"):
        parse_amount("-0.1", zero=True)


def test_sides_are_read_in_every_spelling():
    assert [parse_side(text) for text in ("Buy", "SELL", "b", " s ", "")] == [
        AggressorSide.BUY,
        AggressorSide.SELL,
        AggressorSide.BUY,
        AggressorSide.SELL,
        AggressorSide.UNKNOWN,
    ]
    with pytest.raises(ValueError, match="neither buy nor sell"):
        parse_side("long")


def test_numbers_are_told_from_names():
    assert parse_number("1e3") == 1000
    assert parse_number("price") is parse_number("nan") is parse_number("") is None
    assert is_whole("293517768")
    assert not any(is_whole(text) for text in ("", "-1", "1.0", "٣", "9" * 19))
