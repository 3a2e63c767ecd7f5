"""Certificates of any kind and age, made for a test."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
DAY = datetime.timedelta(days=1)
# An extension that nobody knows, which makes a certificate as long as one likes.
PADDING = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")


def make_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP384R1())


def digest(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA384()


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Gotthard's tests"),
                      x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Credential:
    """A key, its certificate and the intermediate authorities above it, as texts of PEM."""

    def __init__(self, name, key, certificate, above):
        self.name, self.certificate, self.above = name, certificate, above
        self.pem = certificate.public_bytes(PEM).decode()
        self.key_pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()).decode()

    def chain(self):
        return self.pem + "".join(self.above)


class Authority:
    def __init__(self, name, issuer=None, padding=0):
        """Without an issuer it trusts itself. Those that it makes are `padding` bytes longer, as it is."""
        self.name, self.padding = name, padding
        self.key = make_key("ecdsa")
        self.above = [] if issuer is None else [*issuer.own_and_above()]
        self.certificate = (issuer or self)._sign(name, self.key, padding, [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (x509.KeyUsage(key_cert_sign=True, crl_sign=True, digital_signature=True, content_commitment=False,
                           key_encipherment=False, data_encipherment=False, key_agreement=False,
                           encipher_only=False, decipher_only=False), True)])
        self.pem = self.certificate.public_bytes(PEM).decode()
        self.root = self if issuer is None else issuer.root

    def own_and_above(self):
        """What a peer that knows the root only has to be sent."""
        return [] if not hasattr(self, "root") or self.root is self else [self.pem, *self.above]

    def issue(self, name, kind="ecdsa", days=(-1, 30)):
        """For an end that is called so; valid within these days from now."""
        key = make_key(kind)
        certificate = self._sign(name, key, self.padding,
                                 [(x509.SubjectAlternativeName([x509.DNSName(name)]), False)], days)
        return Credential(name, key, certificate, self.own_and_above())

    def revocations(self, *credentials):
        """Its list, with these on it."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(subject(self.name))
                   .last_update(now - DAY).next_update(now + 30 * DAY)
                   .add_extension(x509.CRLNumber(1), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for credential in credentials:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(credential.certificate.serial_number)
                .revocation_date(now - DAY / 2).build())
        return builder.sign(self.key, digest(self.key)).public_bytes(PEM).decode()

    def _sign(self, name, key, padding, extensions, days=(-1, 30)):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject(name)).issuer_name(subject(self.name))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        if padding:
            # An octet string of that length.
            value = b"\x04\x82" + padding.to_bytes(2, "big") + bytes(padding)
            builder = builder.add_extension(x509.UnrecognizedExtension(PADDING, value), critical=False)
        return builder.sign(self.key, digest(self.key))
