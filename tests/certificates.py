"""TLS for the scripted server, with certificates made for the occasion."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


class Authority:
    """A certificate authority that nobody but its own tests trusts."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str, protocols: list[str] | None = None, client: bool = False) -> ssl.SSLContext:
        """TLS of a server with these names, which may demand a certificate of the client."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*(names or ("127.0.0.1", "localhost"))).configure_cert(context)
        if protocols:
            context.set_alpn_protocols(protocols)
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(str(self.file))
        return context

    def client(self, name: str) -> tuple[Path, Path, Path]:
        """A client's certificate: the files of both, of the certificate and of the key."""
        issued = self._ca.issue_cert(name)
        both, cert, key = (self._folder / f"{part}.pem" for part in ("both", "cert", "key"))
        issued.private_key_and_cert_chain_pem.write_to_path(str(both))
        issued.private_key_pem.write_to_path(str(key))
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return both, cert, key
