#!/usr/bin/env python3
"""IKE and ESP with strongSwan's charon: its own ESP, and the Linux kernel's."""
import time

from authority import Authority
from charon import Cert, Connection, Psk, Stand
from charon_ways import (FULL, WAYS, available, carries, keys, lost_nothing, named, nothing_refused, streams)
from lab import Wire, check, command, forwarding, iperf3, main, ping_at_once, ports, wait_for
from products import pairwise, product, tests_of

def traffic(lab, kind, begins):
    """TCP and pings go through both ways, whoever has begun; nothing leaves in the clear."""
    available(kind)
    connection = Connection()
    stand = Stand(lab, kind, [connection])
    wire = Wire(lab, stand.namespace, stand.far, sealed=Stand.SEALED)
    stand.initiate(connection, begins)
    stand.explained(lambda: carries(lab, stand))
    ipv4, ipv6 = WAYS[0]
    for reverse, address in ((False, ipv4), (True, ipv6), *(((True, ipv4), (False, ipv6)) if FULL else ())):
        speed = iperf3(lab, *stand.hosts, address, seconds=1, reverse=reverse)
        check(speed > 5, f"{speed} Mbit/s to {address}, reverse {reverse}: {stand.losses()}")
    plain, sealed = wire.stop()
    check(plain == 0 and sealed > 100, f"{plain} packets in the clear, {sealed} sealed:\n{wire.plain_lines()}")
    nothing_refused(stand)
    mine, theirs = stand.sa(connection), stand.charon.sa(connection)
    check(mine["role"] == ("initiator" if begins == "gotthard" else "responder"), f"{mine}")
    check(mine["initiator_spi"] == theirs["initiator-spi"], f"{mine} {theirs}")
    inside = stand.child(connection)
    check(inside["encapsulation"] == ("udp" if kind == "libipsec" else "none"), f"{inside}")
    check(int(inside["in_spi"], 16) in [int(c["spi-out"], 16) for c in theirs["children"]], f"{inside} {theirs}")


def authentications():
    """How ends show who they are: of each kind what makes one for an end that is called so."""
    root = Authority("root")

    def certified(kind, how=""):
        return lambda name: Cert(root.issue(name, kind), root, how)

    return {"psk": lambda name: Psk(), "ecdsa": certified("ecdsa"), "rsa": certified("rsa", "rsa-sha256"),
            "rsa-pss": certified("rsa", "rsa/pss-sha256"), "ed25519": certified("ed25519")}


# In words of proposals; each suite of IKE has one of ESP and ends that show who they are.
IKE = {"cipher": ("aes128gcm16", "aes256gcm16", "chacha20poly1305"),
       "prf": ("prfsha256", "prfsha384", "prfsha512"),
       "group": ("x25519", "x448", "ecp256", "ecp384", "ecp521", "modp2048", "modp3072", "modp4096")}
ESP = {"esp": ("aes128gcm16", "aes256gcm16", "chacha20poly1305"),
       "pfs": ("", "-x25519", "-ecp384"),
       "esn": ("-noesn", "-esn")}
ENDS = {"ours": ("psk", "ecdsa", "rsa", "rsa-pss", "ed25519"), "theirs": ("psk", "ecdsa", "rsa", "rsa-pss", "ed25519")}
OUTER = {"IPv4": ("192.0.2.1", "192.0.2.2"), "IPv6": ("2001:db8::1", "2001:db8::2")}


def rows_of(suites):
    """With all of ESP's choices in turn, all pairs of ends, either outer protocol, and either who begins."""
    esp, ends = product(ESP), product(ENDS)
    return [{**suite, **esp[n % len(esp)], **ends[n * 7 % len(ends)], "outer": ("IPv4", "IPv6")[n // 2 % 2],
             "begins": ("gotthard", "charon")[n % 2]} for n, suite in enumerate(suites)]


def with_suite(number, row, made):
    """The connection that a row describes, for networks of its own."""
    return Connection(number, ours=made[row["ours"]](f"gw1-{number}.example"),
                      theirs=made[row["theirs"]](f"gw2-{number}.example"),
                      ike=f"{row['cipher']}-{row['prf']}-{row['group']}", esp=row["esp"] + row["pfs"] + row["esn"],
                      near=("10.1.0.0/24",), far=(f"10.2.{number}.0/24",), addresses=OUTER[row["outer"]])


def pings(lab, stand, numbers, when):
    counts = ping_at_once(lab, *((stand.hosts[0], f"10.2.{n}.1") for n in numbers), count=2)
    bad = {n: count for n, count in zip(numbers, counts) if count != 2}
    check(not bad, f"{when}: of 2 pings are answered, by connection: {bad}; {stand.losses()}")


def suites(lab, kind, rows):
    """Each combination comes up, carries traffic, and does so again after both its SAs are rekeyed.

    The end that has not begun rekeys the child, the other one the IKE SA.
    """
    available(kind)
    made = authentications()
    connections = [with_suite(n, row, made) for n, row in enumerate(rows, 1)]
    stand = Stand(lab, kind, connections,
                  script="".join(f"ip addr add 10.2.{n}.1/24 dev lo\n" for n in range(1, len(rows) + 1)))
    stand.explained(lambda: bring_up(stand, connections, rows))
    pings(lab, stand, range(1, len(rows) + 1), "at first")
    nothing_refused(stand)
    stand.explained(lambda: rekey_all(stand, connections, rows))
    pings(lab, stand, range(1, len(rows) + 1), "after the rekeys")
    nothing_refused(stand)


def begun_by(end, connections, rows):
    return [c for c, row in zip(connections, rows) if row["begins"] == end]


def bring_up(stand, connections, rows):
    for connection in begun_by("gotthard", connections, rows):
        stand.gateway.call("initiate", connection.name)
    stand.charon.initiate(*begun_by("charon", connections, rows))
    stand.wait_until_up(*connections)
    theirs = stand.charon.established()
    for connection, row in zip(connections, rows):
        sa, child, their_sa = stand.sa(connection), stand.child(connection), theirs[connection.name]
        role = "initiator" if row["begins"] == "gotthard" else "responder"
        check((sa["suite"], sa["role"]) == (connection.ike, role), f"{row}: {sa}")
        check(their_sa["initiator-spi"] == sa["initiator_spi"], f"{row}: {sa} {their_sa}")
        check(int(child["out_spi"], 16) in [int(c["spi-in"], 16) for c in their_sa["children"]], f"{row}: {child}")
        esn = [c.get("esn") for c in their_sa["children"]]
        check(esn == (["1"] if row["esn"] == "-esn" else [None]), f"{row}: {their_sa}")


def rekey_all(stand, connections, rows):
    """Children first, then IKE SAs."""
    for of_ike in (False, True):
        before = keys(stand, of_ike)
        for connection in begun_by("gotthard" if of_ike else "charon", connections, rows):
            stand.gateway.call("rekey", connection.name if of_ike else f"{connection.name}/nets")
        stand.charon.rekey(of_ike, *begun_by("charon" if of_ike else "gotthard", connections, rows))
        wait_for(f"new keys of {'IKE' if of_ike else 'children'}",
                 lambda: all(new and new != before[name] for name, new in keys(stand, of_ike).items()))


def rekeys(lab, kind):
    """Both kinds of SA are renewed by either end under load: nothing is lost, counters go on."""
    available(kind)
    connection = Connection(esp="aes256gcm16-x25519" + ("-esn" if kind == "kernel" else ""))
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    carries(lab, stand)
    running = streams(lab, stand, 500, 120)
    sent = 0
    for _ in range(5 if FULL else 2):
        for of_ike, by_charon in ((False, False), (False, True), (True, False), (True, True)):
            before = keys(stand, of_ike)[connection.name]
            if by_charon:
                stand.charon.rekey(of_ike, connection)
            else:
                stand.gateway.call("rekey", connection.name if of_ike else f"{connection.name}/nets")
            stand.explained(lambda: wait_for(
                f"new keys, of IKE: {of_ike}, by charon: {by_charon}",
                lambda: keys(stand, of_ike)[connection.name] not in (None, before)))
            time.sleep(0.2)  # the workers' counts are summed twenty times a second
            now = stand.child(connection)["tx_packets"]
            check(now > sent, f"counters began anew: {now} after {sent}")
            sent = now
    stand.explained(lambda: lost_nothing(stand, running))


# Lifetimes of children and of IKE SAs: of both ends alike, of ours alone, of charon's alone.
TIMES = {"both": (("2s", "4s"), ("2s", "4s")), "gotthard": (("2s", "4s"), ("1h", "4h")),
         "charon": (("1h", "4h"), ("2s", "4s"))}


def by_time(lab, kind, whose):
    """Short lifetimes at one end or at both, where rekeys cross: SAs change many times, and nothing is lost.

    Charon's have some spread: it forgets a child whose time comes while it awaits the answer to a rekey of
    the IKE SA, and that child ends with its life_time only. Nothing ends because a rekey that has crossed
    another is tried again some seconds later.
    """
    available(kind)
    (child, ike), (their_child, their_ike) = TIMES[whose]
    connection = Connection(
        here=f'rekey_time = "{ike}"\nover_time = "1h"', child_here=f'rekey_time = "{child}"\nlife_time = "2h"',
        there=f"rekey_time = {their_ike}\n    rand_time = 1s\n    over_time = 1h",
        child_there=f"rekey_time = {their_child}\n        rand_time = 1s\n        life_time = 2h")
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    carries(lab, stand)
    running = streams(lab, stand, 500, 300)
    children, ikes = set(), set()
    seconds, least_children, least_ikes = (60, 20, 10) if FULL else (7, 3, 2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        children.add(keys(stand, False)[connection.name])
        ikes.add(keys(stand, True)[connection.name])
        time.sleep(0.2)
    stand.explained(lambda: lost_nothing(stand, running))
    stand.explained(lambda: check(len(children - {None}) >= least_children and len(ikes - {None}) >= least_ikes,
                                  f"{len(children)} ESP and {len(ikes)} IKE SAs were seen"))


def router(inner_side):
    """Between the ends, translating; `inner_side`: which of them it hides."""
    def between(lab, near, far):
        name = lab.namespace("nat")
        inside, outside = (near, far) if inner_side == "gotthard" else (far, near)
        lab.link(inside, "vwan", name, "inner")
        lab.link(name, "outer", outside, "vwan")
        for address, device in (("192.168.9.1/24", "inner"), ("192.0.2.9/24", "outer")):
            command("ip", "-n", name, "addr", "add", address, "dev", device)
        forwarding(lab, name)
        lab.inside(name, "nft", "-f", "-", stdin="""
table ip nat {
  chain post {
    type nat hook postrouting priority 100;
    oifname "outer" masquerade
  }
}
""")
    return between


def behind_nat(lab, kind, hidden):
    """The hidden end begins: ESP goes in UDP by itself, rekeys of either end find the way back."""
    available(kind)
    here = hidden == "gotthard"
    connection = Connection(addresses=("192.168.9.2", "192.0.2.2") if here else ("192.0.2.1", "192.168.9.2"),
                            places=("192.0.2.9", "192.0.2.2") if here else ("192.0.2.1", "192.0.2.9"))
    inner = ports(1).replace('"192.0.2.1/24", "2001:db8::1/64"', '"192.168.9.2/24"')
    way = '\n[[route]]\ndestination = "192.0.2.0/24"\nvia = "192.168.9.1"\n'
    stand = Stand(lab, kind, [connection], between=router(hidden), near_ports=inner if here else None,
                  near_more=way if here else "", wan=None if here else "192.168.9.2/24",
                  script="" if here else "ip route add 192.0.2.0/24 via 192.168.9.1",
                  next_hop="192.168.9.1" if here else "192.0.2.9")
    stand.initiate(connection, hidden)
    stand.explained(lambda: carries(lab, stand))
    sa = stand.sa(connection)
    check(sa["nat_here" if here else "nat_there"] and stand.child(connection)["encapsulation"] == "udp", f"{sa}")
    for of_ike in (False, True):
        for by_charon in (False, True):
            before = keys(stand, of_ike)[connection.name]
            if by_charon:
                stand.charon.rekey(of_ike, connection)
            else:
                stand.gateway.call("rekey", connection.name if of_ike else f"{connection.name}/nets")
            stand.explained(lambda: wait_for("new keys", lambda: keys(stand, of_ike)[connection.name]
                                             not in (None, before)))
    stand.explained(lambda: carries(lab, stand))


def long_chains(lab, kind):
    """Certificates of several authorities with much in them go both ways in fragments of IKE, not of IP."""
    available(kind)
    root = Authority("root")
    ends = []
    for end in ("gw1", "gw2"):
        authority = Authority(f"{end} first", root, padding=1500)
        ends.append(Cert(Authority(f"{end} second", authority, padding=1500).issue(f"{end}-1.example"), root))
    connection = Connection(ours=ends[0], theirs=ends[1], here="fragmentation = true", there="fragmentation = yes")
    stand = Stand(lab, kind, [connection])
    fragments = Wire(lab, stand.namespace, stand.far, sealed="ip[6:2] & 0x3fff != 0")
    for begins in ("gotthard", "charon"):
        stand.initiate(connection, begins)
        stand.explained(lambda: carries(lab, stand))
        stand.gateway.call("terminate", connection.name)
        wait_for("the end at charon", lambda: not stand.charon.sas())
    check(fragments.stop()[1] == 0, "IP had to cut packets")
    log = stand.charon.log()
    check("splitting IKE message" in log and "received fragment #5" in log, f"no fragments of IKE:\n{log[-3000:]}")


def without_esn(rows):
    """Which charon's own ESP does not do."""
    return [{**row, "esn": "-noesn"} for row in rows]


def quick():
    """A choice, of at most a minute."""
    yield from tests_of(traffic, [{"kind": "kernel", "begins": "gotthard"}])
    yield named("suites, charon's own ESP", suites, kind="libipsec", rows=without_esn(rows_of(pairwise(IKE))))
    yield named("suites, the kernel's ESP", suites, kind="kernel", rows=rows_of(pairwise(IKE))[:4])
    yield from tests_of(rekeys, [{"kind": "kernel"}])
    yield from tests_of(by_time, [{"kind": "libipsec", "whose": "both"}])
    yield from tests_of(behind_nat, [{"kind": "libipsec", "hidden": "gotthard"}])
    yield from tests_of(long_chains, [{"kind": "libipsec"}])


def full():
    """All of it; suites of IKE are cut into labs of so many connections."""
    kinds = {"kind": ("libipsec", "kernel")}
    yield from tests_of(traffic, product({**kinds, "begins": ("gotthard", "charon")}))
    rows = rows_of(product(IKE))
    for first in range(0, len(rows), 24):
        some = rows[first:first + 24]
        yield named(f"suites from {first}, charon's own ESP", suites, kind="libipsec", rows=without_esn(some))
        yield named(f"suites from {first}, the kernel's ESP", suites, kind="kernel", rows=some)
    yield from tests_of(rekeys, product(kinds))
    yield from tests_of(by_time, product({**kinds, "whose": TIMES}))
    yield from tests_of(behind_nat, product({**kinds, "hidden": ("gotthard", "charon")}))
    yield from tests_of(long_chains, product(kinds))


if __name__ == "__main__":
    main(*(full() if FULL else quick()))
