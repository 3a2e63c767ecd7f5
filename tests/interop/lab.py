"""Regions on one machine: network namespaces, hosts, gateways, and their end.

Everything that is made carries this process's number and goes away with it, whatever ends it.
"""
import atexit
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from programs import (BUILD, ENDINGS, ROOT, Failed, Skipped, check, command, end, kill, naming,  # noqa: F401
                      others_in_groups, start, wait_for)
from traffic import (Sequence, Wire, answers, faultless, iperf3, ping, ping_at_once,  # noqa: F401
                     reach)

GOTTHARD = BUILD / "gotthard"
SKIPPED = 77


# A /run of its own: both gateways of a lab may have a wg0, whose socket is in /run/wireguard.
OWN_RUN = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
           'mount -t tmpfs tmpfs /run && exec "$@"', "sh")


def own_run_and(file, text, lab):
    """The same, with another text in one of the host's files."""
    other = lab.directory / pathlib.Path(file).name
    other.write_text(text)
    return (*OWN_RUN[:-2], f'mount -t tmpfs tmpfs /run && mount --bind {other} {file} && exec "$@"', "sh")


class Lab:
    def __init__(self):
        self.tag = f"gt{os.getpid()}"
        self.namespaces = []
        self.processes = []
        self.gateways = []
        self.closed = False
        self.left = {}  # processes that are there once all has ended
        ENDINGS.catch()
        with ENDINGS.hold():
            self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gotthard-lab-"))
            atexit.register(self.close)

    def close(self):
        """What is made is noted first, so that there is nothing else. A second call does nothing."""
        if self.closed:
            return
        ENDINGS.ignore()
        self.closed = True
        for gateway in self.gateways:
            gateway.end()
        helpers = others_in_groups({process.pid for process in self.processes})
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            end(process)
        kill(helpers)
        self.left = naming(str(self.directory))
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        ENDINGS.catch()

    def namespace(self, name):
        full = f"{self.tag}-{name}"
        self.namespaces.append(full)
        command("ip", "netns", "add", full)
        command("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def link(self, left, left_device, right, right_device):
        """A veth pair. Without offloads: frames in AF_PACKET have whole checksums."""
        command("ip", "-n", left, "link", "add", left_device, "type", "veth", "peer", "name",
                right_device, "netns", right)
        for namespace, device in ((left, left_device), (right, right_device)):
            command("ip", "-n", namespace, "link", "set", device, "up")
            self.inside(namespace, "ethtool", "-K", device, "tx", "off", "rx", "off", "tso", "off",
                        "gso", "off", "gro", "off")

    def inside(self, namespace, *words, **options):
        return command("ip", "netns", "exec", namespace, *words, **options)

    def start(self, namespace, *words, output=None):
        stream = open(output, "wb") if output else subprocess.PIPE
        return start(self.processes, "ip", "netns", "exec", namespace, *words, stdout=stream,
                     stderr=subprocess.STDOUT if output else subprocess.PIPE,
                     stdin=subprocess.DEVNULL)


class Gateway:
    """A running `gotthard up`."""

    def __init__(self, lab, name, namespace, configuration, files):
        self.lab = lab
        self.name = name
        self.namespace = namespace
        self.directory = lab.directory / name
        self.run_dir = self.directory / "run"
        self.state_dir = self.directory / "state"
        self.log = self.directory / "log"
        self.file = self.directory / "gotthard.toml"
        self.directory.mkdir()
        for file, text in files.items():
            path = self.directory / file
            path.touch(mode=0o600)
            path.write_text(text)
        self.file.write_text(configuration)
        self.process = None
        self.surroundings = OWN_RUN
        lab.gateways.append(self)

    def up(self):
        self.begin()
        self.ready()

    def begin(self):
        self.process = self.lab.start(self.namespace, *self.surroundings, GOTTHARD, "--run-dir",
                                      self.run_dir, "--state-dir", self.state_dir, "up", self.file,
                                      output=self.log)

    def ready(self):
        self.wait()
        self.usable()

    def wait(self, seconds=30):
        try:
            command(GOTTHARD, "--run-dir", self.run_dir, "wait", "--timeout", seconds,
                    seconds=seconds + 10)
        except Failed as failed:
            raise Failed(f"gateway {self.name}: {failed}\n{self.log_text()[-3000:]}") from None

    def ask(self, *words):
        return json.loads(command(GOTTHARD, "--run-dir", self.run_dir, "--json", *words))

    def call(self, *words):
        return command(GOTTHARD, "--run-dir", self.run_dir, *words)

    def refused(self, *words):
        """What it says."""
        done = subprocess.run([GOTTHARD, "--run-dir", self.run_dir, *words], capture_output=True,
                              text=True, timeout=60)
        check(done.returncode == 2, f"{words} was not refused: {done}")
        return done.stderr

    def wg(self, *words, **options):
        """Debian's wg, where it finds this gateway's sockets."""
        return command("nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt", "wg", *words, **options)

    def usable(self):
        """IPv6 addresses may be used once nobody else has shown to have them (RFC 4862)."""
        deadline = time.monotonic() + 10
        while command("ip", "-n", self.namespace, "-6", "addr", "show", "tentative").strip():
            check(time.monotonic() < deadline, f"{self.name}: addresses stay tentative")
            time.sleep(0.1)

    def frames(self, by_kernel):
        """Frames that arrived at the devices beneath the ports: as the kernel has it, or as the ports."""
        if not by_kernel:
            return sum(p["rx_packets"] for p in self.ask("show", "ports")["ports"])
        devices = re.findall(r"iface=(\w+)", self.file.read_text())
        links = (json.loads(command("ip", "-n", self.namespace, "-s", "-j", "link", "show", "dev", d))
                 for d in devices)
        return sum(link[0]["stats64"]["rx"]["packets"] for link in links)

    def losses(self):
        """What was dropped, by the gateway and by its test ports."""
        drops = {k: v for k, v in self.drops().items() if v}
        ports = {p["name"]: {k: p[k] for k in ("rx_missed", "rx_errors", "tx_errors", "rx_no_mbuf")
                             if p[k]} for p in self.ask("show", "ports")["ports"]}
        return f"{self.name}: drops {drops}, ports {ports}"

    def last_losses(self):
        """The losses of a gateway that may not answer any more."""
        try:
            return self.losses()
        except (Failed, subprocess.TimeoutExpired) as failed:
            return f"{self.name}: its losses are not known: {failed}"

    def peer(self, name=None):
        peers = self.ask("show", "peers")["peers"]
        return next(p for p in peers if name in (None, p["name"]))

    def drops(self):
        return {d["reason"]: d["packets"] for d in self.ask("show", "drops")["drops"]}

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def child(self, program):
        """The process number of gotthard-dataplane or gotthard-control."""
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            # The kernel keeps 15 characters of the name.
            if fields.get("Name") == program[:15] and self._ours(int(fields["PPid"])):
                return int(fields["Pid"])
        raise Failed(f"{self.name} has no {program}")

    def replaced(self, program, old):
        """It has been started again, under another number."""
        try:
            return self.child(program) != old
        except Failed:
            return False

    def _ours(self, parent):
        try:
            words = pathlib.Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return str(self.run_dir).encode() in words

    def end(self):
        """By a signal: it may not be up yet, and not listen."""
        if self.process is not None:
            end(self.process)


def genkey():
    private = command(GOTTHARD, "genkey").strip()
    return private, command(GOTTHARD, "pubkey", stdin=private + "\n").strip()


def genpsk():
    return command(GOTTHARD, "genpsk").strip()


def ports(number, underlay="vwan", inside="vlan"):
    return f"""
[[port]]
name = "wan"
role = "underlay"
device = "net_af_packet0,iface={underlay}"
addresses = ["192.0.2.{number}/24", "2001:db8::{number}/64"]
[[port]]
name = "lan"
role = "inside"
device = "net_af_packet1,iface={inside}"
addresses = ["10.{number}.0.1/24", "fd0{number}::1/64"]
"""


def dataplane(**options):
    """Written as TOML, whose strings and numbers are JSON's too."""
    lines = {"workers": 1, "hugepages": "never", **options}
    return "[dataplane]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in lines.items())


def host(lab, number, gateway):
    """A host behind a gateway; its routes carry what fits in the tunnel."""
    name = lab.namespace(f"host{number}")
    lab.link(gateway, "vlan", name, "v0")
    command("ip", "-n", name, "addr", "add", f"10.{number}.0.2/24", "dev", "v0")
    command("ip", "-n", name, "addr", "add", f"fd0{number}::2/64", "dev", "v0", "nodad")
    command("ip", "-n", name, "route", "add", "default", "via", f"10.{number}.0.1", "mtu", "1420")
    command("ip", "-n", name, "-6", "route", "add", "default", "via", f"fd0{number}::1", "mtu", "1420")
    return name


def forwarding(lab, namespace):
    """Tests run with a kernel that would forward if it could."""
    lab.inside(namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1",
               "net.ipv6.conf.all.forwarding=1")


class TwoRegions:
    """host1 - gateway 1 - underlay - gateway 2 - host2, both gateways Gotthard's."""

    SEALED = Wire.SEALED

    def __init__(self, lab, keepalive=0, endpoint6=False, start=True, **options):
        self.lab = lab
        self.gateway_namespaces = [lab.namespace("gw1"), lab.namespace("gw2")]
        lab.link(self.gateway_namespaces[0], "vwan", self.gateway_namespaces[1], "vwan")
        self.hosts = [host(lab, n, self.gateway_namespaces[n - 1]) for n in (1, 2)]
        for namespace in self.gateway_namespaces:
            forwarding(lab, namespace)
        keys = [genkey(), genkey()]
        psk = genpsk()
        self.gateways = []
        for n in (1, 2):
            other = 3 - n
            endpoint = f"[2001:db8::{other}]:51820" if endpoint6 else f"192.0.2.{other}:51820"
            configuration = dataplane(**options) + ports(n) + f"""
[[wireguard]]
name = "wg0"
listen_port = 51820
private_key_file = "wg0.key"
addresses = ["172.31.0.{n}/30"]
[[wireguard.peer]]
name = "region-{other}"
public_key = "{keys[other - 1][1]}"
preshared_key_file = "peer.psk"
endpoint = "{endpoint}"
allowed_ips = ["10.{other}.0.0/16", "fd0{other}::/64", "172.31.0.{other}/32"]
persistent_keepalive = {keepalive}
"""
            self.gateways.append(Gateway(lab, f"gateway{n}", self.gateway_namespaces[n - 1],
                                         configuration,
                                         {"wg0.key": keys[n - 1][0] + "\n", "peer.psk": psk + "\n"}))
        if start:
            for gateway in self.gateways:
                gateway.begin()
            for gateway in self.gateways:
                gateway.ready()


class TwoEspRegions:
    """The same through ESP, with keys from files: each direction has a fresh one."""

    SEALED = "ip proto 50 or ip6 proto 50 or udp port 4500"

    def __init__(self, lab, suite="aes256gcm16-esn", key_bytes=36, encapsulation="none", remotes=None,
                 surroundings=None, pairs=1, more=None, **options):
        self.lab = lab
        self.gateway_namespaces = [lab.namespace("gw1"), lab.namespace("gw2")]
        lab.link(self.gateway_namespaces[0], "vwan", self.gateway_namespaces[1], "vwan")
        self.hosts = [host(lab, n, self.gateway_namespaces[n - 1]) for n in (1, 2)]
        self.suite = suite
        self.key_bytes = key_bytes
        self.generation = 0
        self.pairs = pairs
        keys = self.fresh_keys()
        self.gateways = []
        for n in (1, 2):
            other = 3 - n
            forwarding(lab, self.gateway_namespaces[n - 1])
            configuration = dataplane(**options) + ports(n) + (more or {}).get(n, "") + f"""
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.{n}/30"]
[[ipsec.connection]]
name = "region-{other}"
local = {{ address = "192.0.2.{n}" }}
remote = {{ address = {json.dumps((remotes or {}).get(n, f'192.0.2.{other}'))} }}
encapsulation = "{encapsulation}"
lab = true
[[ipsec.connection.child]]
name = "nets"
local_ts = ["10.{n}.0.0/16", "fd0{n}::/64"]
remote_ts = ["10.{other}.0.0/16", "fd0{other}::/64"]
{self.lab_keys(n)}
"""
            self.gateways.append(Gateway(lab, f"gateway{n}", self.gateway_namespaces[n - 1], configuration,
                                         self.key_files(n, keys)))
        for n, gateway in enumerate(self.gateways, 1):
            gateway.surroundings = (surroundings or {}).get(n, gateway.surroundings)
            gateway.begin()
        for gateway in self.gateways:
            gateway.ready()

    def fresh_keys(self):
        """By the gateway that opens with them, for each pair of SAs."""
        return {n: [os.urandom(self.key_bytes).hex() + "\n" for _ in range(self.pairs)] for n in (1, 2)}

    def spi(self, n, pair=0):
        """Of what gateway `n` opens."""
        return 0x1000 + 0x1000 * n + 0x100 * pair + self.generation

    def key_files(self, n, keys):
        return {f"{way}.{self.generation}.{pair}": keys[opener][pair]
                for way, opener in (("in", n), ("out", 3 - n)) for pair in range(self.pairs)}

    def lab_keys(self, n):
        initiator = "true" if n == 1 else "false"
        each = (f'{{ suite = "{self.suite}", initiator = {initiator}, '
                f'in_spi = "{self.spi(n, pair):#x}", in_key_file = "in.{self.generation}.{pair}", '
                f'out_spi = "{self.spi(3 - n, pair):#x}", out_key_file = "out.{self.generation}.{pair}" }}'
                for pair in range(self.pairs))
        return f"lab_keys = [{', '.join(each)}]"

    def rekey(self):
        """By reload; first where the new keys are only listened for."""
        old = {n: self.lab_keys(n) for n in (1, 2)}
        self.generation += 1
        keys = self.fresh_keys()
        for n in (2, 1):
            gateway = self.gateways[n - 1]
            for file, text in self.key_files(n, keys).items():
                path = gateway.directory / file
                path.touch(mode=0o600)
                path.write_text(text)
            before = gateway.file.read_text()
            gateway.file.write_text(before.replace(old[n], self.lab_keys(n)))
            said = gateway.ask("reload")
            where = [(d["where"], d["key"]) for d in said["differences"]]
            check(said["applied"] and where == self.pairs * [(f"ipsec0/region-{3 - n}/nets", "lab_keys")],
                  f"reload: {said}")


def needs(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}")
        sys.exit(SKIPPED)


def main(*tests):
    """Runs each test in a lab of its own; what it prints and the status are for tools/test."""
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(SKIPPED)
    failures = []
    for test in tests:
        lab = Lab()
        start = time.monotonic()
        try:
            test(lab)
            print(f"{test.__name__}: ok ({time.monotonic() - start:.1f} s)", flush=True)
        except Skipped as skipped:
            print(f"{test.__name__}: skipped: {skipped}", flush=True)
        except (Failed, subprocess.TimeoutExpired) as failed:
            for gateway in lab.gateways:
                print(f"--- {gateway.name}\n{gateway.log_text()[-2000:]}\n{gateway.last_losses()}", flush=True)
            failures.append(f"{test.__name__}: {failed}")
            print(failures[-1], flush=True)
        finally:
            lab.close()
            if lab.left:
                failures.append(f"{test.__name__}: left behind: {lab.left}")
                print(failures[-1], flush=True)
    if failures:  # last once more: the end of what a test prints is what is read first
        print("\n".join(failures), flush=True)
    sys.exit(1 if failures else 0)
