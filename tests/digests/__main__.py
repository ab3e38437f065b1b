"""Writes the digests of all designs again: ``python -m tests.digests``.

Do so only for a change that is meant to change hardware or plans, in a separate commit that
explains what changed and why.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.digests.designs import DESIGNS, digests_of

TABLE = Path(__file__).with_name("digests.json")


def main() -> None:
    """Print what changes, and write the table."""
    before = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    after = {name: digests_of(case) for name, case in DESIGNS.items()}
    for name in sorted({*before, *after}):
        old, new = before.get(name, {}), after.get(name, {})
        changed = [key for key in ("verilog", "plan") if old.get(key) != new.get(key)]
        if changed:
            print(f"{name}: {' and '.join(changed)} changed")
    TABLE.write_text(json.dumps(after, indent=1, sort_keys=True) + "\n")
    print(f"{len(after)} designs")


if __name__ == "__main__":
    main()
