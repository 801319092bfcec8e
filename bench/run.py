"""The benchmarks, one after the other: `make bench`. Or only those that are named: python bench/run.py delivery"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = {
    "delivery": "SMTP to inbox, beside Postfix + Dovecot",
    "imap": "a mailbox of 20,000 messages, beside Dovecot",
    "pop3": "a maildrop of 1,000 messages, beside Dovecot",
    "relay": "submission, queue, next server, beside Postfix",
    "queue_growth": "adding and claiming beside 1,000, 100,000 and 1,000,000 recipients that wait",
    "long_queue": "the worker beside a million recipients, and beside a destination that is down",
    "mailbox_ops": "STORE, COPY, MOVE, EXPUNGE",
    "message_scan": "reading the structure of messages",
}


def main(names: list[str]) -> int:
    if unknown := set(names) - set(SCRIPTS):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(SCRIPTS)}", file=sys.stderr)
        return 64
    worst = 0
    for name in names or SCRIPTS:
        print(f"\n== {name}: {SCRIPTS[name]}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
