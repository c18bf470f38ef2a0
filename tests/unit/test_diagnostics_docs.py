"""The page of diagnostics is what the code says, and says something about each."""

from __future__ import annotations

from pathlib import Path

import pytest

from walletmon.api.diagnostic import Code
from walletmon.api.diagnostic_page import page


def test_the_page_is_up_to_date(repository: Path) -> None:
    written = (repository / "docs/diagnostics.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m walletmon.api.diagnostic_page > docs/diagnostics.md"


@pytest.mark.parametrize("code", Code)
def test_each_code_says_what_is_wrong_and_what_to_do(code: Code) -> None:
    assert code.value.isalnum()
    assert code.meaning.endswith(".")
    assert code.remedy.endswith(".")
    assert Code(code.value) is code
