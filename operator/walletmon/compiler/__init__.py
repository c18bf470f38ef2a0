"""From a monitor to Kubernetes objects: scraping, rules, routing, dashboards."""
