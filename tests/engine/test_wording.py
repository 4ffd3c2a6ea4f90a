import pytest

from shared.domain.signal import Side
from shared.engine import wording


@pytest.mark.parametrize(
    ("millis", "text"),
    [
        (0, "0 s"),
        (45_999, "45 s"),
        (60_000, "1 min"),
        (42 * 60_000, "42 min"),
        (185 * 60_000, "3 h 05 min"),
        (52 * 3_600_000, "2 d 4 h"),
        (-5, "0 s"),
    ],
)
def test_durations_read_like_this(millis, text):
    assert wording.duration_text(millis).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("recorded", "prices", "decimals"),
    [
        (2, [64_010.5], 2),
        (0, [64_010.5], 0),
        (True, [64_010.5], 1),
        (99, [1.5], 1),
        ("2", [64_970.6575, 100.0], 1),
        (None, [0.00001234], 8),
        (None, [0.0, float("inf")], 0),
        (None, [], 2),
    ],
)
def test_decimals_are_the_recorded_ones_or_as_many_as_six_digits_need(recorded, prices, decimals):
    assert wording.decimals_for(recorded, prices) == decimals


@pytest.mark.parametrize(
    ("value", "text"), [(1.5, "+1.50 %"), (-0.704, "\N{MINUS SIGN}0.70 %"), (-0.001, "0.00 %"), (0, "0.00 %")]
)
def test_percentages_have_a_sign_unless_they_are_nothing(value, text):
    assert wording.percent_text(value).replace("\xa0", " ") == text


def test_prices_have_groups_and_a_true_minus():
    assert wording.price_text(-1_234_567.891, 2) == "\N{MINUS SIGN}1,234,567.89"


def test_a_short_gains_when_the_price_falls():
    assert wording.gain_pct(Side.SHORT, 100, 98) == pytest.approx(2)
    assert wording.gain_pct(Side.LONG, 100, 98) == pytest.approx(-2)
    assert wording.gain_pct(Side.LONG, 0, 98) == 0


@pytest.mark.parametrize(
    ("millis", "text"),
    [(45_999, "45s"), (192_000, "3m12s"), (60_000, "1m00s"), (3_900_000, "1h05m"), (187_200_000, "2d4h"), (-1, "0s")],
)
def test_lateness_is_said_in_its_two_largest_units(millis, text):
    assert wording.lateness_text(millis) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 minutes"), (1, "1 minute"), (1_440, "1,440 minutes")])
def test_things_are_counted_in_words(count, text):
    assert wording.count_text(count, "minute") == text


def test_a_time_of_day_names_its_zone():
    assert wording.clock_text(1_772_409_600_000 + 751 * 60_000) == "12:31 UTC"
