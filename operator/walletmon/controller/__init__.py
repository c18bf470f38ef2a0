"""The kopf shell around the compiler: watch, queue, reconcile, report."""
