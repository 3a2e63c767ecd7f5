"""Two regions on this machine, each a host behind a Gotthard gateway, and what happens between them.

  tools/demo [--keep] [--hugepages] [--ipsec]

--ipsec sends it through ESP, with keys by IKEv2, instead of through WireGuard.
--keep leaves it up until Enter or Ctrl-C and says how to play with it. Exit status 0 only if all of
the table's lines happened. Nothing is left behind.
"""
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "interop"))

from ike_regions import TwoIkeRegions, child, connection, ike_spi  # noqa: E402
from lab import Lab, Sequence, TwoRegions, Wire, iperf3, ping, wait_for  # noqa: E402
from programs import ENDINGS, Failed, end, start  # noqa: E402

PROGRAMS = ("gotthard", "gotthard-dataplane", "gotthard-control", "tests/seqtraffic")


def build():
    known = []
    try:
        start(known, ROOT / "tools" / "build", *PROGRAMS, stdout=subprocess.DEVNULL)
        if known[0].wait() != 0:
            sys.exit("tools/demo: the build failed: run tools/build to see why")
    finally:
        for process in known:
            end(process)


class Story:
    """What happened, line by line."""

    def __init__(self):
        self.rows = []

    def tell(self, what, finding, good):
        self.rows.append((what, finding, good))
        print(f"  {'ok' if good else 'NO':3} {what}: {finding}", flush=True)

    def table(self):
        widths = [max(len(row[i]) for row in self.rows) for i in (0, 1)]
        rule = "-" * (sum(widths) + 9)
        lines = [rule]
        for what, finding, good in self.rows:
            lines.append(f"{what:<{widths[0]}}  {finding:<{widths[1]}}  {'yes' if good else 'NO'}")
        return "\n".join([*lines, rule])

    def all_good(self):
        return bool(self.rows) and all(good for *_, good in self.rows)


def play(lab, story, hugepages):
    print("Two regions: host1 - gateway1 - underlay - gateway2 - host2")
    regions = TwoRegions(lab, hugepages="auto" if hugepages else "never")
    gateway = regions.gateways[0]
    runtime = gateway.ask("show", "runtime")["dataplane"]
    story.tell("both gateways are up", f"DPDK {runtime['dpdk'].removeprefix('DPDK ')}, AEAD by "
               f"{runtime['aead']}, memory: {runtime['memory']}", True)
    first, second = regions.hosts
    wire = Wire(lab, *regions.gateway_namespaces)
    for name, address in (("IPv4", "10.2.0.2"), ("IPv6", "fd02::2")):
        count = ping(lab, first, address, count=5)
        story.tell(f"ping over {name}", f"{count} of 5 answered, the handshake's packet among them"
                   if count == 5 else f"{count} of 5 answered", count == 5)
    for direction, reverse in (("host1 to host2", False), ("host2 to host1", True)):
        rate = iperf3(lab, first, second, "10.2.0.2", reverse=reverse)
        story.tell(f"iperf3 TCP, {direction}", f"{rate:.0f} Mbit/s", rate > 20)
    before = gateway.peer()["session"]["local_id"]
    traffic = Sequence(lab, first, second, "10.2.0.2", rate=1000, seconds=8)
    time.sleep(5.2)  # a peer accepts new keys every five seconds at the most
    gateway.call("rekey", "wg0/region-2")
    result = traffic.result()
    after = gateway.peer()["session"]["local_id"]
    story.tell("rekey under traffic", f"session {before} became {after}", before != after)
    story.tell("packets lost in it", f"{result['lost_by_gateways']} of {result['total']}"
               + (f", {result['lost_by_test_ports']} more by the demo's own ports"
                  if result["lost_by_test_ports"] else ""),
               result["lost_by_gateways"] == 0 and result["total"] > 0)
    plain, sealed = wire.stop()
    story.tell("on the wire", f"{sealed} WireGuard packets, {plain} plain", plain == 0 and sealed > 0)
    return regions


def play_ipsec(lab, story, hugepages):
    print("Two regions, ESP between them: host1 - gateway1 - underlay - gateway2 - host2")
    regions = TwoIkeRegions(lab, hugepages="auto" if hugepages else "never")
    gateway = regions.gateways[0]
    wait_for("the child", lambda: child(gateway)["established"], seconds=20)
    keyed, sa = child(gateway), connection(gateway)["sas"][0]
    story.tell("IKE has made keys", f"{sa['suite']}, with {sa['remote_id']}", sa["state"] == "established")
    story.tell("both gateways are up", f"{keyed['suite']}, SPI {keyed['in_spi']} in, {keyed['out_spi']} out", True)
    first, second = regions.hosts
    wire = Wire(lab, *regions.gateway_namespaces, sealed=regions.SEALED)
    for name, address in (("IPv4", "10.2.0.2"), ("IPv6", "fd02::2")):
        count = ping(lab, first, address, count=5)
        story.tell(f"ping over {name}", f"{count} of 5 answered", count == 5)
    for direction, reverse in (("host1 to host2", False), ("host2 to host1", True)):
        rate = iperf3(lab, first, second, "10.2.0.2", reverse=reverse)
        story.tell(f"iperf3 TCP, {direction}", f"{rate:.0f} Mbit/s", rate > 20)
    traffic = Sequence(lab, first, second, "10.2.0.2", rate=1000, seconds=4)
    ike = ike_spi(gateway)
    for name in ("region-2/nets", "region-2"):
        time.sleep(1)
        gateway.call("rekey", name)
    result = traffic.result()
    story.tell("new ESP keys under traffic", f"SPI {keyed['in_spi']} in became {child(gateway)['in_spi']}",
               keyed["in_spi"] != child(gateway)["in_spi"])
    story.tell("a new IKE SA too", f"{ike} became {ike_spi(gateway)}", ike_spi(gateway) not in (None, ike))
    story.tell("packets lost in it", f"{result['lost_by_gateways']} of {result['total']}"
               + (f", {result['lost_by_test_ports']} more by the demo's own ports"
                  if result["lost_by_test_ports"] else ""),
               result["lost_by_gateways"] == 0 and result["total"] > 0)
    stages = {s["stage"]: s["packets"] for w in gateway.ask("show", "workers")["workers"] for s in w["stages"]}
    story.tell("stages", f"{stages['esp_encap']} packets sealed, {stages['esp_decap']} opened, "
               f"{stages['wg_encap']} by WireGuard", stages["esp_encap"] > 0 and stages["esp_decap"] > 0)
    plain, sealed = wire.stop()
    story.tell("on the wire", f"{sealed} packets of ESP and IKE, {plain} plain", plain == 0 and sealed > 0)
    return regions


def keep(regions):
    gateway = regions.gateways[0]
    run = f"{ROOT}/build/gotthard --run-dir {gateway.run_dir}"
    print(f"""
It stays up. In another terminal, as root:
  {run} show peers                # also connections, children, ports, workers, drops, runtime; --json
  {run} rekey region-2            # and diagnose region-2
  ip netns exec {regions.hosts[0]} ping 10.2.0.2
  ip netns exec {regions.hosts[1]} iperf3 -s       # and in host1: iperf3 -c 10.2.0.2
  ip netns exec {regions.gateway_namespaces[0]} tcpdump -ni vwan     # the underlay
Enter or Ctrl-C ends it.""")
    try:
        sys.stdin.readline()
    except SystemExit:  # the signal's
        pass


def main():
    for word in sys.argv[1:]:
        if word not in ("--keep", "--hugepages", "--ipsec"):
            sys.exit(__doc__ if word in ("-h", "--help") else f"tools/demo: there is no option {word}")
    if os.geteuid() != 0:
        sys.exit("tools/demo: run as root: it makes network namespaces")
    ENDINGS.catch()
    build()
    lab = Lab()
    story = Story()
    try:
        regions = (play_ipsec if "--ipsec" in sys.argv else play)(lab, story, "--hugepages" in sys.argv)
        print("\nWhat happened\n" + story.table())
        if "--keep" in sys.argv and story.all_good():
            keep(regions)
    except (Failed, subprocess.TimeoutExpired) as failed:
        story.tell("the demo", str(failed), False)
        for gateway in lab.gateways:
            print(f"--- {gateway.name}\n{gateway.log_text()[-3000:]}")
    finally:
        lab.close()
    return 0 if story.all_good() else 1


if __name__ == "__main__":
    sys.exit(main())
