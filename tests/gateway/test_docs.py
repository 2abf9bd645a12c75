"""The merged document."""

from gateway.docs import merge


def test_a_service_that_is_away_leaves_the_others_documented() -> None:
    told = {"x-limit": "read", "description": "Counts as `read`."}
    there = {"paths": {"/api/v1/things": {"get": told}}, "components": {"schemas": {"Problem": {}, "Thing": {}}}}
    merged = merge({"there": there, "away": {}}, {"read": "7/second"})
    assert set(merged["paths"]) == {"/api/v1/things"}
    assert "7/second" in merged["paths"]["/api/v1/things"]["get"]["description"]
    assert "Thing" in merged["components"]["schemas"]
    assert merge({}, {})["paths"] == {}
