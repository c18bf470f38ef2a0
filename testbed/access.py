"""Who may talk to the apiserver: the service-account key, static tokens for the bed's own identities, kubeconfigs."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml
from Crypto.PublicKey import ECC

from testbed.api import Api, Json

# Longer than anybody keeps a bed up, so that nothing in it needs to renew a token.
_TOKEN_LIFETIME_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Identity:
    """A user the apiserver knows by a static token."""

    user: str
    group: str
    token: str


@dataclass(frozen=True)
class Identities:
    """The bed's own: `admin` may do everything, the controller manager what the bootstrap RBAC policy gives it."""

    admin: Identity
    controller_manager: Identity

    @classmethod
    def new(cls) -> "Identities":
        """With fresh random tokens."""
        return cls(
            admin=Identity("testbed-admin", "system:masters", secrets.token_urlsafe(32)),
            controller_manager=Identity("system:kube-controller-manager", "", secrets.token_urlsafe(32)),
        )

    def write_token_file(self, path: Path) -> None:
        """Write them the way `--token-auth-file` reads them."""
        rows = [
            f'{identity.token},{identity.user},{identity.user},"{identity.group}"'
            for identity in (self.admin, self.controller_manager)
        ]
        write_private(path, "\n".join(rows) + "\n")


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, readable by the owner alone."""
    path.touch(mode=0o600)
    path.write_text(text)


def write_service_account_key(path: Path) -> None:
    """Write a new P-256 key, with which the apiserver signs and checks service-account tokens.

    PEM in the traditional form: the apiserver finds no public key in PKCS #8.
    """
    write_private(path, ECC.generate(curve="P-256").export_key(format="PEM", use_pkcs8=False))


def write_kubeconfig(path: Path, *, server: str, ca: Path, user: str, token: str, namespace: str = "default") -> None:
    """Write a kubeconfig with one context.

    The certificate and the token are inside, so the file works wherever it is copied.
    """
    config: Json = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "testbed",
                "cluster": {
                    "server": server,
                    "certificate-authority-data": base64.b64encode(ca.read_bytes()).decode(),
                },
            }
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user, "namespace": namespace}}],
        "current-context": "testbed",
    }
    write_private(path, yaml.safe_dump(config, sort_keys=False))


def service_account_token(api: Api, namespace: str, name: str) -> str:
    """A token of the service account, which must exist, from the TokenRequest API; good for 30 days."""
    answer = api.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_LIFETIME_S},
        },
    )
    return str(answer["status"]["token"])
