"""The image and the chart agree on what runs, as whom, and where it listens."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DEPLOYMENT = (ROOT / "charts" / "walletmon" / "templates" / "deployment.yaml").read_text()


def one(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return str(found)


def test_the_pod_runs_as_the_images_user_and_not_as_one_of_the_systems() -> None:
    user, group = one(r"^USER (\S+)$", DOCKERFILE).split(":")
    assert user == one(r"runAsUser: (\d+)", DEPLOYMENT)
    assert group == one(r"runAsGroup: (\d+)", DEPLOYMENT)
    assert int(user) > 10_000


def test_the_port_is_the_same_everywhere() -> None:
    port = one(r"^EXPOSE (\d+)$", DOCKERFILE)
    assert port == one(r"containerPort: (\d+)", DEPLOYMENT)
    assert port == one(r"--listen=0\.0\.0\.0:(\d+)", DEPLOYMENT)


def test_only_hashed_packages_are_installed() -> None:
    (installed,) = re.findall(r"pip (?:[^\n]|\\\n)*? install(?:[^\n]*\\\n)*[^\n]*", DOCKERFILE)
    assert "--require-hashes" in installed
    assert "-r requirements.txt" in installed


def test_what_the_image_is_made_of_is_let_through_to_the_build() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for source in line.split()
    }
    assert copied == let_through
