"""Credentials as prometheus-operator's objects have them, and the Secrets that they are taken from.

One Secret that is not there makes prometheus-operator refuse the whole object that names it. So whoever makes an object
asks first, and leaves out what needs the Secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.receivers import secret_keys
from walletmon.api.targets import Authorization, BasicAuth, Tls
from walletmon.compiler.facts import ClusterFacts


def access_fields(
    basic_auth: BasicAuth | None = None, authorization: Authorization | None = None, tls: Tls | None = None
) -> dict[str, Any]:
    """The fields `basicAuth`, `authorization` and `tlsConfig`, those that are given."""
    fields: dict[str, Any] = {}
    if basic_auth is not None:
        fields["basicAuth"] = {
            "username": basic_auth.username.document(),
            "password": basic_auth.password.document(),
        }
    if authorization is not None:
        fields["authorization"] = {
            "type": authorization.type,
            "credentials": authorization.credentials.document(),
        }
    if tls is not None:
        fields["tlsConfig"] = tls_fields(tls)
    return fields


def tls_fields(tls: Tls) -> dict[str, Any]:
    """What stands in a `tlsConfig`."""
    fields: dict[str, Any] = {}
    if tls.ca is not None:
        fields["ca"] = {"secret": tls.ca.document()}
    if tls.cert is not None:
        fields["cert"] = {"secret": tls.cert.document()}
    if tls.key is not None:
        fields["keySecret"] = tls.key.document()
    if tls.server_name is not None:
        fields["serverName"] = tls.server_name
    if tls.insecure_skip_verify is not None:
        fields["insecureSkipVerify"] = tls.insecure_skip_verify
    return fields


def missing_secrets(
    model: BaseModel, path: str, namespace: str, facts: ClusterFacts, consequence: str
) -> Iterator[Diagnostic]:
    """A finding for every Secret key that `model` refers to and that is known not to be in `namespace`.

    `consequence` says what is left out for it, as the end of a sentence.
    """
    for where, key in secret_keys(model, path):
        if facts.lacks(namespace, key.name, key.key):
            yield Diagnostic(
                Code.MISSING_SECRET,
                where,
                f"there is no key {key.key} in a Secret {namespace}/{key.name}, so {consequence}",
                "create the Secret with that key; it is put in by itself then",
            )
