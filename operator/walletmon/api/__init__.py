"""What users write: typed models of the resources, from which the CRDs are generated."""
