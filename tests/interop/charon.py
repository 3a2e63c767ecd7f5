"""strongSwan's charon as the other end, in a namespace of a lab or in a real Linux kernel:

    host1 - Gotthard - underlay - charon - host2

Its ESP is its own (kernel-libipsec, always in UDP) or that of the kernel of User-Mode Linux (XFRM).
"""
import os
import pathlib
import re
import shutil

from lab import (OWN_RUN, Failed, Gateway, answers, check, command, dataplane, forwarding, host, ports,
                 wait_for)
from linux_kernel import LinuxKernel, has, kernel

PROGRAM = "/usr/sbin/charon-systemd"
PLUGINS = pathlib.Path("/usr/lib/ipsec/plugins")
# What openssl does not have: nonces, files, revocation, sockets and orders.
LOADED = "random nonce openssl kdf pem pkcs1 pkcs8 pubkey x509 revocation constraints {kernel} socket-default vici updown"
KERNELS = {"libipsec": "kernel-libipsec kernel-netlink", "kernel": "kernel-netlink"}


def missing(kind):
    """Why there is no such charon; nothing if there is."""
    if not os.access(PROGRAM, os.X_OK) or shutil.which("swanctl") is None:
        return "charon-systemd and strongswan-swanctl are not installed"
    plugin = "kernel-libipsec" if kind == "libipsec" else "kernel-netlink"
    for name in ("openssl", plugin):
        if not (PLUGINS / f"libstrongswan-{name}.so").exists():
            return f"charon has no plugin {name}"
    if kind == "kernel" and kernel() is None:
        return "no User-Mode Linux kernel: tests/interop/uml/build /var/cache/gotthard/linux-uml makes one"
    if kind == "kernel" and not has("XfrmInError"):
        return f"{kernel()} was built without ESP: remove it, and tests/interop/uml/build makes another"
    return None


class Psk:
    """Both ends have it; the word is charon's and ours."""
    word = "psk"

    def __init__(self, key="a key that nobody guesses, not even in a test"):
        self.key = key


class Cert:
    """Of one end: `credential` of authority.py, trusted by the other end because of `root`."""

    def __init__(self, credential, root, how="", revoked=""):
        self.credential, self.root = credential, root
        self.how = how  # to sign
        self.revoked = revoked  # a list that the other end has


class Connection:
    """What both ends know of it. `here` and `there` are more lines of ours and of charon's."""

    def __init__(self, number=1, ours=None, theirs=None, ike="aes256gcm16-prfsha384-x25519", esp="aes256gcm16",
                 their_ike=None, their_esp=None, expected=None, near=("10.1.0.0/16", "fd01::/64"),
                 far=("10.2.0.0/16", "fd02::/64"), their_near=None, addresses=("192.0.2.1", "192.0.2.2"),
                 places=None, their_psk=None, encapsulation="auto", here="", child_here="", there="",
                 child_there="", our_id=None, their_id=None, shown=None):
        self.name = f"c{number}"
        self.ids = (our_id or f"gw1-{number}.example", their_id or f"gw2-{number}.example")
        self.ours, self.theirs = ours or Psk(), theirs or ours or Psk()
        self.shown = shown or self.theirs  # by charon, whatever we expect
        self.ike, self.esp = ike, esp
        self.their_ike, self.their_esp = their_ike or ike, their_esp or esp
        self.expected = expected or self.ids[1]  # as whom we take charon
        self.near, self.far, self.their_near = near, far, their_near or near
        self.addresses = addresses
        self.places = places or addresses  # as the other end sees them: a NAT may be between
        self.their_psk = their_psk
        self.encapsulation = encapsulation
        self.here, self.child_here, self.there, self.child_there = here, child_here, there, child_there

    def psk(self):
        return next((end.key for end in (self.ours, self.theirs, self.shown) if isinstance(end, Psk)), None)

    # ------------------------------------------------------------ Gotthard's

    def files(self):
        """Beside its configuration."""
        name, found = self.name, {}
        if self.psk():
            found[f"{name}.psk"] = self.psk() + "\n"
        if isinstance(self.ours, Cert):
            found[f"{name}.pem"] = self.ours.credential.chain()
            found[f"{name}.key"] = self.ours.credential.key_pem
        if isinstance(self.theirs, Cert):
            found[f"{name}.ca"] = self.theirs.root.pem
            if self.theirs.revoked:
                found[f"{name}.crl"] = self.theirs.revoked
        return found

    def toml(self):
        name = self.name
        local = [f'address = "{self.addresses[0]}"', f'id = "{self.ids[0]}"']
        remote = [f'address = "{self.places[1]}"', f'id = "{self.expected}"']
        if isinstance(self.ours, Cert):
            local += [f'auth = "{self.ours.how or "cert"}"', f'cert_file = "{name}.pem"', f'key_file = "{name}.key"']
        else:
            local += ['auth = "psk"', f'psk_file = "{name}.psk"']
        if isinstance(self.theirs, Cert):
            remote += ['auth = "cert"', f'ca_files = ["{name}.ca"]']
            remote += [f'crl_files = ["{name}.crl"]'] if self.theirs.revoked else []
        else:
            remote += ['auth = "psk"', f'psk_file = "{name}.psk"']
        return f"""
[[ipsec.connection]]
name = "{name}"
local = {{ {", ".join(local)} }}
remote = {{ {", ".join(remote)} }}
proposals = ["{self.ike}"]
encapsulation = "{self.encapsulation}"
{self.here}
[[ipsec.connection.child]]
name = "nets"
local_ts = [{", ".join(f'"{net}"' for net in self.near)}]
remote_ts = [{", ".join(f'"{net}"' for net in self.far)}]
esp_proposals = ["{self.esp}"]
{self.child_here}
"""

    # ------------------------------------------------------------ charon's

    def swanctl(self):
        name = self.name
        if isinstance(self.shown, Cert):
            local = f"auth = {self.shown.how or 'pubkey'}\n      certs = {name}.pem"
        else:
            local = "auth = psk"
        remote = f"auth = pubkey\n      cacerts = {name}.ca" if isinstance(self.ours, Cert) else "auth = psk"
        if isinstance(self.ours, Cert) and self.ours.revoked:
            remote += "\n      revocation = strict"
        return f"""
  {name} {{
    version = 2
    local_addrs = {self.addresses[1]}
    remote_addrs = {self.places[0]}
    proposals = {self.their_ike}
    mobike = no
    {self.there}
    local {{
      {local}
      id = {self.ids[1]}
    }}
    remote {{
      {remote}
      id = {self.ids[0]}
    }}
    children {{
      {name} {{
        local_ts = {",".join(self.far)}
        remote_ts = {",".join(self.their_near)}
        esp_proposals = {self.their_esp}
        {self.child_there}
      }}
    }}
  }}"""

    def secret(self):
        key = self.their_psk or self.psk()
        return f"""
  ike-{self.name} {{
    id-1 = {self.ids[0]}
    id-2 = {self.ids[1]}
    secret = "{key}"
  }}""" if key else ""

    def swanctl_files(self):
        """In the folders that swanctl looks into."""
        name, found = self.name, {}
        if isinstance(self.shown, Cert):
            found[f"x509/{name}.pem"] = self.shown.credential.pem
            found[f"private/{name}.key"] = self.shown.credential.key_pem
            for n, pem in enumerate(self.shown.credential.above):
                found[f"x509ca/{name}.{n}.above"] = pem
        if isinstance(self.ours, Cert):
            found[f"x509ca/{name}.ca"] = self.ours.root.pem
            if self.ours.revoked:
                found[f"x509crl/{name}.crl"] = self.ours.revoked
        return found


def parse(text):
    """swanctl's --pretty: `name {`, `name = value`, `name = [` with an entry a line."""
    stack = [{}]
    items = None
    for line in map(str.strip, text.splitlines()):
        if items is not None:
            if line == "]":
                items = None
            else:
                items.append(line)
        elif line.endswith("{"):
            inner = {}
            # Of several events with one name none replaces another.
            stack[-1].setdefault(line[:-1].strip(), []).append(inner)
            stack.append(inner)
        elif line == "}":
            stack.pop()
        elif line.endswith("= ["):
            items = stack[-1][line[:-3].strip()] = []
        elif " = " in line:
            key, value = line.split(" = ", 1)
            stack[-1][key] = value
    return stack[0]


class Charon:
    """What both kinds have; `_run` and `_begin` are theirs."""

    kind = None
    run_directory = None  # of its socket

    def __init__(self, lab, namespace, connections, more=""):
        self.lab, self.namespace = lab, namespace
        self.directory = lab.directory / "charon"
        self.directory.mkdir()
        # Profiles of AppArmor, which let them read /etc only, are for the programs in their places.
        self.program = shutil.copy(PROGRAM, self.directory / "charon")
        self.swanctl_program = shutil.copy(shutil.which("swanctl"), self.directory / "swanctl-program")
        self._configure(more)
        self._write(connections)

    def _configure(self, more):
        (self.directory / "strongswan.conf").write_text(f"""
charon {{
  load = {LOADED.format(kernel=KERNELS[self.kind])}
  threads = 16
  install_virtual_ip = no
  {more}
  filelog {{
    stdout {{
      default = 1
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{self.run_directory}/vici
    }}
  }}
}}
swanctl {{
  load = pem pkcs1 pkcs8 x509 pubkey openssl random
}}
""")
        # Only loading needs more than the socket, and openssl takes a second to start in User-Mode Linux.
        (self.directory / "orders.conf").write_text("swanctl {\n  load = nonce\n}\n")

    def _write(self, connections):
        folder = self.directory / "swanctl"
        for name in ("x509", "x509ca", "x509crl", "private", "pkcs8", "rsa", "ecdsa", "pubkey", "pkcs12", "bliss",
                     "x509aa", "x509ac", "x509ocsp", "conf.d"):
            (folder / name).mkdir(parents=True)
        for file, text in ((f, t) for c in connections for f, t in c.swanctl_files().items()):
            (folder / file).write_text(text)
        (folder / "swanctl.conf").write_text(
            "connections {" + "".join(c.swanctl() for c in connections) + "\n}\nsecrets {"
            + "".join(c.secret() for c in connections) + "\n}\n")

    def begin(self):
        self._begin()
        self.load()

    def load(self):
        self.swanctl("--load-all", "--noprompt")

    def environment(self, configuration="strongswan.conf"):
        return ["env", f"STRONGSWAN_CONF={self.directory}/{configuration}",
                f"SWANCTL_DIR={self.directory}/swanctl"]

    def words(self, *words):
        """Of an order to it, which ends in time."""
        configuration = "strongswan.conf" if words[0] == "--load-all" else "orders.conf"
        return [*self.environment(configuration), "timeout", "30", str(self.swanctl_program), *words, "--uri",
                f"unix://{self.run_directory}/vici"]

    def swanctl(self, *words, fails=False):
        """What it says; `fails`: it may."""
        try:
            return self._run([self.words(*words)], fails)
        except Failed as failed:
            raise Failed(f"{failed}\n--- charon\n{self.log()[-4000:]}") from None

    def initiate(self, *connections, fails=False):
        try:
            return self._run([self.words("--initiate", "--child", c.name, "--timeout", "10")
                              for c in connections], fails)
        except Failed as failed:
            raise Failed(f"{failed}\n--- charon\n{self.log()[-4000:]}") from None

    def rekey(self, of_ike, *connections, fails=False):
        what = "--ike" if of_ike else "--child"
        return self._run([self.words("--rekey", what, c.name) for c in connections], fails)

    def terminate(self, of_ike, connection, fails=False):
        what = "--ike" if of_ike else "--child"
        return self.swanctl("--terminate", what, connection.name, "--timeout", "5", fails=fails)

    def sas(self):
        """Its IKE SAs, each with its children, in the order of their making."""
        found = []
        for event in parse(self.swanctl("--list-sas", "--pretty")).get("list-sa event", []):
            for name, sas in event.items():
                for sa in sas:
                    children = [c for cs in sa.get("child-sas", []) for many in cs.values() for c in many]
                    found.append({**sa, "name": name, "children": children})
        return found

    def established(self):
        """By connection, of which none has two."""
        found = {}
        for sa in self.sas():
            if sa["state"] == "ESTABLISHED":
                check(sa["name"] not in found, f"charon has two IKE SAs: {sa}, {found}")
                found[sa["name"]] = sa
        return found

    def sa(self, connection):
        found = self.established()
        check(connection.name in found, f"charon has no IKE SA for {connection.name}: {found}")
        return found[connection.name]

    def child(self, connection):
        found = [c for c in self.sa(connection)["children"] if c["state"] == "INSTALLED"]
        check(len(found) == 1, f"charon has {len(found)} children for {connection.name}: {found}")
        return found[0]


class LibipsecCharon(Charon):
    """In the namespace itself, with ESP of its own, in UDP."""

    kind = "libipsec"
    wan = "vwan"
    addresses = (("192.0.2.2/24", "vwan"), ("2001:db8::2/64", "vwan"), ("10.2.0.1/24", "vlan"), ("fd02::1/64", "vlan"))

    def __init__(self, lab, namespace, connections, wan=None, script="", more=""):
        self.run_directory = lab.directory / "charon"
        super().__init__(lab, namespace, connections, more)
        forwarding(lab, namespace)
        addresses = ((wan, "vwan"), *self.addresses[2:]) if wan else self.addresses
        for address, device in addresses:
            command("ip", "-n", namespace, "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        self.shell(script.replace("{wan}", self.wan))
        self.begin()

    def shell(self, script):
        return self.lab.inside(self.namespace, "bash", "-euc", script)

    def _begin(self):
        self.output = self.directory / "log"
        self.process = self.lab.start(self.namespace, *OWN_RUN, *self.environment(), self.program,
                                      output=self.output)
        socket = self.directory / "vici"
        try:
            wait_for("charon", lambda: self.process.poll() is not None or socket.exists())
            check(self.process.poll() is None, "charon has ended")
        except Failed as failed:
            raise Failed(f"{failed}:\n{self.log()}") from None

    def _run(self, commands, fails):
        return "".join(self.lab.inside(self.namespace, *words, allow=None if fails else (0,)) for words in commands)

    def kill(self):
        """At once: it tells nobody."""
        self.process.kill()
        self.process.wait()
        (self.directory / "vici").unlink()

    def log(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def refused_esp(self):
        """What it has refused: it does not count that."""
        return {}

    def losses(self):
        return {}


class KernelCharon(Charon):
    """In User-Mode Linux; what it writes is in that kernel's memory."""

    kind = "kernel"
    wan = "vec0"
    run_directory = "/run"

    def __init__(self, lab, namespace, connections, wan=None, script="", more=""):
        super().__init__(lab, namespace, connections, more)
        addresses = (f"ip addr add {wan} dev vec0\n" if wan else
                     "ip addr add 192.0.2.2/24 dev vec0\nip addr add 2001:db8::2/64 dev vec0 nodad\n")
        self.linux = LinuxKernel(lab, namespace, ["vwan", "vlan"], f"""
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip link set vec0 up
ip link set vec1 up
{addresses}
ip addr add 10.2.0.1/24 dev vec1
ip addr add fd02::1/64 dev vec1 nodad
{script.replace("{wan}", self.wan)}
""")
        self.begin()

    def shell(self, script):
        return self.linux.run(script)

    def _begin(self):
        self.linux.run(f"""
{" ".join(self.environment())} {self.program} >> /run/charon.log 2>&1 < /proc/version &
echo $! > /run/charon.pid
for _ in $(seq 100); do [ ! -S /run/vici ] || break; sleep 0.1; done
[ -S /run/vici ] || {{ cat /run/charon.log; exit 1; }}
""")

    def _run(self, commands, fails):
        lines = (" ".join(words) + " < /proc/version" + (" || true" if fails else "") for words in commands)
        return self.linux.run("\n".join(lines) + "\n")

    def kill(self):
        self.linux.run("kill -KILL $(cat /run/charon.pid); rm /run/vici")

    def log(self):
        return self.linux.run("cat /run/charon.log")

    def refused_esp(self):
        """By the kernel: name and number."""
        pairs = (line.split() for line in self.linux.run("cat /proc/net/xfrm_stat").splitlines())
        return {name: int(count) for name, count in pairs if count != "0"}

    def losses(self):
        return self.linux.losses()


KINDS = {"libipsec": LibipsecCharon, "kernel": KernelCharon}


class Stand:
    """Gotthard with these connections, and the other end with the same."""

    SEALED = "ip proto 50 or ip6 proto 50 or udp port 4500 or udp port 500"

    def __init__(self, lab, kind, connections, between=None, near_ports=None, near_more="", wan=None, script="",
                 more="", next_hop="192.0.2.2", workers=1):
        self.lab, self.connections = lab, connections
        self.namespace, self.far = lab.namespace("gw1"), lab.namespace("gw2")
        if between:
            between(lab, self.namespace, self.far)
        else:
            lab.link(self.namespace, "vwan", self.far, "vwan")
        self.hosts = [host(lab, 1, self.namespace), host(lab, 2, self.far)]
        forwarding(lab, self.namespace)
        files = {name: text for c in connections for name, text in c.files().items()}
        self.gateway = Gateway(lab, "gateway1", self.namespace, dataplane(workers=workers) + (near_ports or ports(1))
                               + near_more + """
[[ipsec]]
name = "ipsec0"
addresses = ["172.31.1.1/30"]
""" + "".join(c.toml() for c in connections), files)
        self.gateway.begin()
        self.charon = KINDS[kind](lab, self.far, connections, wan=wan, script=script, more=more)
        self.gateway.ready()
        wait_for("the underlay", lambda: answers(lab, self.namespace, next_hop, 1))

    def initiate(self, connection, begins="gotthard"):
        if begins == "gotthard":
            self.gateway.call("initiate", f"{connection.name}/nets")
        else:
            self.charon.initiate(connection)
        self.wait_until_up(connection)

    def wait_until_up(self, *connections):
        for connection in connections:
            try:
                wait_for(f"{connection.name}'s child", lambda: self.child(connection)["established"])
            except Failed as failed:
                raise Failed(f"{failed}: {self.told(connection)}\n--- charon\n{self.charon.log()[-4000:]}") from None

    def child(self, connection):
        return next(c for c in self.gateway.ask("show", "children")["children"] if c["connection"] == connection.name)

    def sas(self, connection):
        """Of IKE, ours; without those that are only waiting for their end."""
        found = next(c for c in self.gateway.ask("show", "connections")["connections"] if c["name"] == connection.name)
        return [sa for sa in found["sas"] if sa["state"] == "established"]

    def sa(self, connection):
        found = self.sas(connection)
        check(len(found) == 1, f"{connection.name} has {len(found)} IKE SAs: {found}")
        return found[0]

    def told(self, connection):
        return self.gateway.ask("diagnose", connection.name)

    def losses(self):
        return f"{self.gateway.losses()}, ESP that the other end refused {self.charon.refused_esp()}, " \
               f"its devices lost {self.charon.losses()}"

    def explained(self, action):
        """`action`'s failure comes with charon's log."""
        try:
            return action()
        except Failed as failed:
            raise Failed(f"{failed}\n{self.losses()}\n--- charon\n{self.charon.log()[-6000:]}") from None
