"""The Kubernetes API as tests and the bed itself use it: plain dictionaries, synchronous, server-side apply."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from testbed.errors import BedError
from testbed.waiting import wait_for

Json = dict[str, Any]

_TIMEOUT_S = 30.0
_ESTABLISHED_S = 30.0
_APPLY = "application/apply-patch+yaml"

# All groups with their resources in one answer: what controllers read.
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


# "Too many requests", as an apiserver says while it sets up a kind's storage after a restart: it says when to come
# again, and every client of Kubernetes does. Nothing else is tried twice.
_PATIENCE = urllib3.Retry(
    total=20,
    connect=False,
    read=False,
    redirect=False,
    other=False,
    status=20,
    allowed_methods=None,
    status_forcelist=[429],
    respect_retry_after_header=True,
    raise_on_status=False,
)


class ApiError(BedError):
    """The apiserver refused.

    `status` is the HTTP code, `reason` and `message` are those of its Status object, `body` is all of that.
    """

    def __init__(self, status: int, what: str, body: Json) -> None:
        """`what` was asked, answered by `status` and `body`."""
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.message = str(body.get("message", ""))
        self.body = body
        super().__init__(f"{what}: {status} {self.reason}: {self.message}")


class Api:
    """A client with one identity.

    Bodies go out as raw UTF-8 JSON: the apiserver's YAML parser rejects surrogate escapes.
    """

    def __init__(self, server: str, ca: Path, token: str, user_agent: str = "walletmon-testbed") -> None:
        """`server` is a URL, `ca` a certificate in PEM that verifies it."""
        self.server = server
        self._http = urllib3.PoolManager(
            ca_certs=str(ca),
            headers={"Authorization": f"Bearer {token}", "User-Agent": user_agent, "Accept": "application/json"},
            timeout=_TIMEOUT_S,
            retries=_PATIENCE,
            maxsize=8,
        )
        self._plurals: dict[tuple[str, str], tuple[str, bool]] = {}

    def close(self) -> None:
        """Close idle connections."""
        self._http.clear()

    def request(
        self,
        method: str,
        path: str,
        body: Json | list[Json] | None = None,
        *,
        content_type: str = "application/json",
        params: Mapping[str, str] | None = None,
    ) -> Json:
        """One request; gives the decoded JSON answer (`{"text": ...}` for one that is not JSON).

        Raises:
            ApiError: the answer's code is not 2xx.
            urllib3.exceptions.HTTPError: no answer, such as while the apiserver is stopped.
        """
        query = "&".join(f"{quote(key)}={quote(value, safe='')}" for key, value in (params or {}).items())
        answer = self._http.request(
            method,
            f"{self.server}{path}" + (f"?{query}" if query else ""),
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            headers={**self._http.headers, **({"Content-Type": content_type} if body is not None else {})},
        )
        try:
            decoded = json.loads(answer.data) if answer.data else {}
        except ValueError:
            decoded = {"text": answer.data.decode(errors="replace"), "message": answer.data.decode(errors="replace")}
        if not 200 <= answer.status < 300:
            raise ApiError(answer.status, f"{method} {path}", decoded)
        return decoded if isinstance(decoded, dict) else {"items": decoded}

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str | None = None) -> str:
        """The URL path of an object, or of a collection when `name` is None.

        Without a namespace too, it is the collection of all namespaces.

        Raises:
            BedError: the apiserver serves no such kind.
        """
        plural, namespaced = self._plural(api_version, kind)
        path = _group_path(api_version)
        if namespaced and namespace is not None:
            path += f"/namespaces/{namespace}"
        return f"{path}/{plural}" + (f"/{name}" if name is not None else "")

    def path_of(self, obj: Json) -> str:
        """The URL path of `obj`; a namespaced one without a namespace is in `default`."""
        meta = obj["metadata"]
        return self.path(obj["apiVersion"], obj["kind"], meta.get("namespace", "default"), meta["name"])

    def _plural(self, api_version: str, kind: str) -> tuple[str, bool]:
        if (api_version, kind) not in self._plurals:
            try:
                served = self.request("GET", _group_path(api_version))["resources"]
            except ApiError as error:
                raise BedError(f"the apiserver does not serve {api_version} ({kind}): {error.message}") from error
            for resource in served:
                if "/" not in resource["name"]:
                    self._plurals[api_version, resource["kind"]] = (resource["name"], resource["namespaced"])
        if (api_version, kind) not in self._plurals:
            raise BedError(f"the apiserver serves {api_version}, but no {kind} in it")
        return self._plurals[api_version, kind]

    def get(self, api_version: str, kind: str, namespace: str | None = None, name: str | None = None) -> Json:
        """One object, or the list when `name` is None."""
        return self.request("GET", self.path(api_version, kind, namespace, name))

    def find(self, api_version: str, kind: str, namespace: str | None, name: str) -> Json | None:
        """One object, or None when there is none."""
        try:
            return self.get(api_version, kind, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, api_version: str, kind: str, namespace: str | None = None) -> list[Json]:
        """All objects of a kind, in one namespace or in all."""
        items: list[Json] = self.get(api_version, kind, namespace)["items"]
        return items

    def apply(self, obj: Json, *, manager: str = "testbed-admin", dry_run: bool = False) -> Json:
        """Server-side apply of `obj` by force, with strict field validation; gives the object as stored."""
        params = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            params["dryRun"] = "All"
        return self.request("PATCH", self.path_of(obj), obj, content_type=_APPLY, params=params)

    def patch_status(self, obj: Json, status: Json) -> Json:
        """Merge `status` into the object's status subresource."""
        path = f"{self.path_of(obj)}/status"
        return self.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")

    def delete(self, obj: Json, *, propagation: str = "Background") -> None:
        """Delete the object that `obj` names; nothing when it is gone already."""
        try:
            self.request("DELETE", self.path_of(obj), {"propagationPolicy": propagation})
        except ApiError as error:
            if error.status != 404:
                raise

    def wait_until_served(self, crd: Json) -> None:
        """Wait until every served version of `crd`, which has been applied, answers a list request and is discovered.

        Discovery comes a moment later, and a garbage collector that starts in between does not see the kind.

        Raises:
            WaitTimeoutError: not within 30 s.
        """
        for path in _collections_of(crd):
            wait_for(f"{path} to be served", lambda path=path: self._answers(path), _ESTABLISHED_S)  # type: ignore[misc]
        wait_for(f"{crd['metadata']['name']} to be discovered", lambda: self._discovers(crd), _ESTABLISHED_S)

    def _discovers(self, crd: Json) -> bool:
        spec = crd["spec"]
        answer = self._http.request("GET", f"{self.server}/apis", headers={**self._http.headers, "Accept": _DISCOVERY})
        found = {
            (version["version"], resource["resource"])
            for group in json.loads(answer.data)["items"]
            if group["metadata"]["name"] == spec["group"]
            for version in group["versions"]
            for resource in version.get("resources", ())
        }
        return all((v["name"], spec["names"]["plural"]) in found for v in spec["versions"] if v["served"])

    def _answers(self, path: str) -> bool:
        try:
            self.request("GET", path, params={"limit": "1"})
        except ApiError as error:
            if error.status in (404, 429, 503):
                return False
            raise
        return True


def _group_path(api_version: str) -> str:
    return f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"


def _collections_of(crd: Json) -> Iterator[str]:
    spec = crd["spec"]
    for version in spec["versions"]:
        if version["served"]:
            yield f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
