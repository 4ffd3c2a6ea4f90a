"""Every metric of the platform on one page, with its meaning. Labels are few and bounded."""

from prometheus_client import Counter, Gauge, Histogram

# Trades
TRADES_RECEIVED = Counter("tracker_ingestor_trades", "Trades received from the venue", ["exchange"])
FEED_CONNECTED = Gauge("tracker_ingestor_feed_connected", "1 while every subscription is confirmed", ["exchange"])
FEED_RECONNECTS = Counter("tracker_ingestor_feed_reconnects", "Connections that ended", ["exchange"])
FRAMES_IGNORED = Counter("tracker_ingestor_frames_ignored", "Frames that gave no trades", ["exchange", "reason"])
CLOCK_OFFSET = Gauge("tracker_ingestor_clock_offset_seconds", "Local clock minus the venue's", ["exchange"])
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
HEAL_DELAY = Histogram(
    "tracker_backfiller_heal_delay_seconds",
    "From the end of an incomplete candle to its healing",
    buckets=(5, 10, 15, 17, 20, 30, 60, 120, 300, 900, 3600),
)
CANDLES_AUDITED = Counter(
    "tracker_backfiller_candles_audited", "Candles compared with the venue's own: equal, surplus, mismatch", ["verdict"]
)
PARITY = Gauge("tracker_backfiller_parity_ratio", "Share of the audited candles that equal the venue's own")

# Signals
CANDLES_EVALUATED = Counter("tracker_logic_engine_candles_evaluated", "Candles evaluated", ["strategy"])
SIGNALS = Counter("tracker_logic_engine_signals", "Signals", ["strategy", "side", "kind"])
ENTRIES_REFUSED = Counter(
    "tracker_logic_engine_entries_refused", "Entries not made: protected, macro", ["strategy", "refusal"]
)
SIGNALS_REVISED = Counter(
    "tracker_logic_engine_signals_revised", "Signals marked: a candle they were built on has changed", ["strategy"]
)
NOTICES = Counter("tracker_logic_engine_notices", "Lines to the channel about outages of data", ["kind"])
POSITIONS_OPEN = Gauge("tracker_logic_engine_positions_open", "Open positions", ["strategy"])

MACRO_BIASES = Counter("tracker_macro_engine_biases", "Macro biases published", ["source", "direction"])

# People
MESSAGES = Counter("tracker_notifier_messages", "Requests to the chat service", ["method", "result"])
MESSAGES_LATE = Counter("tracker_notifier_messages_late", "Messages and edits that said they were late", ["kind"])
LINES_EXPIRED = Counter("tracker_notifier_lines_expired", "Lines of signals that were too old to be told", ["kind"])
PROBES = Counter(
    "tracker_notifier_probes",
    "Searches for a message whose send had no answer: same, other, absent, unknown; unavailable when one had to wait",
    ["result"],
)
OUTBOX_UNFINISHED = Gauge("tracker_notifier_outbox_unfinished", "Outbox entries that still have something to say")
CHART_SECONDS = Histogram("tracker_notifier_chart_seconds", "From button press to picture sent")

# All services
MESSAGES_REJECTED = Counter("tracker_messages_rejected", "Messages that no consumer can handle", ["topic"])
