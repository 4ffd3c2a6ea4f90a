"""Lines of recorders in, frames out."""

import pytest

from shared.adapters.wire.frame_lines import frame_of, frames
from shared.adapters.wire.read_report import ReadReport


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ('{"a":1}', '{"a":1}'),
        ('1758841138293664629 {"a":1}', '{"a":1}'),
        ('1618677786.799668: {"a":1}', '{"a":1}'),
        ('  {"cut off', '{"cut off'),
        ("wss://stream.bybit.com/realtime_public <-> 1618677785.48", None),
        ('wss://stream.bybit.com/realtime_public <- 1618677786.46: {"op":"subscribe"}', None),
        ("[1,2]", None),
    ],
)
def test_a_frame_is_found_behind_its_time_of_arrival(line, frame):
    assert frame_of(line) == frame


def test_lines_without_a_frame_are_counted():
    report = ReadReport()
    assert list(frames(["note", "{}", "", "1 {}"], report)) == ["{}", "{}"]
    assert report.skipped == {"text": 1}
