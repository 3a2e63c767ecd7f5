"""Two regions whose gateways key ESP by IKEv2."""
from lab import Gateway, check, dataplane, forwarding, host, ports

CONNECTION = """
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.{n}/30"]
[[ipsec.connection]]
name = "region-{other}"
local = {{ address = "192.0.2.{n}", id = "gw{n}.example", psk_file = "ike.psk" }}
remote = {{ address = "{remote}", id = "gw{other}.example" }}
encapsulation = "{encapsulation}"
{more}
[[ipsec.connection.child]]
name = "nets"
local_ts = ["10.{n}.0.0/16", "fd0{n}::/64"]
remote_ts = ["10.{other}.0.0/16", "fd0{other}::/64"]
start_action = "{start}"
{child}
"""


class TwoIkeRegions:
    """host1 - gateway 1 - underlay - gateway 2 - host2; the first gateway begins."""

    SEALED = "ip proto 50 or ip6 proto 50 or udp port 4500 or udp port 500"

    def __init__(self, lab, encapsulation="none", more="", child="", psk=("same", "same"), starts=("start", "none"),
                 remotes=("192.0.2.2", "192.0.2.1"), surroundings=None, **options):
        self.lab = lab
        self.gateway_namespaces = [lab.namespace("gw1"), lab.namespace("gw2")]
        lab.link(self.gateway_namespaces[0], "vwan", self.gateway_namespaces[1], "vwan")
        self.hosts = [host(lab, n, self.gateway_namespaces[n - 1]) for n in (1, 2)]
        self.gateways = []
        for n in (1, 2):
            forwarding(lab, self.gateway_namespaces[n - 1])
            configuration = dataplane(**options) + ports(n) + CONNECTION.format(
                n=n, other=3 - n, remote=remotes[n - 1], encapsulation=encapsulation, more=more, child=child,
                start=starts[n - 1])
            self.gateways.append(Gateway(lab, f"gateway{n}", self.gateway_namespaces[n - 1], configuration,
                                         {"ike.psk": f"{psk[n - 1]} key of the two gateways\n"}))
            self.gateways[-1].surroundings = (surroundings or {}).get(n, self.gateways[-1].surroundings)
            self.gateways[-1].begin()
        for gateway in self.gateways:
            gateway.ready()


def child(gateway):
    found = gateway.ask("show", "children")["children"]
    check(len(found) == 1, f"{found}")
    return found[0]


def connection(gateway):
    found = gateway.ask("show", "connections")["connections"]
    check(len(found) == 1, f"{found}")
    return found[0]


def ike_spi(gateway):
    alive = [sa for sa in connection(gateway)["sas"] if sa["state"] == "established"]
    return alive[0]["initiator_spi"] if alive else None
