"""Kill a node at random moments while studies arrive, and see that each ends with exactly one set of results.

    python benchmarks/node_kills.py [--kills 50] [--studies 8] [--seed 1]

Needs Orthanc (Debian: orthanc). The studies are simulated; what is proved is that nothing is lost and nothing repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.serve.node.make import killed


def main() -> int:
    """Print what was left, as JSON; the exit code is 0 where every study has one set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--studies", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        left = killed(Path(folder), wanted.kills, wanted.studies, wanted.seed)
    sets = sorted({json.dumps(one, sort_keys=True) for one in left.results.values()})
    print(
        json.dumps(
            {
                "kills": left.kills,
                "starts": left.starts,
                "studies": len(left.results),
                "states": {state: count for state, count in left.states.items() if count},
                "results of a study": [json.loads(one) for one in sets],
                "assessments": left.log.count(": assessment done"),
                "seconds": round(time.monotonic() - start),
            },
            indent=1,
        )
    )
    return 0 if sets == ['{"DOC": 1, "SEG": 1, "SR": 1}'] else 1


if __name__ == "__main__":
    sys.exit(main())
