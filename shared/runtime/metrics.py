"""Every metric of the platform on one page, with its meaning. Labels are few and bounded."""

from prometheus_client import Counter, Gauge, Histogram

# Trades
TRADES_RECEIVED = Counter("tracker_ingestor_trades", "Trades received from the venue", ["exchange"])
FEED_CONNECTED = Gauge("tracker_ingestor_feed_connected", "1 while every subscription is confirmed", ["exchange"])
FEED_RECONNECTS = Counter("tracker_ingestor_feed_reconnects", "Connections that ended", ["exchange"])
PACKS_PUBLISHED = Counter("tracker_ingestor_packs_published", "Packs on the bus", ["exchange"])

# Candles
CANDLES_CLOSED = Counter("tracker_aggregator_candles_closed", "Candles closed", ["complete"])
CANDLES_REVISED = Counter("tracker_aggregator_candles_revised", "Candles revised by late trades")
TRADES_LATE = Counter("tracker_aggregator_trades_late", "Trades later than the grace", ["fate"])
TRADES_DUPLICATE = Counter("tracker_aggregator_trades_duplicate", "Trades seen before")
PACKS_HELD = Gauge("tracker_aggregator_packs_held", "Packs not yet acknowledged")
CLOSE_DELAY = Histogram(
    "tracker_aggregator_close_delay_seconds",
    "From a candle's end to its closing",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60),
)
CANDLES_HEALED = Counter("tracker_backfiller_candles_healed", "Candles taken from the venue's own klines")

# Signals
CANDLES_EVALUATED = Counter("tracker_logic_engine_candles_evaluated", "Candles evaluated", ["strategy"])
SIGNALS = Counter("tracker_logic_engine_signals", "Signals", ["strategy", "side", "kind"])
POSITIONS_OPEN = Gauge("tracker_logic_engine_positions_open", "Open positions", ["strategy"])

# People
MESSAGES = Counter("tracker_notifier_messages", "Requests to the chat service", ["method", "result"])
OUTBOX_UNFINISHED = Gauge("tracker_notifier_outbox_unfinished", "Outbox entries that still have something to say")
CHART_SECONDS = Histogram("tracker_notifier_chart_seconds", "From button press to picture sent")

# All services
MESSAGES_REJECTED = Counter("tracker_messages_rejected", "Messages that no consumer can handle", ["topic"])
