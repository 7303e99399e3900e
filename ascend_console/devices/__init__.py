"""One file per device family; ENTRY = Probe(...)."""
