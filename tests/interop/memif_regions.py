"""Two gateways whose ports are memif's: what a generator of load puts in at one comes out at the other."""
import os

from lab import Gateway, dataplane, genkey


def device(lab, number, role, name):
    return f"net_memif{number},role={role},id=0,socket={lab.directory}/{name}.sock,socket-abstract=no"


# Ethernet addresses are stated: memif's own are others each time, and neighbours remember.
class MemifRegions:
    """generator - gateway 1 - underlay - gateway 2 - generator, each in a namespace of its own."""

    def __init__(self, lab, protocol="wireguard", sources="10.1.0.0/16"):
        self.lab = lab
        self.tester = lab.namespace("tester")
        namespaces = [lab.namespace("gw1"), lab.namespace("gw2")]
        keys = [genkey(), genkey()]
        esp_keys = {n: os.urandom(36).hex() + "\n" for n in (1, 2)}
        self.gateways = []
        for n in (1, 2):
            tunnel = self.wireguard(n, keys, sources) if protocol == "wireguard" else self.esp(n)
            files = {"wg0.key": keys[n - 1][0] + "\n", "in.key": esp_keys[n], "out.key": esp_keys[3 - n]}
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

    @staticmethod
    def wireguard(n, keys, sources):
        """`sources`: of what gateway 2 takes from gateway 1."""
        other = 3 - n
        allowed = '"10.2.0.0/16"' if n == 1 else f'"{sources}"'
        return f"""
[[wireguard]]
name = "wg0"
mtu = 1500
private_key_file = "wg0.key"
addresses = ["172.31.0.{n}/30"]
[[wireguard.peer]]
name = "region-{other}"
public_key = "{keys[other - 1][1]}"
endpoint = "192.0.2.{other}:51820"
allowed_ips = [{allowed}, "fd0{other}::/64"]
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
        """The file of a run; `flows`: pairs of a source behind gateway 1 and a destination behind 2."""
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
        for source, destination in flows:
            text += f'[[flow]]\nfrom = "a"\nto = "b"\nsource = "{source}"\ndestination = "{destination}"\n'
        text += "[trial]\n" + "".join(f"{key} = {value}\n" for key, value in trial.items())
        file = self.lab.directory / "line-rate.toml"
        file.write_text(text)
        return file
