"""The alert policies: what a person must hear of, asked for in the words that the platform really logs."""

import json
import re
from pathlib import Path

from services.cli import run
from shared.runtime import host
from tests.infra.declared import resources


def filters(type_):
    return {name: body["filter"].replace('\\"', '"') for name, body in resources(type_).items()}


def test_each_policy_tells_somebody():
    for name, body in resources("google_monitoring_alert_policy").items():
        assert body["notification_channels"] == ["${google_monitoring_notification_channel.email.name}"], name
        assert body["documentation"][0]["content"], name


def test_stale_data_dead_letters_and_crash_loops_are_watched():
    policies = {name: json.dumps(body) for name, body in resources("google_monitoring_alert_policy").items()}
    assert "condition_absent" in policies["stale"]
    assert resources("google_monitoring_alert_policy")["stale"]["for_each"] == "${local.steady_topics}"
    assert "oldest_unacked_message_age" in policies["behind"]
    assert "num_undelivered_messages" in policies["dead_letters"]
    assert {"google_logging_metric.starts", "google_logging_metric.failures"} <= set(
        re.findall(r"google_logging_metric\.\w+", policies["crash_loop"])
    )


def test_a_start_is_counted_by_the_line_that_a_start_prints():
    [pattern] = re.findall(r'textPayload=~"([^"]+)"', filters("google_logging_metric")["starts"])
    source = Path(run.__file__).read_text(encoding="utf-8")
    [line] = re.findall(r'click\.echo\(f"(running [^"]+)"', source)
    printed = line.replace("{', '.join(names)}", "aggregator, logic_engine").replace("{address}", "http://0.0.0.0:8080")
    assert re.search(pattern, printed)


def test_a_failure_is_counted_by_the_event_that_the_host_logs():
    source = Path(host.__file__).read_text(encoding="utf-8")
    events = re.findall(r'"(service [a-z]+)"', filters("google_logging_metric")["failures"])
    assert events == ["service failed", "service ended"]
    for event in events:
        assert re.search(rf'logger\.\w+\("{event}", extra={{"service"', source)
