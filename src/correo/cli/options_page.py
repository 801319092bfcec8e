"""docs/options.md, made from the options tree: `python -m correo.cli.options_page > docs/options.md`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from correo.config import Config, Listener, Route, values

OPENING = """# Options

Made from `src/correo/config/options.py` by `python -m correo.cli.options_page > docs/options.md`; a test compares.

The configuration is one TOML file: `/etc/correo/correo.toml`, or what `--config` or `CORREO_CONFIG` names. `correo init` writes
one, `correo check` reads one and says what is wrong. A key that is not known is an error that names the line.
Domains, accounts and aliases are not here: they are in the database (`correo domain`, `correo account`, `correo alias`).

How values are written: a **duration** is a number and one of `ms` `s` `m` `h` `d` `w`, as in `"5m"` or `"1h30m"`; a **size**
is a number of octets, or a string as in `"50MiB"` (also `B` `KiB` `GiB`, and `kB` `MB` `GB` by thousands); a **file** that is
not absolute stands beside the configuration file.
"""

KINDS: dict[values.Parse, str] = {
    values.text: "string",
    values.texts: "list of strings",
    values.domains: "list of domains",
    values.path: "file",
    values.flag: "`true` or `false`",
    values.duration: "duration",
    values.seconds: "duration",
    values.durations: "list of durations",
    values.durations_or_usual: "list of durations",
    values.duration_or_never: 'duration or `""`',
    values.size: "size",
    values.host: "host name",
    values.host_or_none: "host name",
    values.grants: "table of lists",
    values.way: "way",
    values.address: "`host:port`, `[v6]:port` or `unix:/path`",
}


def page() -> str:
    """The whole page. Raises KeyError for an option whose kind has no words here."""
    parts = [
        OPENING,
        _section("The file itself", Config),
        _section("[[listener]]", Listener),
        _section("[[route]]", Route),
    ]
    hints = get_type_hints(Config)
    for field in fields(Config):
        kind = hints[field.name]
        if is_dataclass(kind):
            parts.append(_section(f"[{field.name}]", kind))
            parts += [_section(_title(one), one) for one in _repeated(kind)]
    return "\n".join(parts)


def _repeated(kind: Any) -> Iterator[Any]:
    """The tables within a section that may be written several times."""
    for hint in get_type_hints(kind).values():
        yield from (one for one in get_args(hint) if is_dataclass(one))


def _title(kind: Any) -> str:
    return str(kind.__doc__).partition(":")[0]


def _section(title: str, kind: Any) -> str:
    lines = [f"## {title}", ""]
    about = _about(kind)
    if about:
        lines += [about, ""]
    lines += ["| option | value | default | why |", "|---|---|---|---|"]
    lines += [_row(field) for field in _options(kind)]
    return "\n".join(lines) + "\n"


def _about(kind: Any) -> str:
    """The docstring of the section without its name, which is the title."""
    first = (kind.__doc__ or "").strip().splitlines()[0]
    words = first.partition(": ")[2] if first.startswith("[") else ""
    return words[:1].upper() + words[1:]


def _options(kind: Any) -> Iterator[Field[Any]]:
    return (field for field in fields(kind) if "parse" in field.metadata)


def _row(field: Field[Any]) -> str:
    cells = (f"`{field.name}`", _kind(field.metadata["parse"]), _default(field), str(field.metadata["why"]))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(parse: values.Parse) -> str:
    if parse in KINDS:
        return KINDS[parse]
    try:
        parse(None)
    except ValueError as wrong:  # choices and counts: the refusal lists what would be right
        words = str(wrong).removeprefix("must be ").removeprefix("one of ").removeprefix("a ")
        several, words = words.startswith("list of "), words.removeprefix("list of ")
        parts = ", ".join(f"`{part}`" if part.startswith('"') else part for part in words.split(", "))
        return f"list of {parts}" if several else parts
    raise KeyError(parse)


def _default(field: Field[Any]) -> str:
    if "default" not in field.metadata:
        return "must be set"
    return f"`{field.metadata['shown'] or _toml(field.metadata['default'])}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    print(page(), end="")
