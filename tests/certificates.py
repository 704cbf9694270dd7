"""Certificates for tests, made when they are needed: an authority, and what it vouches for."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = timedelta(days=1)
_BOTH_SIDES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


class Issued:
    """A certificate and its key: PEM files, apart and (`both_file`) in one."""

    def __init__(self, folder: Path, name: str) -> None:
        self.certificate_file = folder / f"{name}.crt.pem"
        self.key_file = folder / f"{name}.key.pem"
        self.both_file = folder / f"{name}.pem"


class Authority:
    """A certificate authority; `file` is the PEM file that whoever trusts it is given."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.file = folder / f"{name}.ca.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        certificate = (
            _unsigned(self._name, self._name, self._key, datetime.now(UTC) + _DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *hosts: str, expired: bool = False, key_password: str = "") -> Issued:
        """A certificate for the common name `name`, valid for these hosts (addresses or names) as a server's too."""
        key, issued = ec.generate_private_key(ec.SECP256R1()), Issued(self._folder, name)
        ends = datetime.now(UTC) + (-_DAY if expired else _DAY)
        request = _unsigned(_named(name), self._name, key, ends).add_extension(
            x509.ExtendedKeyUsage(_BOTH_SIDES), critical=False
        )
        if hosts:
            request = request.add_extension(x509.SubjectAlternativeName([_host(h) for h in hosts]), critical=False)
        certificate = request.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        secret = _pem(key, key_password)
        issued.certificate_file.write_bytes(certificate)
        issued.key_file.write_bytes(secret)
        issued.both_file.write_bytes(secret + certificate)
        return issued


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - 2 * _DAY)
        .not_valid_after(ends)
    )


def _pem(key: ec.EllipticCurvePrivateKey, password: str) -> bytes:
    hidden = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
