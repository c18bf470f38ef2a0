"""A small wallet service: signs transactions, recovers mnemonics, and shows how to expose it all with walletmon."""
