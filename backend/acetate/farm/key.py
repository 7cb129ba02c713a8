"""The key of a farm: the token that Ray asks for, and the authority that signs its machines' TLS certificates."""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from acetate_wire.errors import AcetateError
from acetate_wire.paths import atomic_write, ensure_private_dir, state_dir

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

YEARS = 10
HEALTH_CHECK = {"initial_delay_ms": 1000, "period_ms": 1000, "timeout_ms": 1000, "failure_threshold": 3}
"""How Ray's head asks each machine whether it lives: with Ray's own values a frozen one is noticed after a minute."""


def default_key_path() -> Path:
    """Where a machine has the key of its farm."""
    return state_dir() / "farm.json"


@dataclass(frozen=True)
class FarmKey:
    """`token` is 64 hexadecimal digits; `authority` and `authority_key` are PEM. Who has it may do everything."""

    token: str
    authority: str
    authority_key: str

    @classmethod
    def new(cls) -> FarmKey:
        """Make the key of a new farm."""
        from cryptography.hazmat.primitives.asymmetric import ec

        private = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(private, private, "Acetate farm", ())
        return cls(secrets.token_hex(32), certificate, _pem(private))

    @classmethod
    def load(cls, path: Path) -> FarmKey:
        """Read a key. Raises AcetateError when there is none."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise AcetateError(
                "bad_request",
                f"{path} is no key of a farm ({error})",
                field="key",
                hint="copy the file that `acetate farm start` names on the head to this machine by a safe way",
            ) from None

    def save(self, path: Path) -> None:
        """Write the key, readable by this user alone."""
        ensure_private_dir(path.parent)
        atomic_write(path, json.dumps(asdict(self)).encode())

    def environment(self, folder: Path, address: str) -> dict[str, str]:
        """What Ray needs to know of the key, in files of `folder`, on the machine with this IP address."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        ensure_private_dir(folder)
        private = ec.generate_private_key(ec.SECP256R1())
        authority = serialization.load_pem_private_key(self.authority_key.encode(), None)
        if not isinstance(authority, ec.EllipticCurvePrivateKey):
            raise AcetateError("bad_request", "the farm's key is damaged", field="key", hint="copy it again")
        certificate = _certificate(private, authority, "Acetate machine", (address, "127.0.0.1"))
        own = {"machine.pem": certificate, "machine.key": _pem(private)}
        for name, content in {**own, "token": self.token, "ca.pem": self.authority}.items():
            atomic_write(folder / name, content.encode())
        return {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USE_TLS": "1",
            "RAY_TLS_SERVER_CERT": str(folder / "machine.pem"),
            "RAY_TLS_SERVER_KEY": str(folder / "machine.key"),
            "RAY_TLS_CA_CERT": str(folder / "ca.pem"),
            "RAY_USAGE_STATS_ENABLED": "0",
            # A busy machine takes longer to start than Ray's own 15 and 30 seconds.
            "RAY_agent_register_timeout_ms": "120000",
            "RAY_raylet_start_wait_time_s": "120",
            **{f"RAY_health_check_{name}": str(value) for name, value in HEALTH_CHECK.items()},
        }


def _certificate(
    private: EllipticCurvePrivateKey, authority: EllipticCurvePrivateKey, name: str, addresses: tuple[str, ...]
) -> str:
    """A certificate in PEM, of the authority itself where there are no IP addresses."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    def called(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called("Acetate farm"))
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        # A clock that is a day behind is no reason to refuse a machine.
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=not addresses, path_length=None), critical=True)
    )
    if addresses:
        names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed: bytes = builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return signed.decode()


def _pem(private: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    written: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return written.decode()
