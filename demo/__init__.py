"""The demo: a wallet fails, a page arrives. `python -m demo`, or `make demo`.

`stage` is what runs, `pager` who is paged, `wallet` the wallets, `reading` what Prometheus and Alertmanager say, `show`
what a person sees; `__main__` is the script. The end-to-end tests play on the same stage.
"""
