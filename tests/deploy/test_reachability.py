"""Point 12: who may speak to whom, as NetworkPolicies have it: these edges and no other. (No node here enforces them.)"""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from guanxi.local.settings import APPS
from tests.deploy.rendered import COMPONENT, NAME, PART_OF, deployments, labels_of, resources

NAMESPACE = "guanxi"
SERVICES = [app for app in APPS if app != "gateway"]
Port = tuple[str, int]
"""Protocol and number."""
PORTS = {"public": 8000, "internal": 8001, "management": 8002}


@dataclass(frozen=True)
class Place:
    """A pod, or an address that is none's."""

    name: str
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    namespace: str = NAMESPACE
    namespace_labels: dict[str, str] = field(default_factory=dict, hash=False)
    address: str = ""


def places() -> list[Place]:
    ours = [Place(each["metadata"]["name"], labels_of(each)) for each in deployments()]
    jobs = [each for folder in ("migrate", "topics") for each in resources(folder, "Job")]
    jobs += resources("overlays/prod", "CronJob")
    ours += [Place(f"job {each['metadata']['name']}", labels_of(each)) for each in jobs]
    stores = [Place(f"{app} database", {"guanxi/database": app}) for app in APPS]
    others = [
        Place("names", {"k8s-app": "kube-dns"}, "kube-system", {"kubernetes.io/metadata.name": "kube-system"}),
        Place("prometheus", {}, "observability", {"guanxi/monitoring": ""}),
        Place("collector", {}, "collectors", {"guanxi/collector": ""}),
        Place("channels", {}, "ingress", {"guanxi/channels": ""}),
        Place("a stranger", {}, "elsewhere", {}),
        Place("another pod of the namespace", {"app": "x"}),
    ]
    addresses = {"login": "192.0.2.10", "partner": "198.51.100.7", "intranet": "172.20.1.1", "API server": "10.96.0.1"}
    outside = [Place(name, address=address) for name, address in addresses.items()]
    return [*ours, *stores, Place("kafka", {"guanxi/kafka": ""}), *others, *outside]


def policies() -> list[dict[str, Any]]:
    return [
        policy for folder in ("overlays/prod", "migrate", "topics") for policy in resources(folder, "NetworkPolicy")
    ]


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for wanted in selector.get("matchExpressions", ()):
        value = labels.get(wanted["key"])
        if not (value in wanted["values"] if wanted["operator"] == "In" else value is not None):
            return False
    return True


def is_peer(peer: dict[str, Any], other: Place) -> bool:
    if block := peer.get("ipBlock"):
        whole, *left_out = (ip_network(network) for network in (block["cidr"], *block.get("except", ())))
        return (
            bool(other.address)
            and ip_address(other.address) in whole
            and not any(ip_address(other.address) in network for network in left_out)
        )
    if other.address:
        return False
    here = (
        matches(peer["namespaceSelector"], other.namespace_labels)
        if "namespaceSelector" in peer
        else other.namespace == NAMESPACE
    )
    return here and matches(peer.get("podSelector", {}), other.labels)


def allowed(place: Place, other: Place, direction: str) -> set[Port] | None:
    """None where nobody bounds it."""
    if place.address or place.namespace != NAMESPACE:
        return None
    bound = [p["spec"] for p in policies() if matches(p["spec"]["podSelector"], place.labels)]
    bound = [spec for spec in bound if direction.title() in spec["policyTypes"]]
    if not bound:
        return None
    key = "from" if direction == "ingress" else "to"
    ports = set()
    for rule in [rule for spec in bound for rule in spec.get(direction, ())]:
        if any(is_peer(peer, other) for peer in rule[key]):
            ports |= {(port.get("protocol", "TCP"), PORTS.get(port["port"], port["port"])) for port in rule["ports"]}
    return ports


def edges() -> set[tuple[str, str, Port]]:
    found = set()
    for source in places():
        for target in places():
            if source == target:
                continue
            out = allowed(source, target, "egress")
            into = allowed(target, source, "ingress")
            both = out if into is None else into if out is None else out & into
            found |= {(source.name, target.name, port) for port in both or ()}
    return found


def expected() -> set[tuple[str, str, Port]]:
    told = {("channels", "gateway-app", 8000)}
    told |= {("gateway-app", f"{service}-app", port) for service in SERVICES for port in PORTS.values()}
    told |= {(f"{app}-{part}", f"{app} database", 5432) for app in APPS for part in ("app", "worker")}
    told |= {(f"{app}-worker", "kafka", 9093) for app in APPS}
    told |= {("prometheus", f"{app}-{part}", 8002) for app in APPS for part in ("app", "worker")}
    told |= {(f"job {app}-migrate", f"{app} database", 5432) for app in APPS} | {("job topics", "kafka", 9093)}
    told |= {(f"job {service}-reconcile", f"{service} database", 5432) for service in SERVICES}
    told |= {
        (f"job {service}-reconcile", to, port) for service in SERVICES for to, port in (("kafka", 9093), ("login", 443))
    }
    ours = {f"{app}-{part}" for app in APPS for part in ("app", "worker")}
    told |= {(name, "collector", 4318) for name in ours}
    told |= {(name, "login", 443) for name in ours} | {("gateway-worker", "partner", 443)}
    inside = [place.name for place in places() if place.namespace == NAMESPACE and not place.address]
    return {(source, target, ("TCP", port)) for source, target, port in told} | {
        (name, "names", (protocol, 53)) for name in inside for protocol in ("TCP", "UDP")
    }


def test_these_and_no_others_may_speak() -> None:
    assert edges() == expected()


def test_every_app_and_job_is_bound_both_ways() -> None:
    for place in places():
        if PART_OF in place.labels:
            assert {NAME, COMPONENT} <= set(place.labels)
            for direction in ("ingress", "egress"):
                assert allowed(place, Place("a stranger", {}, "elsewhere"), direction) == set()
