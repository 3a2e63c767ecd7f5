#!/usr/bin/env python3
"""The gateway as a service: what it tells systemd and writes to its log, what it refuses to start with, what it
costs when nothing happens, and the host's own routes."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from lab import GOTTHARD, OWN_RUN, TwoRegions, check, command, dataplane, genkey, main, ping, wait_for


class Notified:
    """What comes to a service manager's socket."""

    def __init__(self, lab):
        self.path = lab.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.messages = []

    def lines(self):
        while True:
            try:
                self.messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return [line for message in self.messages for line in message.splitlines()]

    def wait(self, line, times=1):
        wait_for(f"{line} at the service manager, {times} times", lambda: self.lines().count(line) >= times,
                 seconds=30)


def tells_the_service_manager(lab):
    regions = TwoRegions(lab, start=False)
    one = regions.gateways[0]
    notified = Notified(lab)
    one.surroundings = ("env", f"NOTIFY_SOCKET={notified.path}", *OWN_RUN)
    one.begin()
    one.ready()
    notified.wait("READY=1")
    check(not any(line.startswith("STOPPING") for line in notified.lines()), f"{notified.lines()}")
    os.kill(one.process.pid, signal.SIGHUP)
    notified.wait("RELOADING=1")
    notified.wait("READY=1", times=2)
    os.kill(one.child("gotthard-control"), signal.SIGKILL)
    wait_for("the death at the service manager",
             lambda: any(line.startswith("STATUS=gotthard-control died") for line in notified.lines()))
    notified.wait("READY=1", times=3)
    one.call("down")
    check(one.process.wait(20) == 0, "it did not end in order")
    told = [line for line in notified.lines() if line in ("READY=1", "RELOADING=1", "STOPPING=1")]
    check(told == ["READY=1", "RELOADING=1", "READY=1", "READY=1", "STOPPING=1"], f"{told}")


GOOD = dataplane() + """
[[port]]
name = "wan"
role = "underlay"
device = "net_null0"
addresses = ["192.0.2.1/24"]
[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
[[wireguard.peer]]
name = "b"
public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
allowed_ips = ["10.2.0.0/16"]
"""
ANOTHER = """[[wireguard.peer]]
name = "c"
public_key = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="
allowed_ips = ["10.2.0.0/16"]
"""
# What is written instead of what, and what is said of it in which line.
BAD = [("workers = 1", "worker = 1", "has no key 'worker': did you mean 'workers'?"),
       ("workers = 1", 'workers = "1"', "must be a whole number from 1 to 64"),
       ("workers = 1", "workers = = 1", ""),
       ('role = "underlay"', 'role = "wan"', 'must be one of "underlay", "inside"'),
       ("192.0.2.1/24", "192.0.2.1", "has no prefix length"),
       ("10.2.0.0/16", "10.2.0.1/16", "write 10.2.0.0/16"),
       ("xTIBA5rb", "xTIB", "this is no key"),
       ('"wg0.key"', '"missing.key"', "No such file"),
       ('"wg0.key"', '"open.key"', "chmod 600"),
       ('"wg0.key"', '"empty.key"', "holds no key"),
       ("", ANOTHER, "10.2.0.0/16 is in allowed_ips of 'b' and of 'c' of wg0: leave it at one of them")]


def check_refuses(lab):
    """FILE:LINE: what is wrong and what to write; `up` says the same and starts nothing."""
    key = genkey()[0] + "\n"
    for name, text, mode in (("wg0.key", key, 0o600), ("open.key", key, 0o640), ("empty.key", "\n", 0o600)):
        (lab.directory / name).touch(mode=0o600)
        (lab.directory / name).write_text(text)
        (lab.directory / name).chmod(mode)
    file = lab.directory / "gotthard.toml"

    def gotthard(*words):
        return subprocess.run([GOTTHARD, "--run-dir", lab.directory / "run", "--state-dir", lab.directory / "state",
                               *words], capture_output=True, text=True, timeout=30)

    file.write_text(GOOD)
    done = gotthard("check", file)
    check(done.returncode == 0 and not done.stderr, f"{done}")
    for old, new, said in BAD:
        text = GOOD.replace(old, new, 1) if old else GOOD + new
        line = 1 + (GOOD.index(old) if old else len(GOOD))
        line = GOOD[:line].count("\n") + 1
        file.write_text(text)
        done = gotthard("check", file)
        check(done.returncode == 2 and f"{file}:{line}: " in done.stderr and said in done.stderr, f"{new}: {done}")
        answer = gotthard("--json", "check", file)
        check(answer.returncode == 2 and said in json.loads(answer.stdout)["error"], f"{new}: {answer}")
        started = gotthard("up", file)
        check(started.returncode == 2 and said in started.stderr, f"{new}: {started}")
    done = gotthard("check", lab.directory / "none.toml")
    check(done.returncode == 2 and "none.toml: No such file" in done.stderr, f"{done}")
    check(not (lab.directory / "state").exists() or not any((lab.directory / "state").iterdir()),
          "something was begun")


def writes_its_log(lab):
    """As JSON, line by line; more or less of one subsystem while it runs; events by names that stay."""
    regions = TwoRegions(lab, start=False)
    one, two = regions.gateways
    one.file.write_text('[log]\nformat = "json"\n' + one.file.read_text())
    for gateway in (one, two):
        gateway.begin()
    for gateway in (one, two):
        gateway.ready()
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")

    def events():
        # All of DPDK's own output is not ours to write.
        lines = [json.loads(line) for line in one.log_text().splitlines() if line.startswith("{")]
        check(all({"time", "level", "program", "subsystem", "event"} <= set(line) for line in lines), f"{lines}")
        return [line["event"] for line in lines]

    def rest():
        return [line for line in one.log_text().splitlines() if not line.startswith("{")]

    check(not rest(), f"lines that are no JSON: {rest()}")
    usual = {"muted", "dataplane_started", "dataplane_ready", "control_started", "control_ready", "ready",
             "handshake_done"}
    check(usual <= set(events()), f"{usual - set(events())} is missing")
    check("message_sent" not in events(), "more is said than was asked for")
    one.call("log", "handshake", "debug")
    time.sleep(2.5)  # two handshakes lie five seconds apart; the pings took two
    one.call("rekey", "region-2")
    wait_for("what was asked for", lambda: "message_sent" in events())


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def sleeps_when_idle(lab):
    """A gateway without traffic costs little, and answers; one that polls never sleeps."""
    regions = TwoRegions(lab, start=False)
    for gateway, idle in zip(regions.gateways, ("adaptive", "poll")):
        text = gateway.file.read_text()
        gateway.file.write_text(text.replace("[dataplane]\n", f'[dataplane]\nidle = "{idle}"\n'))
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")

    def spent():
        return [(cpu_seconds(g.child("gotthard-dataplane")), g.ask("show", "workers")["workers"][0]["sleeps"])
                for g in regions.gateways]

    before, start = spent(), time.monotonic()
    time.sleep(3)
    seconds = time.monotonic() - start
    (adaptive, slept), (poll, never) = [(a - b, c - d) for (a, c), (b, d) in zip(spent(), before)]
    check(adaptive < 0.4 * seconds, f"an idle gateway used {adaptive:.2f} s of CPU in {seconds:.1f} s")
    check(poll > adaptive, f"polling used {poll:.2f} s of CPU, sleeping {adaptive:.2f} s")
    check(slept > 100 and never == 0, f"sleeps: {slept} with adaptive, {never} with poll")
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "it does not wake up")


def leaves_the_hosts_routes_alone(lab):
    """Also where the configuration and the peers want everything, or the very same prefix."""
    regions = TwoRegions(lab, start=False)
    one, namespace = regions.gateways[0], regions.gateway_namespaces[0]
    management = lab.namespace("management")
    lab.link(namespace, "mgmt", management, "m0")
    command("ip", "-n", namespace, "addr", "add", "198.51.100.1/24", "dev", "mgmt")
    command("ip", "-n", management, "addr", "add", "198.51.100.2/24", "dev", "m0")
    command("ip", "-n", management, "addr", "add", "203.0.113.1/32", "dev", "lo")
    for route in ("default via 198.51.100.2", "10.2.9.0/24 via 198.51.100.2"):
        command("ip", "-n", namespace, "route", "add", *route.split())

    def own():
        return [line for line in command("ip", "-n", namespace, "route").splitlines() if "mgmt" in line]

    def managed():
        return ping(lab, namespace, "203.0.113.1", count=1) == 1

    before = own()
    check(len(before) == 3 and managed(), f"{before}")
    text = one.file.read_text().replace('allowed_ips = [', 'allowed_ips = ["0.0.0.0/0", "10.2.9.0/24", ')
    one.file.write_text(text.replace("[[wireguard]]", '[[route]]\ndestination = "0.0.0.0/0"\nvia = "192.0.2.2"\n'
                                     '[[wireguard]]').replace('name = "wg0"\n', 'name = "wg0"\nroutes = "all"\n'))
    for gateway in regions.gateways:
        gateway.begin()
    for gateway in regions.gateways:
        gateway.ready()
    check(own() == before and managed(), f"{before} became {own()}")
    check("event=route_exists" in one.log_text() and "prefix=10.2.9.0/24" in one.log_text(), "nobody is told")
    # Hosts behind the gateway take the tunnel, as the data plane has tables of its own.
    check(ping(lab, regions.hosts[0], "10.2.0.2") == 3, "the tunnel does not work")
    one.call("reload")
    os.kill(one.child("gotthard-control"), signal.SIGKILL)
    wait_for("another control", lambda: one.log_text().count("event=control_ready") == 2)
    check(own() == before and managed(), f"{before} became {own()}")
    one.call("down")
    check(one.process.wait(20) == 0 and own() == before and managed(), f"{before} became {own()}")


if __name__ == "__main__":
    main(tells_the_service_manager, check_refuses, writes_its_log, sleeps_when_idle, leaves_the_hosts_routes_alone)
