import pytest

from services.cli.parts.known_names import check_name
from shared.errors import InvalidInput

KNOWN = ["ETHUSDT", "BTCUSDT"]


def test_a_known_name_is_given_back():
    assert check_name("symbol", "BTCUSDT", KNOWN) == "BTCUSDT"


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("BTCUSD", KNOWN, "no symbol 'BTCUSD'; did you mean 'BTCUSDT'?"),
        ("X", KNOWN, "no symbol 'X'; there: BTCUSDT, ETHUSDT"),
        ("X", [], "no symbol 'X'; there: none yet"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(name, known, text):
    with pytest.raises(InvalidInput) as caught:
        check_name("symbol", name, known)
    assert str(caught.value) == text
