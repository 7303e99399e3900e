"""The test double of ais_bench as a package, for `python3 -m ais_bench` with it on the path."""
