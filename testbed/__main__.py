"""The test bed from a shell: `python -m testbed build | up | status | down`."""

import argparse
import sys

from testbed.binaries import ensure
from testbed.cluster import Background, Cluster
from testbed.errors import BedError, tail
from testbed.progress import progress_for
from testbed.sources import BED, JUDGES


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code: 1 when it failed, or when `status` finds nothing up."""
    parser = argparse.ArgumentParser(prog="python -m testbed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the programs that are missing")
    build.add_argument("--judges", action="store_true", help="also kube-score, kubeconform and kstatus")
    commands.add_parser("up", help="start a cluster with the whole monitoring stack and leave it running")
    commands.add_parser("status", help="say whether the cluster is up, and where")
    commands.add_parser("down", help="end the cluster")
    commands.add_parser("serve", help="what `up` runs in the background: the cluster, until this process is ended")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except BedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    background = Background()
    match options.command:
        case "build":
            binaries = ensure((*BED, *JUDGES) if options.judges else BED)
            for name, path in binaries.programs.items():
                print(f"{name:24} {path}")
        case "up":
            if cluster := background.running():
                print("The cluster is up already.")
            else:
                ensure()
                cluster = background.up(progress_for())
            _describe(cluster)
        case "status":
            cluster = background.running()
            if cluster is None:
                print("No cluster is up.")
                if background.crashed():
                    print(
                        f"The last one ended by itself; its log is {background.log} and ends:\n{tail(background.log)}"
                    )
                return 1
            _describe(cluster)
        case "down":
            print("The cluster is down." if background.down() else "No cluster was up.")
        case "serve":
            background.serve(ensure())
    return 0


def _describe(cluster: Cluster) -> None:
    print(f"  export KUBECONFIG={cluster.kubeconfig}")
    print("  kubectl get namespaces")
    print(f"Prometheus     {cluster.prometheus}")
    print(f"Alertmanager   {cluster.alertmanager}")
    print(f"logs           {cluster.logs}")
    print("End it with: make cluster-down")


if __name__ == "__main__":
    sys.exit(main())
