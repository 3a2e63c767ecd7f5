#!/usr/bin/env python3
"""What goes wrong with strongSwan's charon at the other end, and what Gotthard says of it."""
import os
import re
import signal
import time

from authority import Authority
from charon import Cert, Connection, Psk, Stand
from charon_ways import FULL, WAYS, available, carries, keys, lost_nothing, streams
from ike_flood import SOURCES, Flood
from lab import answers, check, command, main, wait_for
from products import product, tests_of


def ends(lab, kind):
    """Either end deletes a child or the whole: the other one knows at once; close_action has its way."""
    available(kind)
    connection = Connection()
    returning = Connection(2, near=("10.1.0.0/16",), far=("10.3.0.0/24",), child_here='close_action = "start"')
    stand = Stand(lab, kind, [connection, returning], script="ip addr add 10.3.0.1/24 dev lo")
    for of_ike in (False, True):
        for by_charon in (False, True):
            stand.initiate(connection, "charon" if by_charon else "gotthard")
            if by_charon:
                stand.charon.terminate(of_ike, connection)
            else:
                stand.gateway.call("terminate", connection.name if of_ike else f"{connection.name}/nets")
            what = f"the end of {'the IKE SA' if of_ike else 'the child'}, by charon: {by_charon}"
            wait_for(what, lambda: not stand.child(connection)["established"])
            wait_for(what, lambda: bool(stand.sas(connection)) != of_ike)
            wait_for(what, lambda: [sa["children"] for sa in stand.charon.sas()] == ([] if of_ike else [[]]))
            check(answers(lab, stand.hosts[0], WAYS[0][0], 1) == 0, f"{what}: something came through")
    stand.initiate(connection)
    stand.explained(lambda: carries(lab, stand))
    stand.initiate(returning)
    before = keys(stand, False)
    stand.charon.terminate(True, returning)
    stand.wait_until_up(returning)
    wait_for("another child", lambda: keys(stand, False)["c2"] not in (None, before["c2"]))
    check(keys(stand, False)["c1"] == before["c1"], "the other connection has changed")


def charon_dies(lab, kind):
    """It comes back and begins: what was there before is replaced at once (INITIAL_CONTACT)."""
    available(kind)
    connection = Connection()
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    before = stand.sa(connection)["initiator_spi"]
    stand.charon.kill()
    stand.charon.begin()
    stand.charon.initiate(connection)
    wait_for("the new IKE SA alone", lambda: keys(stand, True)["c1"] not in (None, before))
    stand.explained(lambda: carries(lab, stand))


def dead_peer(lab, kind, action):
    """Charon dies and stays silent until it is there again: dpd_action says what becomes of the child."""
    available(kind)
    connection = Connection(here='dpd_delay = "2s"', child_here=f'dpd_action = "{action}"')
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    carries(lab, stand)
    stand.charon.kill()
    wait_for("the end of the dead peer's SA", lambda: not stand.child(connection)["established"], 150)
    told = stand.told(connection)
    check(told["cause"] == "no_reply" and "UDP 500 or 4500" in told["advice"], f"{told}")
    stand.charon.begin()
    if action == "restart":
        wait_for("the return", lambda: stand.child(connection)["established"], 60)
    elif action == "trap":
        wait_for("the return", lambda: answers(lab, stand.hosts[0], WAYS[0][0], 1) == 1, 60)
    else:
        time.sleep(10)
        check(not stand.child(connection)["established"], f"{stand.child(connection)}")
        return
    stand.explained(lambda: carries(lab, stand))


class Fault:
    """Something that is wrong between the ends, and what Gotthard has to say of it.

    `initiator` is the cause when Gotthard begins, `responder` when charon does; None: it is not tried.
    """

    def __init__(self, name, initiator, responder, **connection):
        self.name, self.causes, self.connection = name, {"gotthard": initiator, "charon": responder}, connection


def faults():
    root, other = Authority("root"), Authority("another root")
    us, them, revoked = root.issue("gw1.example"), root.issue("gw2.example"), root.issue("revoked.example")
    listed = root.revocations(revoked)

    def named(credential, **more):
        return Cert(credential, root, **more)

    ours, theirs = {"our_id": "gw1.example"}, {"their_id": "gw2.example"}
    weak = "aes128gcm16-prfsha256-ecp256"
    return [
        Fault("wrong PSK", "authentication_refused", "psk_mismatch", their_psk="what the other one has not"),
        Fault("an identity that nobody has", "authentication_refused", "no_connection_for_identity",
              expected="somebody.example"),
        Fault("a name that does not fit", "wrong_identity", "no_connection_for_identity", expected="*.other.example"),
        Fault("our certificate expired", "authentication_refused", "authentication_refused",
              ours=named(root.issue("gw1.example", days=(-20, -10))), theirs=Psk(), **ours),
        Fault("its certificate expired", "certificate_expired", "certificate_expired", ours=named(us),
              theirs=named(root.issue("gw2.example", days=(-20, -10))), **ours, **theirs),
        Fault("its certificate is of tomorrow", "certificate_not_yet_valid", "certificate_not_yet_valid",
              ours=named(us), theirs=named(root.issue("gw2.example", days=(5, 10))), **ours, **theirs),
        Fault("our certificate revoked", "authentication_refused", "authentication_refused",
              ours=named(revoked, revoked=listed), theirs=Psk(), our_id="revoked.example"),
        Fault("its certificate revoked", "certificate_revoked", "certificate_revoked", ours=named(us),
              theirs=named(revoked, revoked=listed), their_id="revoked.example", **ours),
        Fault("another authority", "unknown_issuer", "unknown_issuer", ours=Psk(),
              theirs=Cert(other.issue("gw2.example"), root), **theirs),
        Fault("a certificate of somebody else", "identity_not_in_certificate", "identity_not_in_certificate",
              ours=Psk(), theirs=named(them), their_id="O=Gotthard's tests, CN=elsewhere"),
        Fault("a key where a certificate is due", "method_not_accepted", "method_not_accepted", ours=Psk(),
              theirs=named(them), shown=Psk(), **theirs),
        Fault("no common proposal", "no_common_proposal", "no_common_proposal", their_ike=weak),
        Fault("no common ESP proposal", "no_common_child_proposal", "no_common_child_proposal",
              their_esp="chacha20poly1305"),
        Fault("other networks", "ts_unacceptable", "ts_unacceptable", their_near=("10.77.0.0/16",)),
    ]


def failures(lab, kind):
    """What goes wrong is named by Gotthard, with what to do, whichever end begins; and nothing comes up.

    Each fault and each beginner has addresses of its own.
    """
    available(kind)
    tried = [(fault, begins) for fault in faults() for begins in ("gotthard", "charon") if fault.causes[begins]]
    connections = [Connection(n, addresses=("192.0.2.1", f"192.0.2.{100 + n}"), near=("10.1.0.0/24",),
                              far=(f"10.2.{n}.0/24",), **fault.connection) for n, (fault, _) in enumerate(tried, 1)]
    good = Connection(99, far=("10.2.0.0/24", "fd02::/64"))
    addresses = "".join(f"ip addr add {c.addresses[1]}/24 dev {{wan}}\nip addr add {c.far[0].replace('.0/', '.1/')} "
                        "dev lo\n" for c in connections)
    stand = Stand(lab, kind, [*connections, good], script=addresses)
    for connection, (_, begins) in zip(connections, tried):
        if begins == "gotthard":
            stand.gateway.call("initiate", connection.name)
    stand.charon.initiate(*(c for c, (_, begins) in zip(connections, tried) if begins == "charon"), fails=True)
    wrong = []
    for connection, (fault, begins) in zip(connections, tried):
        told = stand.told(connection)
        deadline = time.monotonic() + 3
        while told["cause"] != fault.causes[begins] and time.monotonic() < deadline:
            time.sleep(0.1)
            told = stand.told(connection)
        if told["cause"] != fault.causes[begins] or not told["advice"]:
            wrong.append(f"{connection.name} {fault.name}, begun by {begins}: not {fault.causes[begins]}: {told}")
        if stand.child(connection)["established"]:
            wrong.append(f"{connection.name} {fault.name}, begun by {begins}: it came up")
    stand.explained(lambda: check(not wrong, "\n".join(wrong)))
    text = {fault.name: stand.told(c)["text"] for c, (fault, begins) in zip(connections, tried) if begins == "charon"}
    check("ours aes256gcm16-prfsha384-x25519; theirs aes128gcm16-prfsha256-ecp256" in text["no common proposal"],
          f"{text}")
    check(all(word in text["no common ESP proposal"] for word in ("aes256gcm16", "chacha20poly1305")), f"{text}")
    check(re.search(r"20\d\d-\d\d-\d\d", text["its certificate expired"]), f"no date: {text}")
    check("pre-shared key" in stand.gateway.call("diagnose", connections[1].name), "no advice for people")
    stand.initiate(good)
    stand.explained(lambda: carries(lab, stand))


def pfs_mismatch(lab, kind):
    """Seen by the first rekey only: whoever asks is told, the child that serves goes on, nothing is lost."""
    available(kind)
    connection = Connection(esp="aes256gcm16-x25519", their_esp="aes256gcm16-ecp384")
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    before = keys(stand, False)
    running = streams(lab, stand, 500, 60)
    stand.gateway.call("rekey", f"{connection.name}/nets")
    wait_for("the refusal", lambda: stand.told(connection)["cause"] == "no_common_child_proposal")
    attempts = stand.told(connection)["attempts"][-1]["times"]
    stand.charon.rekey(False, connection, fails=True)
    wait_for("the refusal of charon's", lambda: "theirs aes256gcm16-ecp384" in stand.told(connection)["text"])
    time.sleep(0.5)
    check(keys(stand, False) == before, f"another child after {attempts}")
    stand.explained(lambda: lost_nothing(stand, running))


def blocked(lab, kind):
    """UDP 500, or 4500 behind it, does not come through: no reply, and what to look at."""
    available(kind)
    connections = [Connection(n, addresses=("192.0.2.1", f"192.0.2.{100 + n}"), near=("10.1.0.0/24",),
                              far=(f"10.2.{n}.0/24",), encapsulation="udp") for n in (1, 2)]
    stand = Stand(lab, kind, connections, script="".join(
        f"ip addr add {c.addresses[1]}/24 dev {{wan}}\nip addr add 10.2.{n}.1/24 dev lo\n"
        for n, c in enumerate(connections, 1)))
    # Before the other end, which may be a kernel without nftables.
    lab.inside(stand.far, "nft", "-f", "-", stdin="""
table netdev losses {
  chain wan {
    type filter hook ingress device "vwan" priority 0;
    ip daddr 192.0.2.101 udp dport 500 drop
    ip daddr 192.0.2.102 udp dport 4500 drop
  }
}
""")
    for connection in connections:
        stand.gateway.call("initiate", connection.name)
    for connection, stage in zip(connections, ("init", "authentication")):
        wait_for(f"the end of {connection.name}'s patience", lambda: stand.told(connection)["cause"], 150)
        told = stand.told(connection)
        check((told["stage"], told["cause"]) == (stage, "no_reply") and "UDP 500 or 4500" in told["advice"], f"{told}")
        check("UDP 500 or 4500" in stand.gateway.call("diagnose", connection.name), "nothing for people")


def control_dies(lab, kind, delay=0.0):
    """Killed in the middle of rekeys that either end has begun: nothing is lost, the IKE SA lives on."""
    available(kind)
    connection = Connection(here='dpd_delay = "1s"')
    stand = Stand(lab, kind, [connection])
    stand.initiate(connection)
    carries(lab, stand)
    running = streams(lab, stand, 500, 120)
    for n in range(4):
        of_ike, by_charon = bool(n & 1), bool(n & 2)
        process = stand.gateway.child("gotthard-control")
        if by_charon:
            stand.charon.rekey(of_ike, connection, fails=True)
        else:
            stand.gateway.call("rekey", connection.name if of_ike else f"{connection.name}/nets")
        time.sleep(delay)
        os.kill(process, signal.SIGKILL)
        wait_for("another control", lambda: stand.gateway.replaced("gotthard-control", process))
        stand.gateway.wait()
        stand.explained(lambda: wait_for("one IKE SA", lambda: keys(stand, True)[connection.name], 20))
        before = keys(stand, False)[connection.name]
        stand.gateway.call("rekey", f"{connection.name}/nets")
        stand.explained(lambda: wait_for(
            "new ESP keys", lambda: keys(stand, False)[connection.name] not in (None, before), 20))
    stand.explained(lambda: lost_nothing(stand, running))


def flood(lab, kind):
    """Strangers begin faster than is answered: they get cookies, charon returns its own and is let in."""
    available(kind)
    old = Connection()
    new = Connection(2, places=("192.0.2.1", "any"), near=("10.1.0.0/16",), far=("10.3.0.0/24",))
    stand = Stand(lab, kind, [old, new], script="ip addr add 10.3.0.1/24 dev lo", more="retransmit_timeout = 0.5")
    command("ip", "-n", stand.namespace, "route", "add", SOURCES.format(0) + "/24", "via", "192.0.2.2")
    command("ip", "-n", stand.far, "route", "add", "blackhole", SOURCES.format(0) + "/24")
    stand.initiate(old)
    carries(lab, stand)
    running = streams(lab, stand, 500, 60)
    strangers = Flood(stand.far, "192.0.2.1", 1200)
    try:
        wait_for("the first strangers", lambda: stand.gateway.ask("show", "connections")["half_open"] >= 32)
        for _ in range(5 if FULL else 2):
            stand.initiate(new, "charon")
            half_open = stand.gateway.ask("show", "connections")["half_open"]
            check(half_open <= 64, f"{half_open} strangers have a state")
            check(answers(lab, stand.hosts[0], "10.3.0.1", 3) == 3, stand.losses())
            stand.gateway.call("rekey", f"{old.name}/nets")
            stand.charon.terminate(True, new)
            wait_for("its end", lambda: not stand.sas(new))
    finally:
        sent = strangers.stop()
    check(sent > 1200, f"{sent} is no flood")
    stand.explained(lambda: check("N(COOKIE)" in stand.charon.log(), "no cookie was asked for"))
    stand.explained(lambda: lost_nothing(stand, running, busy=True))


def quick():
    """A choice, of at most a minute and a half."""
    for test in (failures, ends, pfs_mismatch, charon_dies, control_dies, flood):
        yield from tests_of(test, [{"kind": "libipsec"}])


def full():
    kinds = {"kind": ("libipsec", "kernel")}
    for test in (failures, ends, pfs_mismatch, charon_dies, blocked):
        yield from tests_of(test, product(kinds))
    yield from tests_of(control_dies, product({**kinds, "delay": (0.0, 0.002, 0.005, 0.01)}))
    yield from tests_of(flood, [{"kind": "libipsec"}])  # strangers live in charon's namespace
    yield from tests_of(dead_peer, [{"kind": "libipsec", "action": action} for action in ("clear", "trap", "restart")]
                        + [{"kind": "kernel", "action": "restart"}])


if __name__ == "__main__":
    main(*(full() if FULL else quick()))
