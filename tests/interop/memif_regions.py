"""Two gateways whose ports are memif's: what a generator of load puts in at one comes out at the other."""
import os

from lab import Gateway, dataplane, genkey


def device(lab, number, role, name):
    return f"net_memif{number},role={role},id=0,socket={lab.directory}/{name}.sock,socket-abstract=no"


# Ethernet addresses are stated: memif's own are others each time, and neighbours remember.
class MemifRegions:
    """generator - gateway 1 - underlay - gateway 2 - generator, each in a namespace of its own."""

    def __init__(self, lab, protocol="wireguard", tunnels=1):
        self.lab = lab
        self.tester = lab.namespace("tester")
        namespaces = [lab.namespace("gw1"), lab.namespace("gw2")]
        near, far = genkey(), [genkey() for _ in range(tunnels)]
        esp_keys = {n: os.urandom(36).hex() + "\n" for n in (1, 2)}
        self.gateways = []
        for n in (1, 2):
            tunnel = self.wireguard(n, near, far) if protocol == "wireguard" else self.esp(n)
            private = {f"wg{t}.key": key[0] + "\n" for t, key in enumerate([near] if n == 1 else far)}
            files = {**private, "in.key": esp_keys[n], "out.key": esp_keys[3 - n]}
            self.gateways.append(Gateway(lab, f"gateway{n}", namespaces[n - 1],
                                         dataplane() + self.ports(n) + tunnel, files))
        # A memif client asks its server once.
        for gateway in self.gateways:
            gateway.up()

    def ports(self, n):
        role = "server" if n == 1 else "client"
        return f"""
[[port]]
name = "wan"
role = "underlay"
device = "{device(self.lab, 0, role, 'wan')},mac=02:00:00:00:01:0{n}"
addresses = ["192.0.2.{n}/24"]
mtu = 1600
[[port]]
name = "lan"
role = "inside"
device = "{device(self.lab, 1, 'server', f'lan{n}')},mac=02:00:00:00:02:0{n}"
addresses = ["10.{n}.0.1/16", "fd0{n}::1/64"]
"""

    @classmethod
    def wireguard(cls, n, near, far):
        """Gateway 2 has an interface a tunnel, which are gateway 1's peers. Tunnel t is for 10.n.t.0/24."""
        if n == 1:
            peers = (cls.peer(n, t, key[1], 51820 + t) for t, key in enumerate(far))
            return cls.interface(0) + "".join(peers)
        return "".join(cls.interface(t) + cls.peer(n, t, near[1], 51820) for t in range(len(far)))

    @staticmethod
    def interface(t):
        return f"""
[[wireguard]]
name = "wg{t}"
mtu = 1500
listen_port = {51820 + t}
private_key_file = "wg{t}.key"
"""

    @staticmethod
    def peer(n, t, public, port):
        other = 3 - n
        return f"""
[[wireguard.peer]]
name = "tunnel-{t}"
public_key = "{public}"
endpoint = "192.0.2.{other}:{port}"
allowed_ips = ["10.{other}.{t}.0/24", "fd0{other}:0:0:{t}::/64"]
"""

    @staticmethod
    def esp(n):
        other = 3 - n
        return f"""
[[ipsec]]
name = "ipsec0"
mtu = 1500
[[ipsec.connection]]
name = "region-{other}"
local = {{ address = "192.0.2.{n}" }}
remote = {{ address = "192.0.2.{other}" }}
encapsulation = "none"
lab = true
[[ipsec.connection.child]]
name = "nets"
local_ts = ["10.{n}.0.0/16"]
remote_ts = ["10.{other}.0.0/16"]
lab_keys = {{ suite = "aes256gcm16-esn", initiator = {str(n == 1).lower()}, in_spi = "{0x1000 + n:#x}", \
in_key_file = "in.key", out_spi = "{0x1000 + other:#x}", out_key_file = "out.key" }}
"""

    def generator(self, flows, **trial):
        """The file of a run; `flows`: each a source behind gateway 1, a destination behind 2, and more."""
        text = '[generator]\nhugepages = "never"\n'
        for n, name in ((1, "a"), (2, "b")):
            text += f"""
[[port]]
name = "{name}"
device = "{device(self.lab, n, 'client', f'lan{n}')}"
mac = "02:00:00:00:03:0{n}"
addresses = ["10.{n}.0.2", "fd0{n}::2"]
gateway = "10.{n}.0.1"
"""
        for source, destination, *more in flows:
            text += "\n".join(['[[flow]]', 'from = "a"', 'to = "b"', f'source = "{source}"',
                               f'destination = "{destination}"', *more, ""])
        text += "[trial]\n" + "".join(f"{key} = {value}\n" for key, value in trial.items())
        file = self.lab.directory / "line-rate.toml"
        file.write_text(text)
        return file
