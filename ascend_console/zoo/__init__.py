"""The zoo: one file per model; ENTRY = ModelSpec(...)."""
