"""Memory limit and disks: read from what the kernel says, absent when it says nothing."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from walletmon.instrument import WalletMetrics
from walletmon.instrument.host import MemoryLimit

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


def limit(tmp_path: Path, cgroup: str, files: dict[str, str]) -> MemoryLimit:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        file = tmp_path / "cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return MemoryLimit(tmp_path / "proc", tmp_path / "cgroup")


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        pytest.param("0::/\n", {"memory.max": f"{64 * MIB}\n"}, 64 * MIB, id="v2 in a container"),
        pytest.param("0::/a/b\n", {"a/b/memory.max": f"{64 * MIB}\n"}, 64 * MIB, id="v2 on a host"),
        pytest.param(
            "0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": f"{32 * MIB}\n"}, 32 * MIB, id="v2 of the parent"
        ),
        pytest.param(
            "0::/a/b\n",
            {"a/b/memory.max": f"{16 * MIB}\n", "a/memory.max": f"{32 * MIB}\n"},
            16 * MIB,
            id="v2 tighter than the parent",
        ),
        pytest.param("0::/a\n", {"a/memory.max": "max\n"}, MACHINE, id="v2 without a limit"),
        pytest.param(
            "5:cpu:/x\n4:memory:/docker/c\n0::/x\n",
            {"memory/docker/c/memory.limit_in_bytes": f"{8 * MIB}\n"},
            8 * MIB,
            id="v1 on a host",
        ),
        pytest.param(
            "4:hugetlb,memory:/docker/c\n", {"memory/memory.limit_in_bytes": f"{8 * MIB}\n"}, 8 * MIB, id="v1 inside"
        ),
        pytest.param(
            "4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE, id="v1 without a limit"
        ),
        pytest.param("0::/a\n", {}, MACHINE, id="no cgroup files to be seen"),
        pytest.param("0::/../..\n", {"memory.max": f"{64 * MIB}\n"}, 64 * MIB, id="outside the cgroup name space"),
    ],
)
def test_the_limit_is_the_tightest_that_holds(
    tmp_path: Path, cgroup: str, files: dict[str, str], expected: int
) -> None:
    assert limit(tmp_path, cgroup, files).read() == expected


def test_without_cgroups_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    assert MemoryLimit(tmp_path / "proc", tmp_path / "cgroup").read() == MACHINE


@pytest.mark.parametrize(("cgroup", "text"), [("0::/", "lots"), ("0::/", ""), ("nonsense", "1")])
def test_what_cannot_be_understood_is_unknown_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cgroup: str, text: str
) -> None:
    memory = limit(tmp_path, cgroup, {"memory.max": text})
    assert memory.read() is None
    assert memory.read() is None
    assert len(caplog.records) == 1


def test_the_limit_is_read_at_each_scrape(tmp_path: Path) -> None:
    memory = limit(tmp_path, "0::/", {"memory.max": str(64 * MIB)})
    assert memory.read() == 64 * MIB
    (tmp_path / "cgroup/memory.max").write_text(str(128 * MIB))
    assert memory.read() == 128 * MIB


def test_the_real_limit_is_exposed() -> None:
    registry = CollectorRegistry()
    WalletMetrics(registry=registry)
    exposed = registry.get_sample_value("wallet_memory_limit_bytes")
    assert exposed is not None
    assert 16 * MIB < exposed <= MACHINE


class TestDisks:
    def test_size_and_free_space_are_those_of_the_file_system(self, tmp_path: Path) -> None:
        registry = CollectorRegistry()
        WalletMetrics(registry=registry).watch_disk("data", tmp_path)
        size = registry.get_sample_value("wallet_data_disk_size_bytes", {"volume": "data"})
        free = registry.get_sample_value("wallet_data_disk_free_bytes", {"volume": "data"})
        assert size == shutil.disk_usage(tmp_path).total
        assert free is not None
        assert 0 < free <= size

    def test_a_disk_that_cannot_be_read_is_absent_until_it_can(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        registry = CollectorRegistry()
        late = tmp_path / "late"
        metrics = WalletMetrics(registry=registry)
        metrics.watch_disk("data", late)
        metrics.watch_disk("other", str(tmp_path))

        def free(volume: str) -> float | None:
            return registry.get_sample_value("wallet_data_disk_free_bytes", {"volume": volume})

        assert free("data") is None
        assert free("data") is None
        assert free("other")
        late.mkdir()
        assert free("data")
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        late.rmdir()
        assert free("data") is None

    def test_mistakes_raise(self, tmp_path: Path) -> None:
        metrics = WalletMetrics(registry=CollectorRegistry())
        metrics.watch_disk("data", tmp_path)
        with pytest.raises(ValueError, match="volume 'data' is already watched"):
            metrics.watch_disk("data", tmp_path)
        with pytest.raises(ValueError, match="it is empty"):
            metrics.watch_disk("", tmp_path)
        with pytest.raises(TypeError):
            metrics.watch_disk("more", 7)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="null"):
            metrics.watch_disk("more", "a\0b")
