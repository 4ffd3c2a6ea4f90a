import json

from services.sandbox.bybit_refusal import refusal


def test_a_region_block_is_html_and_a_rate_ban_json_though_both_are_403():
    region, rate = refusal("region"), refusal("rate")
    assert (region.status, rate.status) == (403, 403)
    assert "<TITLE>ERROR: The request could not be satisfied</TITLE>" in region.text
    assert json.loads(rate.text)["retCode"] == 10006


def test_the_third_kind_is_451():
    assert refusal("unavailable_for_legal_reasons").status == 451
