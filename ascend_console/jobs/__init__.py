"""One file per job: a request, a generator of events, and ENTRY = Job(...)."""
