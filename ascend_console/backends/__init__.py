"""One file per runtime; ENTRY = BackendInfo(...)."""
