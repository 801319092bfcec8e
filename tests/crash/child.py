"""A process that is killed, many times over: each order it reads is carried out in a fork of its own.

Started once, so that the price of importing everything is paid once. An order is a line of JSON: {"do": "run", "folder": "...", and the
fields of a `Plan`}; the answer is a line with the exit status, negative for a signal. Whatever the fork writes goes to the file `log`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


from tests.crash import scenario

from correo.clock.virtual import run


def obey(line: str) -> None:
    order = json.loads(line)
    folder, deed = Path(order.pop("folder")), order.pop("do")
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    plan = scenario.Plan(**order)
    match deed:
        case "prepare":
            run(scenario.prepare(folder))
        case "run":
            run(scenario.run(folder, plan))
        case "recover":
            run(scenario.recover(folder, plan))
        case _:
            raise ValueError(deed)


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                obey(line)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
