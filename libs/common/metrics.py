"""Prometheus metrics of the chassis. Labels come from closed sets: never an id, never a path as it was called."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Histogram(
    "guanxi_http_request_seconds",
    "Time from the request's arrival to the last byte of the answer.",
    ("app", "method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
DENIED = Counter("guanxi_http_denied_total", "Requests refused before they reached a route.", ("status",))
QUEUE_DEPTH = Gauge("guanxi_queue_depth", "How many things wait in a queue of this app's database.", ("queue",))
QUEUE_AGE = Gauge("guanxi_queue_age_seconds", "Age of the oldest thing that waits there.", ("queue",))
PUBLISHED = Counter("guanxi_published_total", "Records sent to Kafka.", ("topic",))
SECTION_LAG = Gauge("guanxi_section_lag_seconds", "Age of a compacted topic's watermark.", ("topic",))
CONSUMED = Counter("guanxi_consumed_total", "Records read from Kafka, by what became of them.", ("outcome",))
CONSUMER_LAG = Gauge(
    "guanxi_consumer_lag", "Records of a partition without an effect yet.", ("group", "topic", "partition")
)
CONSUMER_AGE = Gauge("guanxi_consumer_age_seconds", "Time since a topic was last heard to its end.", ("topic",))
DEAD_LETTERS = Counter("guanxi_dead_letters_total", "Records set aside for a person.", ("topic",))
BROKER_FORGOT = Counter(
    "guanxi_broker_forgot_total", "Times that everything was sent again, since the broker had lost records."
)
LEADER = Gauge("guanxi_leader", "1 where this process runs relay and publishers.")
VIEW_STALENESS = Gauge("guanxi_view_staleness_seconds", "Age of a copy's watermark.", ("topic",))
UPSTREAM_SHUT = Gauge("guanxi_upstream_shut", "1 where a service does not answer.", ("service",))
RECORDS_REFUSED = Counter("guanxi_records_refused_total", "Records that cannot be stored and are left out.", ("topic",))
TASKS = Gauge("guanxi_tasks", "How many things this process is at.")
DATABASE_CONNECTIONS = Gauge(
    "guanxi_database_connections", "Connections of this process's pools: used at this moment, or idle.", ("state",)
)
AUDIT_ALERTS = Counter("guanxi_audit_alerts_total", "Alerts raised over the audit trail.", ("rule",))
