from services.sandbox.listings import DEFAULT_SYMBOLS, listing, listings


def test_the_nine_default_symbols_are_listed_in_order():
    assert tuple(listings(DEFAULT_SYMBOLS)) == DEFAULT_SYMBOLS
    assert len(DEFAULT_SYMBOLS) == 9


def test_printed_decimals_can_show_every_tick():
    for entry in listings(DEFAULT_SYMBOLS).values():
        assert round(entry.tick, entry.price_scale) == entry.tick


def test_any_other_symbol_can_be_listed():
    assert listing("NEWUSDT").symbol == "NEWUSDT"
