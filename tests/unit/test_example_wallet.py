"""The example wallet over real HTTP on loopback: what it does, what it exposes, and each of its switches."""

import contextlib
import gzip
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

EXAMPLE = Path(__file__).parents[2] / "examples" / "wallet"
DEADLINE = 30.0  # seconds; far beyond what anything here takes

# From the BIP-39 test vectors: the phrase of all-zero entropy, and its first account at m/44'/60'/0'/0/0.
PHRASE = "abandon " * 11 + "about"
ADDRESS = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
TRANSACTION = {
    "chainId": 1,
    "nonce": 7,
    "to": "0x52908400098527886E0F7030069857D2E4169EE7",
    "value": "0xde0b6b3a7640000",
    "gas": 21000,
    "maxFeePerGas": 30_000_000_000,
    "maxPriorityFeePerGas": 1_000_000_000,
}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(PHRASE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["transaction", "account", "mnemonic", "address", "source", "slow", "fail_rate", "rpc_down"])
TRANSACTIONS = st.fixed_dictionaries({name: JSON_VALUES | st.just(value) for name, value in TRANSACTION.items()})


@dataclass
class Wallet:
    """A running wallet process, and what it wrote so far."""

    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    api: str = ""
    admin: str = ""

    def read_until_started(self) -> None:
        assert self.process.stderr
        while not self.admin:
            line = self.process.stderr.readline()
            assert line, f"the wallet ended: {''.join(self.log)}"
            self.log.append(line)
            if address := re.search(r"(API|switches) .*(http://[^/\s]+)", line):
                setattr(self, "api" if address[1] == "API" else "admin", address[2])

    def end(self) -> str:
        """Everything it logged, after it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
        rest = self.process.communicate(timeout=DEADLINE)[1]
        return "".join(self.log) + rest

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        return exchange(urllib.request.Request(self.api + path, headers=headers))

    def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        base = self.admin if path == "/control" else self.api
        headers = {"Content-Type": "application/json", **headers}
        status, text = exchange(urllib.request.Request(base + path, data=data, headers=headers))
        return status, json.loads(text)

    def sign(self, **changes: Any) -> tuple[int, Any]:
        return self.post("/v1/sign", {"transaction": {**TRANSACTION, **changes}})

    def control(self, **switches: Any) -> Any:
        status, answer = self.post("/control", switches)
        assert status == 200, answer
        return answer

    def value(self, name: str, **labels: str) -> float | None:
        """The sample of that name with these labels among its own, or None."""
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None


def exchange(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Wallet]:
    command = [sys.executable, "-m", "wallet", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, cwd=EXAMPLE, stderr=subprocess.PIPE, text=True)
    wallet = Wallet(process)
    try:
        wallet.read_until_started()
        yield wallet
    finally:
        wallet.end()


@pytest.fixture(scope="module")
def shared_wallet() -> Iterator[Wallet]:
    with running("--interval", "0.02", "--block-time", "0.1") as wallet:
        yield wallet


@pytest.fixture
def wallet(shared_wallet: Wallet) -> Iterator[Wallet]:
    yield shared_wallet
    shared_wallet.control(slow=0, fail_rate=0, rpc_down=False, sync_stuck=False, freeze_heartbeat=False)


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < end, "did not come true in time"
        time.sleep(0.02)


class TestSigning:
    def test_the_signature_is_of_the_account_it_names(self, wallet: Wallet) -> None:
        status, answer = wallet.sign()
        assert status == 200
        assert Account.recover_transaction(answer["rawTransaction"]) == answer["from"]

    def test_another_account_signs_for_itself(self, wallet: Wallet) -> None:
        first = wallet.sign()[1]["from"]
        status, answer = wallet.post("/v1/sign", {"account": 1, "transaction": TRANSACTION})
        assert status == 200
        assert answer["from"] != first
        assert Account.recover_transaction(answer["rawTransaction"]) == answer["from"]

    def test_it_is_measured(self, wallet: Wallet) -> None:
        def counts() -> list[float]:
            return [
                wallet.value("tx_sign_latency_seconds_count", algorithm="ecdsa") or 0,
                wallet.value("wallet_requests_total", route="/v1/sign", outcome="success") or 0,
                wallet.value("wallet_request_duration_seconds_count", route="/v1/sign") or 0,
            ]

        before = counts()
        wallet.sign()
        assert [after - earlier for after, earlier in zip(counts(), before, strict=True)] == [1, 1, 1]

    def test_a_trace_comes_back_as_exemplar(self, wallet: Wallet) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        wallet.post("/v1/sign", {"transaction": TRANSACTION}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        text = wallet.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")[1]
        assert re.search(rf'^tx_sign_latency_seconds_bucket.* # {{trace_id="{trace}"}}', text, re.MULTILINE)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"nonce": -1}, "nonce must be at least 0 and below 2^64"),
            ({"nonce": None}, "nonce must be a whole number"),
            ({"gas": 1.5}, "gas must be a whole number"),
            ({"gas": True}, "gas must be a whole number"),
            ({"gas": "21000"}, "gas must be a whole number or a 0x hex string"),
            ({"gas": 2**64}, "gas must be at least 0 and below 2^64"),
            ({"value": 2**256}, "value must be at least 0 and below 2^256"),
            ({"value": "0x"}, "value must be a whole number"),
            ({"to": "0x1234"}, "to must be 0x and 40 hex digits"),
            ({"to": TRANSACTION["to"].replace("E", "e")}, "its checksum must be right"),  # type: ignore[attr-defined]
            ({"to": None}, "to must be 0x and 40 hex digits"),
            ({"data": "0x1"}, "data must be 0x and an even number of hex digits"),
            ({"data": [1]}, "data must be 0x"),
            ({"chainId": 5}, "chainId must be 1"),
            ({"type": 0}, "type must be 2"),
            ({"maxPriorityFeePerGas": 31_000_000_000}, "maxPriorityFeePerGas must not exceed maxFeePerGas"),
            ({"gasPrice": 1}, "unknown field"),
        ],
    )
    def test_a_transaction_that_makes_no_sense_is_the_clients_mistake(
        self, wallet: Wallet, changes: dict[str, Any], message: str
    ) -> None:
        status, answer = wallet.sign(**changes)
        assert status == 400
        assert answer["error"]["code"] == "invalid_transaction"
        assert message in answer["error"]["message"]

    def test_the_clients_mistake_is_neither_a_failed_signing_nor_an_error(self, wallet: Wallet) -> None:
        def trouble() -> list[float | None]:
            return [
                wallet.value("tx_sign_failures_total", reason="error"),
                wallet.value("wallet_requests_total", route="/v1/sign", outcome="error"),
            ]

        before = trouble()
        wallet.sign(nonce=-1)
        assert trouble() == before

    def test_a_contract_can_be_created(self, wallet: Wallet) -> None:
        creation = {name: value for name, value in TRANSACTION.items() if name != "to"}
        assert wallet.post("/v1/sign", {"transaction": creation})[0] == 400
        assert wallet.post("/v1/sign", {"transaction": {**creation, "data": "0x6000"}})[0] == 200


class TestRecovery:
    def test_a_valid_phrase_gives_its_account(self, wallet: Wallet) -> None:
        assert wallet.post("/v1/recover", {"mnemonic": PHRASE}) == (200, {"address": ADDRESS})
        shouted = PHRASE.upper().replace(" ", "  ")
        assert wallet.post("/v1/recover", {"mnemonic": shouted, "address": ADDRESS.lower()})[0] == 200

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({"mnemonic": "abandon " * 12}, "invalid_checksum"),
            ({"mnemonic": PHRASE.replace("about", "bitcoin")}, "invalid_word"),
            ({"mnemonic": "\ud800 " * 12}, "invalid_word"),
            ({"mnemonic": "abandon " * 13}, "entropy_mismatch"),
            ({"mnemonic": PHRASE, "address": "0x" + "11" * 20}, "entropy_mismatch"),
        ],
    )
    def test_a_failure_is_counted_by_reason_and_source(self, wallet: Wallet, body: dict[str, str], reason: str) -> None:
        def failures() -> float:
            return wallet.value("mnemonic_recovery_failures_total", reason=reason, source="import_ui") or 0

        before = failures()
        status, answer = wallet.post("/v1/recover", {**body, "source": "import_ui"})
        assert (status, answer["error"]["code"]) == (422, reason)
        assert failures() == before + 1

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"mnemonic": ""},
            {"mnemonic": 7},
            {"mnemonic": [PHRASE]},
            {"mnemonic": PHRASE, "address": "0x1"},
            {"mnemonic": PHRASE, "source": "somewhere"},
            {"mnemonic": PHRASE, "source": ["api"]},
            {"mnemonic": PHRASE, "passphrase": "x"},
        ],
    )
    def test_a_request_that_makes_no_sense_is_no_recovery(self, wallet: Wallet, body: dict[str, Any]) -> None:
        status, answer = wallet.post("/v1/recover", body)
        assert (status, answer["error"]["code"]) == (400, "bad_request")


class TestHostileInput:
    @pytest.mark.parametrize("path", ["/v1/sign", "/v1/recover", "/control"])
    @pytest.mark.parametrize(
        ("body", "headers", "expected"),
        [
            (b"", {}, 400),
            (b"{", {}, 400),
            (b"[]", {}, 400),
            (b'"\xff"', {}, 400),
            (b"[" * 10_000, {}, 400),
            (b'{"a":' + b"9" * 5000 + b"}", {}, 400),
            (b"{}", {"Content-Type": "text/plain"}, 415),
            (b"{}", {"Content-Type": "application/json; charset=nonsense"}, None),
            (b" " * 17_000, {}, 413),
            (b"not gzip", {"Content-Encoding": "gzip"}, 400),
            (gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, 413),
        ],
    )
    def test_it_answers_with_json_and_lives_on(
        self, wallet: Wallet, path: str, body: bytes, headers: dict[str, str], expected: int | None
    ) -> None:
        status, answer = wallet.post(path, body, **headers)
        assert status == (expected or (200 if path == "/control" else 400))
        assert expected is None or {"code", "message"} == set(answer["error"])
        assert wallet.get("/healthz") == (200, '{"status": "ok"}')

    def test_paths_it_does_not_have_share_one_series(self, wallet: Wallet) -> None:
        for number in range(3):
            assert wallet.get(f"/v1/{number}")[0] == 404
        assert wallet.get("/v1/sign")[0] == 405
        assert (wallet.value("wallet_requests_total", route="unmatched") or 0) >= 4

    def test_a_client_that_leaves_midway_is_no_error_of_the_service(self, wallet: Wallet) -> None:
        host, port = wallet.api.removeprefix("http://").split(":")

        def answered(outcome: str) -> float | None:
            return wallet.value("wallet_requests_total", route="/v1/sign", outcome=outcome)

        before, errors = answered("success"), answered("error")
        head = b"POST /v1/sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
            connection.sendall(head)
        eventually(lambda: answered("success") != before)
        assert answered("error") == errors

    @given(path=st.sampled_from(["/v1/sign", "/v1/recover", "/control"]), data=st.data())
    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_no_json_makes_it_fail(self, wallet: Wallet, path: str, data: st.DataObject) -> None:
        body = data.draw(
            st.dictionaries(FIELDS, JSON_VALUES | TRANSACTIONS, max_size=3).filter(lambda given: "slow" not in given)
            | TRANSACTIONS.map(lambda transaction: {"transaction": transaction})
        )
        status, _ = wallet.post(path, body)
        assert status in (200, 400, 413, 422) or (status == 503 and path == "/v1/sign")


class TestSwitches:
    def test_they_can_be_seen_and_changed_one_by_one(self, wallet: Wallet) -> None:
        everything_off = {
            "slow": 0,
            "fail_rate": 0,
            "rpc_down": False,
            "sync_stuck": False,
            "freeze_heartbeat": False,
        }
        seen = exchange(urllib.request.Request(wallet.admin + "/control"))
        assert (seen[0], json.loads(seen[1])) == (200, everything_off)
        assert wallet.control(sync_stuck=True) == {**everything_off, "sync_stuck": True}
        assert wallet.control(slow=0.5) == {**everything_off, "sync_stuck": True, "slow": 0.5}

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"slow": -1}, "slow must be from 0 to 60"),
            ({"slow": 61}, "slow must be from 0 to 60"),
            ({"slow": "1"}, "slow must be a number"),
            ({"slow": True}, "slow must be a number"),
            ({"fail_rate": 1.01}, "fail_rate must be from 0 to 1"),
            ({"fail_rate": 10**400}, "fail_rate must be from 0 to 1"),
            ({"rpc_down": 1}, "rpc_down must be true or false"),
            ({"die": "yes"}, "die must be true or false"),
            ({"explode": True}, "unknown switch; known are slow, fail_rate, rpc_down"),
        ],
    )
    def test_a_wrong_value_changes_nothing_and_is_explained(
        self, wallet: Wallet, body: dict[str, Any], message: str
    ) -> None:
        status, answer = wallet.post("/control", {"sync_stuck": True, **body})
        assert status == 400
        assert message in answer["error"]["message"]
        assert wallet.control()["sync_stuck"] is False

    def test_the_api_does_not_have_them(self, wallet: Wallet) -> None:
        assert wallet.get("/control")[0] == 404

    def test_slow(self, wallet: Wallet) -> None:
        def slow_signings() -> float:
            total = wallet.value("tx_sign_latency_seconds_count") or 0
            return total - (wallet.value("tx_sign_latency_seconds_bucket", le="0.512") or 0)

        before = slow_signings()
        wallet.control(slow=0.6)
        assert wallet.sign()[0] == 200
        assert slow_signings() == before + 1

    def test_fail_rate(self, wallet: Wallet) -> None:
        signed = wallet.value("tx_sign_latency_seconds_count")
        failed = wallet.value("tx_sign_failures_total", reason="signer_unavailable") or 0
        errors = wallet.value("wallet_requests_total", route="/v1/sign", outcome="error") or 0
        wallet.control(fail_rate=1)
        status, answer = wallet.sign()
        assert (status, answer["error"]["code"]) == (503, "signer_unavailable")
        assert wallet.value("tx_sign_failures_total", reason="signer_unavailable") == failed + 1
        assert wallet.value("wallet_requests_total", route="/v1/sign", outcome="error") == errors + 1
        assert wallet.value("tx_sign_latency_seconds_count") == signed

    def test_rpc_down(self, wallet: Wallet) -> None:
        eventually(lambda: wallet.value("wallet_network_height_blocks") is not None)
        wallet.control(rpc_down=True)
        eventually(lambda: wallet.value("wallet_network_height_blocks") is None)
        success = wallet.value("wallet_rpc_last_success_timestamp_seconds", endpoint="primary")
        errors = wallet.value("wallet_rpc_requests_total", method="eth_blockNumber", outcome="error") or 0
        beat = wallet.value("wallet_heartbeat_timestamp_seconds") or 0
        eventually(lambda: (wallet.value("wallet_rpc_requests_total", outcome="error") or 0) > errors)
        assert wallet.value("wallet_rpc_last_success_timestamp_seconds", endpoint="primary") == success
        assert wallet.value("wallet_sync_height_blocks") is not None
        assert wallet.value("wallet_sync_lag_blocks") is None
        assert wallet.value("wallet_sync_lag_seconds") is None
        eventually(lambda: (wallet.value("wallet_heartbeat_timestamp_seconds") or 0) > beat)
        wallet.control(rpc_down=False)
        eventually(lambda: wallet.value("wallet_sync_lag_blocks") == 0)

    def test_sync_stuck(self, wallet: Wallet) -> None:
        eventually(lambda: wallet.value("wallet_sync_lag_blocks") == 0)
        wallet.control(sync_stuck=True)
        eventually(lambda: (wallet.value("wallet_sync_lag_blocks") or 0) >= 3)
        lag = wallet.value("wallet_sync_lag_seconds")
        assert lag is not None
        assert lag >= 0.29
        wallet.control(sync_stuck=False)
        eventually(lambda: wallet.value("wallet_sync_lag_blocks") == 0)

    def test_freeze_heartbeat(self, wallet: Wallet) -> None:
        wallet.control(freeze_heartbeat=True)
        frozen = wallet.value("wallet_heartbeat_timestamp_seconds")
        height = wallet.value("wallet_sync_height_blocks") or 0
        eventually(lambda: (wallet.value("wallet_sync_height_blocks") or 0) > height)
        assert wallet.value("wallet_heartbeat_timestamp_seconds") == frozen
        wallet.control(freeze_heartbeat=False)
        eventually(lambda: wallet.value("wallet_heartbeat_timestamp_seconds") != frozen)

    def test_die(self) -> None:
        with running() as wallet:
            wallet.control(die=True)
            assert wallet.process.wait(DEADLINE) == 1


class TestProcess:
    def test_flags_turn_switches_from_the_start_and_traffic_keeps_the_metrics_alive(self, tmp_path: Path) -> None:
        flags = ["--slow", "0.01", "--fail-rate", "0.5", "--rpc-down", "--sync-stuck", "--freeze-heartbeat"]
        with running(*flags, "--traffic", "50", "--data-dir", str(tmp_path)) as wallet:
            assert wallet.control() == {
                "slow": 0.01,
                "fail_rate": 0.5,
                "rpc_down": True,
                "sync_stuck": True,
                "freeze_heartbeat": True,
            }
            eventually(lambda: (wallet.value("wallet_requests_total", route="/v1/sign", outcome="success") or 0) > 3)
            eventually(lambda: (wallet.value("wallet_requests_total", route="/v1/sign", outcome="error") or 0) > 3)
            eventually(lambda: (wallet.value("wallet_requests_total", route="/v1/recover", outcome="success") or 0) > 1)
            assert wallet.value("wallet_heartbeat_timestamp_seconds") is None
            assert wallet.value("wallet_sync_height_blocks") is None
            assert wallet.value("wallet_data_disk_free_bytes", volume="data") is not None
            text = wallet.get("/metrics", Accept="application/openmetrics-text")[1]
            assert '# {trace_id="' in text

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_it_cleanly(self, number: signal.Signals) -> None:
        with running("--traffic", "30", "--slow", "0.2") as wallet:
            eventually(lambda: (wallet.value("wallet_requests_total", route="/v1/sign") or 0) > 0)
            os.kill(wallet.process.pid, number)
            assert wallet.process.wait(DEADLINE) == 0
            log = wallet.end()
        assert "Traceback" not in log
        assert "stopping" in log

    def test_no_secret_reaches_the_log_the_metrics_or_an_answer(self) -> None:
        phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
        wrong = phrase.replace("yellow", "zoo")
        seen = []
        with running() as wallet:
            for mnemonic in (phrase, wrong, phrase + " extra", phrase.replace(" ", "\u2003")):
                seen.append(wallet.post("/v1/recover", {"mnemonic": mnemonic}))
                seen.append(wallet.post("/v1/recover", {mnemonic: 1}))
                seen.append(wallet.post("/v1/sign", {"transaction": {**TRANSACTION, "data": mnemonic, mnemonic: 1}}))
                seen.append(wallet.post("/control", {mnemonic: mnemonic}))
                seen.append(wallet.get("/v1/" + mnemonic.replace(" ", "/").replace("\u2003", "/")))
            text = wallet.get("/metrics")[1]
            log = wallet.end()
        everything = text + log + repr(seen)
        assert not re.search(r"sausage|winner|yellow|\bzoo\b", everything)
        assert not re.search(r"0x[0-9a-f]{64}\b", log)

    def test_the_first_of_two_keeps_its_port(self) -> None:
        with running() as wallet:
            taken = wallet.api.removeprefix("http://")
            second = subprocess.run(
                [sys.executable, "-m", "wallet", "--listen", taken],
                cwd=EXAMPLE,
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
        assert second.returncode == 1
        assert "address already in use" in second.stderr
        assert "Traceback" not in second.stderr

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--listen", "9464"], "'9464' is not HOST:PORT"),
            (["--listen", "127.0.0.1:99999"], "is not HOST:PORT"),
            (["--listen", "example.com:80"], "'example.com' is not an IP address"),
            (["--admin", "0.0.0.0:9465"], "0.0.0.0 is not a loopback address"),
            (["--fail-rate", "2"], "fail_rate must be from 0 to 1"),
            (["--accounts", "0"], "invalid"),
            (["--traffic", "inf"], "invalid"),
        ],
    )
    def test_a_wrong_command_line_is_explained(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        message: str,
    ) -> None:
        monkeypatch.syspath_prepend(EXAMPLE)
        with pytest.raises(SystemExit) as ended:
            importlib.import_module("wallet.__main__").main(arguments)
        assert ended.value.code == 2
        assert message in capsys.readouterr().err

    def test_die_as_a_flag(self) -> None:
        result = subprocess.run(
            [sys.executable, "-m", "wallet", "--listen", "127.0.0.1:0", "--die"],
            cwd=EXAMPLE,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert result.returncode == 1
        assert "told to die" in result.stderr


def test_the_cluster_example_starts_the_service_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {
        document["kind"]: document for document in yaml.safe_load_all((EXAMPLE / "kubernetes.yaml").read_text())
    }
    pod = documents["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    service = documents["Service"]["spec"]
    monkeypatch.syspath_prepend(EXAMPLE)
    arguments = importlib.import_module("wallet.__main__")._arguments(container["args"])
    assert arguments.listen == ("0.0.0.0", container["ports"][0]["containerPort"])
    assert service["selector"].items() <= pod["metadata"]["labels"].items()
    assert [(port["name"], port["targetPort"]) for port in service["ports"]] == [("metrics", "metrics")]
    assert arguments.data_dir == container["volumeMounts"][0]["mountPath"]
