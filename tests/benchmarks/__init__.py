"""Speed, as ratios inside one run; `make bench` runs all of them."""
