#!/usr/bin/env python3
"""source_ports: flows spread over outer source ports, each keeps to one and keeps its order."""
import re

from lab import Sequence, TwoRegions, check, faultless, main, ping_at_once, wait_for

PORTS = range(51820, 51820 + 16)
FLOWS = 64


class Sources:
    """Data packets by source port, as they arrive at a namespace's underlay device."""

    def __init__(self, lab, namespace, sender):
        self.file = lab.directory / f"sources-{namespace}-{len(lab.processes)}"
        # Longer than keepalives and handshake messages.
        self.process = lab.start(namespace, "tcpdump", "-p", "-n", "-l", "--immediate-mode", "-Q", "in", "-i",
                                 "vwan", f"udp and src {sender} and greater 220", output=self.file)
        wait_for("tcpdump", lambda: "listening on" in self.text())

    def text(self):
        return self.file.read_text(errors="replace")

    def stop(self):
        """How many packets from each port."""
        self.process.terminate()
        self.process.wait(10)
        found = re.findall(r"IP \S+\.(\d+) > ", self.text())
        return {int(port): found.count(port) for port in set(found)}


def spread(lab):
    """Both ways with two workers; the other end, too, spreads what came from many ports over its workers."""
    regions = TwoRegions(lab, workers=2, start=False)
    for gateway in regions.gateways:
        text = gateway.file.read_text()
        gateway.file.write_text(text.replace("listen_port = 51820\n", "listen_port = 51820\nsource_ports = 16\n"))
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    one, two = regions.hosts
    check(ping_at_once(lab, (one, "10.2.0.2"), (two, "fd01::2")) == [3, 3], "the tunnel does not work")
    sources = Sources(lab, regions.gateway_namespaces[1], "192.0.2.1")
    before = received(regions.gateways[1])
    stream = Sequence(lab, one, two, "10.2.0.2", 1000, 3, size=200, flows=FLOWS)
    back = Sequence(lab, two, one, "fd01::2", 1000, 3, size=200, flows=FLOWS)
    for direction in (stream, back):
        lost_nothing(direction.result(), regions)
    seen = sources.stop()
    check(len(seen) >= 12 and set(seen) <= set(PORTS), f"{FLOWS} flows left by ports {seen}")
    check(max(seen.values()) < 3000 / 4, f"a port carries too many of {FLOWS} flows: {seen}")
    both = [now - then for now, then in zip(received(regions.gateways[1]), before)]
    check(min(both) > 0.1 * sum(both), f"what the peer's workers received: {both}")
    # One flow has one port.
    sources = Sources(lab, regions.gateway_namespaces[1], "192.0.2.1")
    lost_nothing(Sequence(lab, one, two, "10.2.0.2", 500, 1, size=200).result(), regions)
    seen = sources.stop()
    check(len(seen) == 1 and sum(seen.values()) == 500, f"one flow left by ports {seen}")
    # And the peers agree where they are, whatever port was the last to come.
    for number, gateway in enumerate(regions.gateways, 1):
        check(gateway.peer()["endpoint"] == f"192.0.2.{3 - number}:51820", f"{gateway.peer()}")


def received(gateway):
    return [worker["rx_packets"] for worker in gateway.ask("show", "workers")["workers"]]


def lost_nothing(result, regions):
    check(faultless(result), f"{result}, {[g.losses() for g in regions.gateways]}")


if __name__ == "__main__":
    main(spread)
