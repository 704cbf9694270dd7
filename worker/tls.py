"""Who we are to Kafka and Redis, and whom we trust: what a person gave, checked before anything connects."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from worker.errors import BadUse


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. Without `ca_file` the machine's own authorities are trusted; the others are for mutual TLS."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)

    def context(self, prefix: str) -> ssl.SSLContext:
        """What a client speaks TLS with: 1.2 or newer, with the server's certificate and name checked.

        Raises BadUse, with the name of the variable that begins with `prefix`.
        """
        # The machine's own authorities take 35 ms to read, and a worker that waits for reviews comes here often.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if self.ca_file else ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file:
            _require_readable(self.ca_file, f"{prefix}_CA_FILE")
            try:
                context.load_verify_locations(self.ca_file)
            except ssl.SSLError as error:
                raise BadUse(f"{prefix}_CA_FILE: {self.ca_file} holds no certificates in PEM form") from error
        if self.certificate_file:
            self._load_own(context, self.certificate_file, prefix)
        return context

    def _load_own(self, context: ssl.SSLContext, certificate: Path, prefix: str) -> None:
        key = self.key_file or certificate
        _require_readable(certificate, f"{prefix}_CERTIFICATE_FILE")
        _require_readable(key, f"{prefix}_KEY_FILE")
        try:
            # Never None, or a locked key would be asked for at the terminal.
            context.load_cert_chain(certificate, key, self.key_password or "")
        except ssl.SSLError as error:
            raise BadUse(
                f"{prefix}_KEY_FILE: {key} is not the key of {certificate} in PEM form, or its password is another"
            ) from error


@dataclass(frozen=True, slots=True)
class RedisLogin:
    """How to identify ourselves to Redis, beside what its address says."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsFiles = TlsFiles()


def _require_readable(path: Path, setting: str) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadUse(f"{setting}: cannot read {path}: {error.strerror}") from None
