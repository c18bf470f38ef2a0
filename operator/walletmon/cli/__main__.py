"""`python -m walletmon.cli`."""

from walletmon.cli import main

main()
