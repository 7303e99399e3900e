"""Its usage text has nothing in common with the inference tool's."""

import argparse
import sys

parser = argparse.ArgumentParser(prog="ais_bench", description="Evaluates a language model.")
parser.add_argument("config", nargs="?", help="configuration file of the task")
for name in ("models", "datasets", "summarizer", "mode", "work-dir", "max-num-workers"):
    parser.add_argument(f"--{name}", help=name.replace("-", " "))
if "--help" in sys.argv or "-h" in sys.argv:
    sys.stdout.write("[INFO] ais_bench 3.0 (test double)\n")
parser.parse_args()
sys.stdout.write("[INFO] nothing to evaluate (test double)\n")
