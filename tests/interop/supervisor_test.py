#!/usr/bin/python3
"""`gotthard up` against the real kernel: what it makes, mutes, keeps and puts back.

Root; own network namespaces; stand-ins for the two children. $GOTTHARD: the program (build/gotthard).
"""
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from lab import OWN_RUN

HERE = os.path.dirname(os.path.abspath(__file__))
GOTTHARD = os.path.abspath(os.environ.get("GOTTHARD", f"{HERE}/../../build/gotthard"))
NAMESPACE = f"gtsup-{os.getpid()}"
DEVICE = "under0"

CONFIGURATION = """
[dataplane]
hugepages = "never"

[[port]]
name = "wan"
role = "underlay"
device = "net_af_packet0,iface=under0"
addresses = ["192.0.2.1/24", "2001:db8::1/64"]

[[port]]
name = "lan"
role = "inside"
device = "net_null0"
addresses = ["10.1.0.1/24"]
mtu = 1400

[[wireguard]]
name = "wg0"
private_key_file = "wg0.key"
addresses = ["172.31.0.1/30", "2001:db8:31::1/64"]
mtu = 1420
[[wireguard.peer]]
name = "region-b"
public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
allowed_ips = ["10.2.0.0/16", "172.31.0.2/32", "2001:db8:2::/48", "0.0.0.0/0"]
"""
KEY = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_MODULE = 12, 13, 21, 16


def run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def inside(*words, check=True):
    return run("ip", "netns", "exec", NAMESPACE, *words, check=check)


def ip(*words):
    return json.loads(inside("ip", "-j", *words) or "[]")


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for: {what}")
        time.sleep(0.02)


def host_state():
    """What an operator sees of the host; what changes by itself is left out."""
    addresses = [
        (link["ifname"], link["link_type"], sorted(f for f in link["flags"] if f != "LOWER_UP"), link["mtu"],
         sorted((a["family"], a["local"], a["prefixlen"], a.get("label", ""), a.get("scope"),
                 a.get("broadcast", "")) for a in link["addr_info"]))
        for link in ip("addr", "show")
    ]
    routes = sorted(line for version in ("-4", "-6")
                    for line in inside("ip", version, "route", "show", "table", "all").splitlines())
    ipv6 = inside("cat", f"/proc/sys/net/ipv6/conf/{DEVICE}/disable_ipv6")
    gro = [line for line in inside("ethtool", "-k", DEVICE).splitlines() if "receive-offload" in line]
    return {"addresses": sorted(addresses), "routes": routes, "ipv6": ipv6, "gro": gro,
            "nftables": inside("nft", "list", "ruleset")}


class Gateway:
    def __init__(self, directory, configuration=CONFIGURATION, behaviour=""):
        self.directory = directory
        self.report_dir = f"{directory}/report"
        self.run_dir = f"{directory}/run"
        self.state_dir = f"{directory}/state"
        self.configuration = f"{directory}/gotthard.toml"
        self.behaviour = behaviour
        with open(self.configuration, "w") as file:
            file.write(configuration)
        self.process = None

    def prepare(self):
        shutil.rmtree(self.report_dir, ignore_errors=True)
        os.mkdir(self.report_dir)
        os.chmod(self.report_dir, 0o777)  # control reports as another user

    def words(self, *more):
        return ["ip", "netns", "exec", NAMESPACE, *OWN_RUN, GOTTHARD, "--run-dir", self.run_dir, "--state-dir",
                self.state_dir, "up", "--executable-dir", f"{self.directory}/bin", *more,
                self.configuration]

    def environment(self):
        return dict(os.environ, GOTTHARD_TEST_REPORT=self.report_dir,
                    GOTTHARD_TEST_BEHAVIOUR=self.behaviour)

    def start(self):
        self.prepare()
        with open(f"{self.directory}/log", "w") as log:
            self.process = subprocess.Popen(self.words(), env=self.environment(), stderr=log)
        return self

    def log(self):
        with open(f"{self.directory}/log") as file:
            return file.read()

    def up(self):
        self.start()
        wait_for(f"the gateway to be ready\n{self.log()}",
                 lambda: self.process.poll() is not None or "event=ready" in self.log())
        if self.process.poll() is not None:
            raise AssertionError(f"the gateway did not start:\n{self.log()}")
        return self

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def child(self, name):
        with open(f"{self.report_dir}/gotthard-{name}.json") as file:
            return json.load(file)

    def ask(self, words):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(15)
        client.connect(f"{self.run_dir}/control.sock")
        client.send(words.encode() + b"\n")
        answer = client.makefile().read()
        client.close()
        return bytes.fromhex(answer)


def interrupt(number, frame):
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


class SupervisorTest(unittest.TestCase):
    maxDiff = None
    running = None  # the test that is to be put away when all is interrupted

    def setUp(self):
        SupervisorTest.running = self
        self.gateways = []
        self.directory = tempfile.mkdtemp(prefix="gtsup-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.chmod(self.directory, 0o755)
        os.mkdir(f"{self.directory}/bin")
        for name in ("dataplane", "control"):
            shutil.copy(f"{HERE}/supervisor_children.py", f"{self.directory}/bin/gotthard-{name}")
            os.chmod(f"{self.directory}/bin/gotthard-{name}", 0o755)
        with open(os.open(f"{self.directory}/wg0.key", os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(KEY)
        self.addCleanup(run, "ip", "netns", "del", NAMESPACE, check=False)
        run("ip", "netns", "add", NAMESPACE)
        inside("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        inside("ip", "link", "set", "lo", "up")
        inside("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", "other0")
        inside("ip", "link", "set", "other0", "up")
        inside("ip", "link", "set", DEVICE, "up", "mtu", "1600")
        inside("ethtool", "-K", DEVICE, "gro", "on")
        inside("ip", "addr", "add", "198.51.100.1/24", "dev", DEVICE, "broadcast", "+")
        inside("ip", "addr", "add", "198.51.100.9/24", "dev", DEVICE, "label", f"{DEVICE}:x")
        inside("ip", "addr", "add", "2001:db8:f::1/64", "dev", DEVICE, "nodad")
        inside("ip", "route", "add", "default", "via", "198.51.100.254")
        inside("ip", "route", "add", "203.0.113.0/24", "via", "198.51.100.253", "metric", "7")
        inside("ip", "-6", "route", "add", "2001:db8:e::/48", "via", "2001:db8:f::2")
        wait_for("link-local addresses", lambda: self.settled())
        self.before = host_state()

    def tearDown(self):
        for gateway in self.gateways:
            if gateway.process is not None and gateway.process.poll() is None:
                gateway.end()

    @staticmethod
    def settled():
        flags = [a for link in ip("addr", "show") for a in link["addr_info"]]
        links = {link["ifname"] for link in ip("addr", "show") for a in link["addr_info"]
                 if a.get("scope") == "link"}
        return not any("tentative" in a for a in flags) and {DEVICE, "other0"} <= links

    def gateway(self, **options):
        self.gateways.append(Gateway(self.directory, **options))
        return self.gateways[-1]

    def assert_restored(self):
        wait_for("link-local addresses", lambda: self.settled())
        self.assertEqual(self.before, host_state())
        self.assertFalse(os.path.exists(f"{self.directory}/run"))
        self.assertEqual(os.listdir(f"{self.directory}/state"), [])

    def link(self, name):
        return next(link for link in ip("addr", "show") if link["ifname"] == name)

    def addresses(self, name):
        return {f"{a['local']}/{a['prefixlen']}" for a in self.link(name)["addr_info"]
                if a["scope"] == "global"}

    def test_makes_and_mutes_then_puts_back(self):
        mac = self.link(DEVICE)["address"]
        gateway = self.gateway().up()
        wan, lan, tunnel = self.link("wan"), self.link("lan"), self.link("wg0")
        self.assertEqual(wan["address"], mac)
        self.assertEqual((wan["mtu"], lan["mtu"], tunnel["mtu"]), (1500, 1400, 1420))
        self.assertIn("ALLMULTI", wan["flags"])
        self.assertEqual(self.addresses("wan"), {"192.0.2.1/24", "2001:db8::1/64"})
        self.assertEqual(self.addresses("lan"), {"10.1.0.1/24"})
        self.assertEqual(self.addresses("wg0"), {"172.31.0.1/30", "2001:db8:31::1/64"})
        self.assertEqual(int(lan["address"][:2], 16) & 3, 2, "locally administered, unicast")

        routes = inside("ip", "route", "show", "proto", "171").splitlines()
        self.assertIn("10.2.0.0/16 dev wg0 scope link ", routes)
        self.assertIn("blackhole 10.2.0.0/16 metric 4294967295 ", routes)
        self.assertIn("blackhole 172.31.0.2 metric 4294967295 ", routes)
        self.assertFalse([line for line in routes if "default" in line], "never /0")
        routes = inside("ip", "-6", "route", "show", "proto", "171")
        self.assertIn("2001:db8:2::/48 dev wg0 metric 1024", routes)
        self.assertIn("blackhole 2001:db8:2::/48 dev lo metric 4294967295", routes)

        self.assertEqual(self.link(DEVICE)["addr_info"], [])
        self.assertIn("ALLMULTI", self.link(DEVICE)["flags"])
        self.assertEqual(self.link(DEVICE)["mtu"], 1500)
        self.assertIn("policy drop", inside("nft", "list", "ruleset"))
        self.assertEqual(gateway.end(), 0, gateway.log())
        self.assertTrue(gateway.child("dataplane")["stopped"])
        self.assert_restored()

    def test_privileges_and_descriptors(self):
        gateway = self.gateway().up()
        control, dataplane = gateway.child("control"), gateway.child("dataplane")
        self.assertNotIn("0", control["status"]["Uid"].split())
        self.assertEqual(control["status"]["Groups"].strip(), "")
        for capabilities in ("CapEff", "CapPrm", "CapBnd"):
            self.assertEqual(int(control["status"][capabilities], 16), 0, capabilities)
            held = int(dataplane["status"][capabilities], 16)
            self.assertTrue(held >> CAP_NET_RAW & 1)
            self.assertFalse(held >> CAP_SYS_ADMIN & 1)
        self.assertEqual(control["status"]["NoNewPrivs"], "1")
        self.assertEqual(dataplane["status"]["NoNewPrivs"], "1")
        with open(f"/proc/{gateway.process.pid}/status") as file:
            own = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertTrue(int(own["CapEff"], 16) >> CAP_NET_ADMIN & 1)
        for capability in (CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_MODULE):
            self.assertFalse(int(own["CapEff"], 16) >> capability & 1, capability)
        self.assertFalse(int(own["CapBnd"], 16) >> CAP_SYS_MODULE & 1)

        # The last: the socket that `wg` asks for wg0.
        self.assertEqual(len(control["fds"]), 3 + 5 + 1, control["fds"])
        self.assertEqual(len(dataplane["fds"]), 3 + 1 + 3, dataplane["fds"])
        self.assertEqual(control["configuration"]["text"], CONFIGURATION)
        self.assertEqual(control["configuration"]["keys"], {f"{self.directory}/wg0.key": KEY})
        self.assertTrue(control["configuration"]["sealed"])
        self.assertEqual(os.stat(gateway.run_dir).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(f"{gateway.run_dir}/control.sock").st_mode & 0o777, 0o600)
        self.assertEqual(gateway.end(), 0)

    def test_blackholes_stay_when_the_tunnel_goes_down(self):
        gateway = self.gateway().up()
        self.assertIn("dev wg0", inside("ip", "route", "get", "10.2.0.1"))
        inside("ip", "link", "set", "wg0", "down")
        for address in ("10.2.0.1", "2001:db8:2::1"):
            self.assertEqual(inside("ip", "route", "get", address, check=False), "", address)
        inside("ip", "link", "set", "wg0", "up")
        wait_for("the tunnel's routes", lambda: all(
            "dev wg0" in inside("ip", "route", "get", a, check=False)
            for a in ("10.2.0.1", "2001:db8:2::1")))
        os.kill(gateway.child("dataplane")["pid"], signal.SIGKILL)
        os.kill(gateway.child("control")["pid"], signal.SIGKILL)
        self.assertIn("blackhole 10.2.0.0/16", inside("ip", "route", "show"))
        self.assertEqual(gateway.end(signal.SIGINT), 0)
        self.assert_restored()

    def killed(self):
        gateway = self.gateway().up()
        children = [gateway.child(name)["pid"] for name in ("dataplane", "control")]
        gateway.end(signal.SIGKILL)
        wait_for("the children to die with it",
                 lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children))
        self.assert_closed()
        return gateway

    def assert_closed(self):
        """The kernel can forward nothing in the clear."""
        self.assertEqual(self.link(DEVICE)["addr_info"], [], "still muted")
        self.assertIn("policy drop", inside("nft", "list", "ruleset"))
        for version, prefix in (("-4", "10.2.0.0/16"), ("-4", "172.31.0.2"), ("-6", "2001:db8:2::/48")):
            self.assertIn(f"blackhole {prefix}", inside("ip", version, "route", "show"))

    def down(self, gateway, *more, status=0):
        """`gotthard down`, where `up` ran."""
        ran = subprocess.run(["ip", "netns", "exec", NAMESPACE, GOTTHARD, "--run-dir", gateway.run_dir,
                              "--state-dir", gateway.state_dir, *more, "down"], capture_output=True, text=True)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def test_next_start_repairs_what_a_killed_one_left(self):
        self.killed()
        changes = subprocess.Popen(["ip", "netns", "exec", NAMESPACE, "ip", "monitor", "address", "route"],
                                   stdout=subprocess.PIPE, text=True)
        rules = subprocess.Popen(["ip", "netns", "exec", NAMESPACE, "nft", "monitor"],
                                 stdout=subprocess.PIPE, text=True)
        time.sleep(0.2)
        gateway = self.gateway().up()
        self.assertIn("event=repairing", gateway.log())
        self.assert_closed()
        for monitor in (changes, rules):
            monitor.terminate()
        # Not even for a moment was the host open: of the rule one transaction made another.
        self.assertNotIn(f"dev {DEVICE}", changes.communicate()[0].replace("\\", ""))
        seen = rules.communicate()[0]
        self.assertLess(seen.find("delete table"), seen.find("create chain"), seen)
        self.assertEqual(seen.count("new generation"), 1, seen)
        self.assertEqual(gateway.end(), 0)
        self.assert_restored()

    def test_what_a_killed_one_left_stays_when_the_next_one_fails(self):
        self.killed()
        gateway = self.gateway(behaviour="dataplane_fails").start()
        self.assertEqual(gateway.process.wait(timeout=30), 1)
        self.assertIn("event=host_stays_closed", gateway.log())
        self.assert_closed()
        gateway = self.gateway().up()
        self.assertEqual(gateway.end(), 0)
        self.assert_restored()

    def test_down_opens_what_a_killed_one_left_closed(self):
        gateway = self.killed()
        said = json.loads(self.down(gateway, "--json"))
        self.assertEqual(said, {"ok": True, "woken": [DEVICE], "blackholes_removed": 3})
        self.assert_restored()
        self.assertIn("no gateway runs", self.down(gateway, status=3))

    def test_a_device_that_vanished_leaves_no_table(self):
        gateway = self.gateway().up()
        inside("ip", "link", "del", DEVICE)
        self.assertEqual(gateway.end(), 0)
        self.assertEqual(inside("nft", "list", "ruleset"), "")
        # Again, and another device has its name by then.
        for end in ("down", "killed"):
            inside("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", "other0")
            gateway = self.gateway().up() if end == "down" else self.killed()
            inside("ip", "link", "del", DEVICE)
            inside("ip", "link", "add", DEVICE, "index", "4711", "type", "veth", "peer", "name", "other0")
            inside("ip", "addr", "add", "198.51.100.1/24", "dev", DEVICE)
            self.assertEqual(gateway.end(), 0) if end == "down" else self.down(gateway)
            self.assertEqual(inside("nft", "list", "ruleset"), "")
            self.assertEqual(self.addresses(DEVICE), {"198.51.100.1/24"}, "it is not ours")
            inside("ip", "link", "del", DEVICE)
        self.assertEqual(os.listdir(f"{self.directory}/state"), [])

    def test_each_gateway_has_blackholes_of_its_own(self):
        theirs = tempfile.mkdtemp(prefix="gtsup-", dir=self.directory)
        os.chmod(theirs, 0o755)
        os.symlink(f"{self.directory}/bin", f"{theirs}/bin")
        shutil.copy(f"{self.directory}/wg0.key", theirs)
        configuration = CONFIGURATION
        for ours, others in (('"wan"', '"wan2"'), ('"lan"', '"lan2"'), ('"wg0"', '"wg1"'),
                             ("iface=under0", "iface=other0"), ("0.1/24", "9.1/24"),
                             ("192.0.2.1", "192.0.2.9"), ("172.31.0.1/30", "172.31.9.1/30")):
            self.assertIn(ours, configuration)
            configuration = configuration.replace(ours, others)

        def blackholes():
            shown = inside("ip", "route", "show", "proto", "171", "10.2.0.0/16").splitlines()
            return sum(line.startswith("blackhole") for line in shown)

        for first_to_go in (0, 1):
            gateways = [self.gateway().up()]
            self.gateways.append(Gateway(theirs, configuration=configuration))
            gateways.append(self.gateways[-1].up())
            self.assertEqual(blackholes(), 2)
            self.assertEqual(gateways[first_to_go].end(), 0)
            self.assertEqual(blackholes(), 1)
            # Of two that go, the one whose tunnel is down has its own.
            inside("ip", "link", "set", "wg1" if first_to_go == 0 else "wg0", "down")
            self.assertEqual(inside("ip", "route", "get", "10.2.0.1", check=False), "")
            self.assertEqual(gateways[1 - first_to_go].end(), 0)
            self.assertEqual(blackholes(), 0)
        self.assert_restored()

    def test_the_kernel_neither_answers_nor_forwards_on_a_muted_device(self):
        other = f"{NAMESPACE}-other"
        self.addCleanup(run, "ip", "netns", "del", other, check=False)
        run("ip", "netns", "add", other)
        inside("ip", "link", "set", "other0", "netns", other)

        def outside(*words, check=True):
            return run("ip", "netns", "exec", other, *words, check=check)

        outside("ip", "link", "set", "other0", "up")
        outside("ip", "addr", "add", "198.51.100.2/24", "dev", "other0")
        outside("ip", "route", "add", "203.0.112.0/24", "via", "198.51.100.1")
        inside("ip", "link", "add", "away0", "type", "veth", "peer", "name", "away1")
        inside("sysctl", "-qw", "net.ipv6.conf.away0.disable_ipv6=1")
        inside("ip", "link", "set", "away1", "up")
        inside("ip", "link", "set", "away0", "up")
        inside("ip", "route", "add", "203.0.112.0/24", "dev", "away0")
        inside("ip", "neigh", "add", "203.0.112.1", "lladdr", "02:00:00:00:00:01", "dev", "away0",
               "nud", "permanent")
        mac = self.link(DEVICE)["address"]
        outside("ip", "neigh", "add", "198.51.100.1", "lladdr", mac, "dev", "other0", "nud", "permanent")

        def forwarded():
            outside("ping", "-c", "3", "-i", "0.1", "-W", "0.2", "203.0.112.1", check=False)
            return self.link_packets("away0")

        def answers():
            return " 0% packet loss" in outside("ping", "-c", "2", "-i", "0.1", "-W", "0.3",
                                                "198.51.100.1", check=False)

        self.assertTrue(answers())
        before = forwarded()
        self.assertGreaterEqual(before, 3, "the kernel forwards before")
        gateway = self.gateway().up()
        self.assertFalse(answers())
        before = self.link_packets("away0")
        self.assertEqual(forwarded(), before)
        self.assertEqual(gateway.end(), 0)
        self.assertTrue(answers())

    def link_packets(self, name):
        return ip("-s", "link", "show", name)[0]["stats64"]["tx"]["packets"]

    def test_runs_in_the_background(self):
        gateway = self.gateway()
        gateway.prepare()
        started = subprocess.run(gateway.words("--background"), env=gateway.environment(),
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30)
        self.assertEqual(started.returncode, 0)
        self.assertEqual(self.addresses("lan"), {"10.1.0.1/24"})
        with open(f"{gateway.run_dir}/supervisor.pid") as file:
            pid = int(file.read().split()[0])
        os.kill(pid, signal.SIGTERM)
        wait_for("the gateway to go", lambda: not os.path.exists(f"/proc/{pid}"))
        self.assert_restored()
        gateway.behaviour = "dataplane_fails"
        failed = subprocess.run(gateway.words("--background"), env=gateway.environment(),
                                capture_output=True, text=True, timeout=30)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("no such port", failed.stderr)

    def test_a_start_that_fails_changes_nothing(self):
        gateway = self.gateway(behaviour="dataplane_fails").start()
        self.assertEqual(gateway.process.wait(timeout=30), 1)
        self.assertIn("the data plane cannot start: no such port", gateway.log())
        self.assert_restored()
        gateway = self.gateway(behaviour="control_dies").start()
        self.assertEqual(gateway.process.wait(timeout=30), 1)
        self.assertIn("exit status 7", gateway.log())
        self.assert_restored()
        missing = CONFIGURATION.replace(f"iface={DEVICE}", "iface=nothing0")
        gateway = self.gateway(configuration=missing).start()
        self.assertEqual(gateway.process.wait(timeout=30), 1)
        self.assertIn("no network device 'nothing0'", gateway.log())
        self.assert_restored()

    def test_a_second_gateway_is_refused(self):
        gateway = self.gateway().up()
        second = subprocess.run(gateway.words(), env=gateway.environment(), capture_output=True,
                                text=True)
        self.assertEqual(second.returncode, 3)
        self.assertIn(f"process {gateway.process.pid}", second.stderr)
        self.assertEqual(self.addresses("lan"), {"10.1.0.1/24"})
        self.assertEqual(gateway.end(), 0)

    def test_children_are_started_again_and_wired_again(self):
        gateway = self.gateway().up()
        control, dataplane = gateway.child("control"), gateway.child("dataplane")
        self.assertEqual(control["greeting"], f"attached {dataplane['pid']}")
        os.kill(control["pid"], signal.SIGKILL)
        wait_for("another control", lambda: gateway.child("control")["pid"] != control["pid"])
        control = gateway.child("control")
        self.assertEqual(control["generation"], 2, "the checkpoint outlives control")
        self.assertEqual(control["greeting"], f"attached {dataplane['pid']}")
        self.assertEqual(gateway.child("dataplane")["attachments"], 2)
        os.kill(dataplane["pid"], signal.SIGKILL)
        wait_for("another data plane",
                 lambda: gateway.child("dataplane")["pid"] != dataplane["pid"])
        gateway.ask("attach")
        greeting = f"attached {gateway.child('dataplane')['pid']}"
        wait_for("control to be attached to it",
                 lambda: gateway.child("control")["greeting"] == greeting)
        self.assertEqual(gateway.end(), 0)
        self.assert_restored()

    def test_gives_up_on_a_child_that_keeps_dying(self):
        gateway = self.gateway().up()
        killed = None
        end = time.monotonic() + 40
        while gateway.process.poll() is None and time.monotonic() < end:
            pid = gateway.child("control")["pid"]
            if pid != killed:
                killed = pid
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        self.assertEqual(gateway.process.poll(), 1, gateway.log())
        self.assertIn("giving up", gateway.log())
        # Nobody ordered it: the host stays closed, until somebody does.
        self.assertIn("event=host_stays_closed", gateway.log())
        self.assertIn("gotthard down", gateway.log())
        self.assert_closed()
        self.assertFalse(os.path.exists(gateway.run_dir))
        said = self.down(gateway)
        self.assertIn(f"{DEVICE} woken, 3 blackhole routes removed", said)
        self.assert_restored()

    def test_requests_of_control(self):
        gateway = self.gateway().up()

        def request(kind, body):
            answer = gateway.ask((struct.pack("<HHIQ", 1, kind, 0, 77) + body).hex())
            version, kind, _, identity = struct.unpack_from("<HHIQ", answer)
            self.assertEqual((version, identity), (1, 77))
            return kind, struct.unpack_from("<II", answer, 16), answer

        def neighbour(port, address):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            raw = socket.inet_pton(family, address)
            return request(1, struct.pack("<H5sB16s", port, b"", 6 if ":" in address else 4, raw))

        self.assertEqual(neighbour(1, "10.1.0.77")[:2], (3, (0, 0)))
        wait_for("the kernel to ask for the neighbour", lambda: any(
            n["dst"] == "10.1.0.77" and n["dev"] == "lan" for n in ip("neigh", "show")))
        self.assertEqual(neighbour(0, "2001:db8::77")[1][0], 0)
        for port, address in ((2, "10.1.0.77"), (0, "224.0.0.1"), (0, "ff02::1"), (0, "0.0.0.0")):
            self.assertEqual(neighbour(port, address)[1][0], 1, address)
        kind, (outcome, count), answer = request(2, struct.pack("<256s", b"localhost"))
        self.assertEqual((kind, outcome), (4, 0))
        self.assertGreaterEqual(count, 1)
        self.assertIn(socket.inet_aton("127.0.0.1"), answer)
        self.assertEqual(request(2, struct.pack("<256s", b"no-such-host.invalid"))[1][0], 3)
        self.assertEqual(request(3, bytes([0, 0] + [0] * 6))[:2], (3, (0, 0)))
        self.assertEqual(gateway.end(), 0)

    def test_twin_takes_the_address_that_the_data_plane_reports(self):
        gateway = self.gateway(behaviour="dataplane_mac").up()
        self.assertEqual(self.link("wan")["address"], "02:aa:bb:cc:dd:ee")
        self.assertEqual(gateway.end(), 0)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("supervisor_test.py: run it as root")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        unittest.main(verbosity=2)
    except KeyboardInterrupt:
        # unittest leaves at once then.
        if SupervisorTest.running is not None:
            SupervisorTest.running.tearDown()
            SupervisorTest.running.doCleanups()
        sys.exit(130)
