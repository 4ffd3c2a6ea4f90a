"""One round: whose candles are judged, what is published, and what is said of symbols without a bias."""

import pytest

from shared.domain.macro_bias import BiasDirection, bias_id
from shared.errors import Refused, Unavailable
from shared.messages.catalog import MACRO_BIAS
from tests.engine.macro_markets import FIVE, HOUR
from tests.makers import EXCHANGE, START
from tests.services.macro_engine.parts import NOW, World, listen, told


async def test_every_symbol_gets_a_bias_made_of_the_venues_candles():
    world = World()
    source = await listen(world)
    outcome = await world.round().run(NOW)
    biases = await told(source)
    assert tuple(biases) == outcome.biases
    assert [bias.symbol for bias in biases] == list(world.symbols)
    for bias in biases:
        assert (bias.source, bias.exchange, bias.direction) == ("kraken-spot", EXCHANGE, BiasDirection.LONG)
        assert (bias.open_time, bias.time, bias.expires_at) == (START - FIVE, START, START + 4 * HOUR)
    assert (outcome.time, outcome.without, outcome.unlisted, outcome.trouble) == (START, {}, {}, "")


async def test_the_id_of_a_message_is_made_of_source_symbol_and_candle():
    world = World(symbols=("BTCUSDT",))
    source = await listen(world)
    for _ in range(2):
        await world.round().run(NOW)
    deliveries = await source.pull()
    ids = {delivery.message.attributes["id"] for delivery in deliveries}
    assert (len(deliveries), ids) == (2, {bias_id("kraken-spot", "BTCUSDT", START - FIVE)})
    assert len({delivery.message.data for delivery in deliveries}) == 1


async def test_while_the_venue_is_away_our_own_candles_are_judged_and_named_and_it_is_asked_once():
    world = World()
    for symbol in world.symbols:
        await world.fill_store(symbol)
    world.venue.errors[""] = Unavailable("cannot reach https://kraken")
    outcome = await world.round().run(NOW)
    assert [(bias.source, bias.direction) for bias in outcome.biases] == [(EXCHANGE, BiasDirection.SHORT)] * 2
    assert outcome.trouble == "cannot reach https://kraken"
    assert world.venue.asked == ["BTCUSDT"]


async def test_a_symbol_that_the_venue_does_not_list_is_no_outage():
    world = World()
    await world.fill_store("BTCUSDT")
    world.venue.errors["BTCUSDT"] = Refused("Kraken lists no XBTUSDT", "not_found")
    outcome = await world.round().run(NOW)
    assert [bias.source for bias in outcome.biases] == [EXCHANGE, "kraken-spot"]
    assert (outcome.unlisted, outcome.trouble) == ({"BTCUSDT": "Kraken lists no XBTUSDT"}, "")


async def test_a_refusal_of_this_address_counts_as_an_outage():
    world = World()
    world.venue.errors[""] = Refused("HTTP 403", "region")
    outcome = await world.round().run(NOW)
    assert (outcome.trouble, outcome.biases) == ("HTTP 403", ())


async def test_a_hole_at_the_venue_is_covered_by_our_own_candles():
    world = World(symbols=("BTCUSDT",))
    world.venue.absent = {START - FIVE}
    await world.fill_store("BTCUSDT")
    assert [bias.source for bias in (await world.round().run(NOW)).biases] == [EXCHANGE]


@pytest.mark.parametrize("venue", [True, False])
async def test_without_a_whole_day_of_candles_nothing_is_published_and_what_lacks_is_counted(venue):
    world = World(symbols=("BTCUSDT",))
    world.venue.absent = {START - FIVE, START - 9 * FIVE}
    await world.fill_store("BTCUSDT", hours=10)
    outcome = await world.round(venue=venue).run(NOW)
    assert outcome.biases == ()
    theirs = "2 of kraken-spot, " if venue else ""
    assert outcome.without == {"BTCUSDT": f"5-minute candles are missing: {theirs}168 of bybit-linear"}
    assert world.bus.backlog(MACRO_BIAS.topic, "nobody").queued == 0


async def test_an_outage_of_the_bus_is_passed_on_to_whoever_repeats_the_round():
    world = World()

    async def away(*_):
        raise Unavailable("the bus is away")

    world.bus.publish = away
    with pytest.raises(Unavailable, match="the bus is away"):
        await world.round().run(NOW)
