#!/usr/bin/env python3
"""Two Gotthard gateways: both IP versions inside and outside, one and two workers, rekeys."""
import time

from lab import Sequence, TwoRegions, Wire, check, iperf3, main, ping


def carry(lab, workers, endpoint6=False):
    regions = TwoRegions(lab, workers=workers, endpoint6=endpoint6)
    wire = Wire(lab, *regions.gateway_namespaces)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2") == 3, "IPv4 pings are lost, the first one too perhaps")
    check(ping(lab, second, "fd01::2") == 3, "IPv6 pings are lost")
    check(ping(lab, regions.gateway_namespaces[0], "172.31.0.2") == 3,
          "the gateways do not reach each other through wg0")
    for reverse in (False, True):
        rate = iperf3(lab, first, second, "10.2.0.2", reverse=reverse)
        check(rate > 20, f"IPv4 TCP carries {rate:.0f} Mbit/s only")
    rate = iperf3(lab, first, second, "fd02::2")
    check(rate > 20, f"IPv6 TCP carries {rate:.0f} Mbit/s only")
    plain, sealed = wire.stop()
    check(plain == 0, f"{plain} plain packets on the underlay:\n{wire.plain_lines()[-2000:]}")
    check(sealed > 1000, f"only {sealed} WireGuard packets were seen on the underlay")
    return regions


def one_worker(lab):
    carry(lab, 1)


def two_workers(lab):
    regions = carry(lab, 2)
    workers = regions.gateways[0].ask("show", "workers")["workers"]
    check(len(workers) == 2, "there are not two workers")


def two_workers_ipv6_underlay(lab):
    carry(lab, 2, endpoint6=True)


def rekey_loses_nothing(lab):
    regions = TwoRegions(lab)
    first, second = regions.hosts
    check(ping(lab, first, "10.2.0.2") == 3, "pings are lost")
    # Both ways: a neighbour that is not resolved yet holds four packets, not a stream.
    check(ping(lab, second, "fd01::2") == 3, "pings are lost")
    there = Sequence(lab, first, second, "10.2.0.2", rate=2000, seconds=12)
    back = Sequence(lab, second, first, "fd01::2", rate=2000, seconds=12)
    ids = set()
    for turn in range(2):
        # Two handshakes with one peer lie at least five seconds apart.
        time.sleep(5.2)
        regions.gateways[turn].call("rekey", "region-2" if turn == 0 else "wg0/region-1")
        time.sleep(0.3)
        ids.add(regions.gateways[0].peer()["session"]["local_id"])
    for direction in (there, back):
        result = direction.result()
        check(result["total"] == 24000 and result["lost_by_gateways"] == 0 and result["duplicated"] == 0,
              f"rekeys under traffic: {result}, {[g.losses() for g in regions.gateways]}")
    check(len(ids) == 2, "the sessions did not change")


main(one_worker, two_workers, two_workers_ipv6_underlay, rekey_loses_nothing)
