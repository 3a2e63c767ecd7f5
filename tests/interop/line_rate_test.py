#!/usr/bin/env python3
"""gotthard-perf line-rate: through two gateways over memif, and through devices that do wrong."""
import contextlib
import json
import os
import signal
import socket
import threading

from frames import ETH_P_ALL, socket_in
from lab import BUILD, check, main, wait_for
from memif_regions import MemifRegions

SHORT = {"seconds": 0.2, "first_seconds": 0.1, "precision": 0.25, "most_trials": 25, "max_rate": 200000}
PERF = BUILD / "gotthard-perf"


def run(lab, namespace, file, *options, status=0):
    """What it says: the object, or why it failed; and its warnings."""
    process = lab.start(namespace, PERF, "line-rate", file, "--json", *options)
    output, errors = (text.decode() for text in process.communicate(timeout=120))
    check(process.returncode == status, f"line-rate ended with {process.returncode}: {output[-500:]}{errors[-1500:]}")
    return (json.loads(output) if status == 0 else None), errors


def rate(end):
    return end["packets_per_second"] if end else 0


def sensible(result):
    mrr, ndr, pdr = (result[goal] for goal in ("mrr", "ndr", "pdr"))
    check(rate(mrr) > 0 and mrr["gbit_per_second"] > 0, f"nothing was received: {mrr}")
    check(0 < rate(ndr["lower"]) <= rate(pdr["lower"]), f"no loss at {ndr}, half a percent at {pdr}")
    # One trial is short, and what others do on this machine is in each.
    check(rate(ndr["lower"]) <= 10 * rate(mrr), f"{ndr} without loss, and at most {mrr}")
    for interval in (ndr, pdr):
        check(interval["upper"] is None or rate(interval["lower"]) < rate(interval["upper"]), f"{interval}")
        check(interval["limit"] in ("device", "port", "generator", "max_rate", "trials"), f"{interval}")
        check(interval["confirmed"] in (True, False), f"{interval}")
    for trial in result["trials"]:
        check(trial["duplicates"] == 0, f"there are duplicates: {trial}")
        check(trial["planned"] == trial["sent"] + trial["unsent"], f"{trial}")
        check(trial["sent"] == trial["received"] + trial["lost"], f"{trial}")
        check(len(trial["directions"]) == 2, f"{trial}")


def carry(lab, regions, flows, number, sizes):
    file = regions.generator(flows, **SHORT)
    said, errors = run(lab, regions.tester, file, "--sizes", ",".join(sizes))
    check(said["flows"] == 2 * number and said["directions"] == "both" and not said["warnings"], f"{said}, {errors}")
    check([str(r["size"]) for r in said["results"]] == list(sizes), f"sizes: {said['results']}")
    for result in said["results"]:
        sensible(result)
    return file


def data_plane_returns(gateway):
    """Its sockets were left behind, and the gateway at the other end of the underlay is a server."""
    old = gateway.child("gotthard-dataplane")
    os.kill(old, signal.SIGKILL)
    wait_for("a new data plane", lambda: gateway.replaced("gotthard-dataplane", old))
    gateway.wait()


def through_wireguard(lab):
    """Three tunnels, IPv4 and IPv6. Then a data plane and the generator come again."""
    regions = MemifRegions(lab, tunnels=3)
    flows = [("10.1.0.2/24", "10.2.0.2/24", "tunnels = 3", "count = 2"), ("fd01::2", "fd02::2")]
    file = carry(lab, regions, flows, 7, ("100", "1518"))
    data_plane_returns(regions.gateways[1])
    said, _ = run(lab, regions.tester, file, "--sizes", "512", "--loss-ratios", "0.1", "--max-rate", "2000",
                  "--directions", "back")
    check(said["flows"] == 7 and said["results"][0]["loss_0.1"]["lower"] is not None, f"{said['results']}")


def through_esp(lab):
    regions = MemifRegions(lab, "esp")
    carry(lab, regions, [("10.1.0.2", "10.2.0.2"), ("10.1.0.3", "10.2.0.3")], 2, ("64", "imix"))


def losses_are_seen(lab):
    """Gateway 2 does not take from its peer what one of two flows sends."""
    regions = MemifRegions(lab)
    file = regions.generator([("10.1.0.2", "10.2.0.2"), ("10.1.7.2", "10.2.0.3")], patience=3,
                             directions='"forward"', **{**SHORT, "max_rate": 5000})
    said, errors = run(lab, regions.tester, file, "--sizes", "128")
    check("of 2 flows only 1 come through; not, for one, 10.1.7.2 to 10.2.0.3" in errors, errors)
    result = said["results"][0]
    check(0.45 < result["mrr"]["device_loss_ratio"] < 1, f"{result['mrr']}")
    check(result["ndr"]["lower"] is None and result["pdr"]["lower"] is None, f"{result['ndr']}, {result['pdr']}")
    check(result["ndr"]["limit"] == "device", f"{result['ndr']}")
    dropped = regions.gateways[1].drops()["wg_source_denied"]
    check(dropped > 0, f"gateway 2 dropped {regions.gateways[1].losses()}")


class Wrong(threading.Thread):
    """A device behind one port that sends all back to it, after `change`, given a frame and its number."""

    def __init__(self, lab, change, name="wrong"):
        super().__init__(daemon=True)
        self.change = change
        self.namespace = lab.namespace(name)
        lab.link(self.namespace, "vtest", self.namespace, "vdut")
        self.socket = socket_in(self.namespace, socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("vdut", ETH_P_ALL))
        self.socket.settimeout(0.2)
        self.file = lab.directory / f"{name}.toml"
        self.file.write_text("""
[generator]
hugepages = "never"
[[port]]
name = "a"
device = "net_af_packet0,iface=vtest"
mac = "02:00:00:00:03:01"
gateway_mac = "02:00:00:00:03:02"
[[flow]]
from = "a"
to = "a"
source = "10.1.0.2"
destination = "10.2.0.2"
[trial]
seconds = 0.5
directions = "forward"
max_rate = 1000
min_rate = 100
sizes = [128]
loss_ratios = [0, 0.3]
precision = 0.3
""")
        self.ended = False
        self.start()

    def run(self):
        number = 0
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                frame, address = self.socket.recvfrom(2048)
                if address[2] != socket.PACKET_OUTGOING and frame[12:14] == b"\x08\x00":
                    for changed in self.change(number, frame[6:12] + frame[:6] + frame[12:]):
                        self.socket.send(changed)
                    number += 1

    def end(self):
        self.ended = True
        self.join()
        self.socket.close()


def losses_doubles_and_disorder_are_told_apart(lab):
    held = []

    def change(number, frame):
        place = number % 10
        if place == 3:
            held.append(frame)
            return []
        return {4: [frame, *held[-1:]], 7: [frame, frame], 9: []}.get(place, [frame])

    device = Wrong(lab, change)
    try:
        said, _ = run(lab, device.namespace, device.file)
    finally:
        device.end()
    result = said["results"][0]
    trial = result["trials"][0]
    tenth = trial["sent"] / 10
    for what in ("lost", "duplicates", "reordered"):
        check(abs(trial[what] - tenth) <= 3 + tenth / 3, f"of {trial['sent']} {what} are {trial[what]}")
    check(result["ndr"]["lower"] is None and rate(result["loss_0.3"]["lower"]) == 1000, f"{result}")


def what_must_not_be_voids_the_run(lab):
    """Bytes that were changed, and frames that nobody sent."""
    def corrupt(number, frame):
        return [frame[:-1] + bytes([frame[-1] ^ 1]) if number == 300 else frame]

    def invent(number, frame):
        return [frame, frame[:42] + bytes(len(frame) - 42)] if number == 300 else [frame]

    for change, found in ((corrupt, "corrupt"), (invent, "foreign")):
        device = Wrong(lab, change, found)
        try:
            _, errors = run(lab, device.namespace, device.file, status=1)
        finally:
            device.end()
        check("the run is void" in errors and f"port 'a': {found} frame of 124 bytes" in errors, errors)


main(through_wireguard, through_esp, losses_are_seen, losses_doubles_and_disorder_are_told_apart,
     what_must_not_be_voids_the_run)
