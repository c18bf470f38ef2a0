"""What monitoring is said in: figures with units, PromQL kept within a monitor, templates of annotations."""
