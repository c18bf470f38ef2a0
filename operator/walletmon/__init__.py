"""walletmon: a Kubernetes operator that watches crypto wallets and says truthfully whether they are watched."""

__version__ = "0.1.0"
