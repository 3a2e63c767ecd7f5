"""A switch between two gateways, which can lose what the test names."""
from lab import command


class Switch:
    """Takes the place of the cable between two namespaces' `vwan`."""

    def __init__(self, lab, left, right):
        self.lab = lab
        self.namespace = lab.namespace("switch")
        if "vwan" in command("ip", "-n", left, "link", "show"):
            command("ip", "-n", left, "link", "del", "vwan")
        for end, port in ((left, "left"), (right, "right")):
            lab.link(end, "vwan", self.namespace, port)
        ip = ("ip", "-n", self.namespace)
        command(*ip, "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        for port in ("left", "right"):
            command(*ip, "link", "set", port, "master", "switch")
        command(*ip, "link", "set", "switch", "up")

    def lose(self, port, what):
        """Frames that come in there and match (nftables)."""
        self.lab.inside(self.namespace, "nft", "-f", "-", stdin=f"""
table netdev losses {{
  counter lost {{ }}
  chain {port} {{
    type filter hook ingress device "{port}" priority 0;
    {what} counter name lost drop
  }}
}}
""")

    def lost(self):
        text = self.lab.inside(self.namespace, "nft", "list", "counter", "netdev", "losses", "lost")
        return int(text.split("packets ")[1].split()[0])

    def lose_nothing(self):
        self.lab.inside(self.namespace, "nft", "delete", "table", "netdev", "losses")
