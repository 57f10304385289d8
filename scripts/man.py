#!/usr/bin/env python3
"""Writes the manual pages of docs/man from what the commands say of themselves.

    scripts/man.py --frame .build/debug/frame            write what has changed
    scripts/man.py --frame .build/debug/frame --check    change nothing; exit 1 when a page is not what it should be

One page a command of the first level, with all its subcommands, in mdoc(7). The words are those of --help
(`frame --experimental-dump-help`), the exit codes those of docs/operations.md. A page carries the day of its last change.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPERATIONS = ROOT / "docs" / "operations.md"

ENVIRONMENT = [
    ("FRAME_CONFIG", "The frame.yaml of the node that a command is about, unless an option names one."),
    ("FRAME_DATA", "Its data folder, when neither an option nor FRAME_CONFIG names the configuration."),
    ("FRAME_TOKEN", "A JWT-SVID to present; else commands make one of the frame's authority, with its keys."),
    ("SPIFFE_ENDPOINT_SOCKET", "The agent's socket of a frame whose authority is elsewhere, unless frame.yaml names it."),
]
FILES = [
    ("frame.yaml", "The configuration, in the data folder of a frame."),
    ("keys/", "The frame's private keys. Whoever can read them is the frame's authority."),
    ("log/", "The log, and beside it what can be made anew from it."),
    ("workload.sock", "The socket of the SPIFFE Workload API, unless frame.yaml names another."),
]


class Refused(Exception):
    """Why no page can be made."""


# --- roff ---------------------------------------------------------------------------------------------------------


def escaped(text):
    text = text.replace("\\", "\\e")
    return "".join(c if c < "\x7f" else f"\\[u{ord(c):04X}]" for c in text)


def guarded(line):
    """A line of text that roff does not take for a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def argument(word):
    """One argument of a macro, which is not itself taken for a macro or a delimiter."""
    word = escaped(word).replace('"', "\\(dq")
    if re.fullmatch(r"[A-Z][a-z]|[.,:;()\[\]?!|]", word):
        return "\\&" + word
    return f'"{word}"' if " " in word or not word else word


def filled(text):
    """Running text: a sentence begins a line, and no line is long."""
    words = re.sub(r"\s+", " ", text.strip())
    lines = []
    for sentence in re.split(r"(?<=[.!?]) (?=[A-Z`])", words):
        # Whatever may be typed is set bold; its dashes are those of the keyboard.
        marked = re.sub(r"`([^`]+)`", lambda m: "\0" + m[1] + "\1", sentence)
        for line in textwrap.wrap(marked, 72, break_long_words=False, break_on_hyphens=False):
            line = escaped(line).replace("\0", "\\fB").replace("\1", "\\fP")
            lines.append(guarded(re.sub(r"(?<![\w-])-{1,2}(?=\w)", lambda m: "\\-" * len(m[0]), line)))
    return lines


def literal(block):
    lines = textwrap.dedent("\n".join(block)).split("\n")
    return [".Bd -literal -offset indent"] + [guarded(escaped(line).replace("-", "\\-")) for line in lines] + [".Ed"]


def tagged(entries):
    """A list of (macro line of the tag, lines of its text)."""
    lines = [".Bl -tag -width Ds"]
    for tag, text in entries:
        lines += [".It " + tag, *text]
    return lines + [".El"] if entries else []


# --- what the commands say ----------------------------------------------------------------------------------------


def blocks(discussion):
    """The paragraphs of a discussion: (whether it is literal, its lines)."""
    found = []
    for line in (discussion or "").split("\n"):
        is_literal = line.startswith("  ")
        if not line.strip():
            found.append((None, []))
        elif found and found[-1][0] == is_literal:
            found[-1][1].append(line)
        else:
            found.append((is_literal, [line]))
    return [block for block in found if block[1]]


def split(discussion):
    """The text of a discussion, its examples, and its exit codes, each a list of lines of roff or of codes."""
    text, examples, codes, into = [], [], [], None
    for is_literal, lines in blocks(discussion):
        if not is_literal:
            heading = lines[-1].strip()
            into = {"Example:": "examples", "Examples:": "examples", "Exit codes:": "codes"}.get(heading)
            rest = lines[:-1] if into else lines
            if rest:
                text += ([".Pp"] if text else []) + filled(" ".join(rest))
        elif into == "examples":
            examples += literal(lines)
        elif into == "codes":
            codes += [int(line.split()[0]) for line in lines]
        else:
            text += literal(lines)
    return text, examples, codes


def shown(things):
    return [thing for thing in things or [] if thing.get("shouldDisplay", True)]


def arguments(command):
    """Those that are the command's own: every command has --help and --version."""
    common = ("help", "version")
    return [a for a in shown(command.get("arguments")) if (a.get("preferredName") or {}).get("name") not in common]


def spelled(name):
    return "Fl " + argument(("-" if name["kind"] == "long" else "") + name["name"])


def value(given):
    return "" if given["kind"] == "flag" else " Ar " + argument(given.get("valueName") or "value")


def synopsis(given):
    if given["kind"] == "positional":
        text = value(given).strip()
    else:
        text = spelled(given["preferredName"]) + value(given)
    text += " ..." if given.get("isRepeating") else ""
    return f".Op {text}" if given.get("isOptional") else "." + text


def described(given):
    """An argument's entry in the list of options."""
    if given["kind"] == "positional":
        tag = value(given).strip()
    else:
        tag = " , ".join(spelled(name) + value(given) for name in given["names"])
    text = given.get("abstract") or ""
    values = given.get("allValues") or []
    notes = []
    if values and not all(word in text for word in values):
        notes.append("one of " + ", ".join(values))
    if given.get("defaultValue") and "default:" not in text:
        notes.append("default: " + given["defaultValue"])
    if notes:
        text = f"{text.rstrip('.')} ({'; '.join(notes)})." if text else f"{'; '.join(notes).capitalize()}."
    return tag, filled(text) + (filled(given["discussion"]) if given.get("discussion") else [])


def leaves(command, path):
    """The commands below that do something, with their full names."""
    below = [c for c in shown(command.get("subcommands")) if c["commandName"] != "help"]
    if not below:
        yield path, command
    for child in below:
        yield from leaves(child, path + [child["commandName"]])


def groups(command, path):
    """The commands that have commands below them."""
    below = [c for c in shown(command.get("subcommands")) if c["commandName"] != "help"]
    if below:
        yield path, command
        for child in below:
            yield from groups(child, path + [child["commandName"]])


# --- pages --------------------------------------------------------------------------------------------------------


def head(name, abstract, version):
    return [
        '.\\" Made by scripts/man.py from what the commands say of themselves. Change those, then: make man',
        ".Dd @DATE@",
        f".Dt {name.upper()} 1",
        f".Os {argument('frame ' + version)}",
        ".Sh NAME",
        f".Nm {name}",
        f".Nd {abstract}",
    ]


def abstract(command):
    text = escaped(command.get("abstract", "").rstrip("."))
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def usage(path, command):
    return [".Nm frame", ".Cm " + " ".join(map(argument, path[1:])), *map(synopsis, arguments(command))]


def see(names):
    names = sorted(set(names))
    return [f".Xr {name} 1" + (" ," if name != names[-1] else "") for name in names]


def command_page(command, pages, version):
    name = "frame-" + command["commandName"]
    path = ["frame", command["commandName"]]
    commands = list(leaves(command, path))
    lines = head(name, abstract(command), version) + [".Sh SYNOPSIS"]
    for at, leaf in commands:
        lines += usage(at, leaf)
    lines.append(".Sh DESCRIPTION")
    lines += filled(command["abstract"])
    examples, own = [], []
    text, some, _ = split(command.get("discussion"))
    lines += ([".Pp"] + text) if text else []
    examples += some
    for at, group in groups(command, path):
        if group.get("defaultSubcommand"):
            default = " ".join(at + [group["defaultSubcommand"]])
            lines += [".Pp"] + filled(f"`{' '.join(at)}` without one of its commands is `{default}`.")
    for at, leaf in commands:
        if leaf is command:
            options = tagged([described(a) for a in arguments(leaf)])
            own += [".Pp", "The options are:"] + options if options else []
            continue
        text, some, _ = split(leaf.get("discussion"))
        own += [".Ss " + " ".join(map(argument, at))] + filled(leaf["abstract"])
        own += ([".Pp"] + text) if text else []
        own += tagged([described(a) for a in arguments(leaf)])
        examples += some
    lines += own
    lines += [".Sh EXIT STATUS"] + filled("0 when it is done, else one of the codes that stand in") + [".Xr frame 1 ."]
    lines += ([".Sh EXAMPLES"] + examples) if examples else []
    # What the text names, and whatever names it back is found there.
    said = json.dumps(command)
    named = {"frame-" + m for m in re.findall(r"\bframe ([a-z]+)\b", said)} & pages
    lines += [".Sh SEE ALSO"] + see(["frame"] + sorted(named - {name}))
    return name, lines


def root_page(root, pages, codes, version):
    text, examples, listed = split(root["discussion"])
    if listed != [code for code, _ in codes]:
        raise Refused(f"frame --help lists the exit codes {listed}, {OPERATIONS.name} {[code for code, _ in codes]}")
    lines = head("frame", abstract(root), version)
    lines += [".Sh SYNOPSIS", ".Nm", ".Ar command", ".Op Ar option ...", ".Nm", ".Cm help", ".Op Ar command ..."]
    lines += [".Sh DESCRIPTION"] + filled(root["abstract"]) + [".Pp"] + text
    lines += [".Pp"] + filled("Every command has --help, and --version. The commands are:")
    entries = []
    for command in shown(root["subcommands"]):
        if "frame-" + command["commandName"] in pages:
            entries.append((f"Xr frame-{command['commandName']} 1", filled(command["abstract"])))
    lines += tagged(entries)
    lines += [".Sh ENVIRONMENT"] + tagged([("Ev " + name, filled(text)) for name, text in ENVIRONMENT])
    lines += [".Sh FILES"] + tagged([("Pa " + name, filled(text)) for name, text in FILES])
    lines += [".Sh EXIT STATUS"] + tagged([(str(code), filled(text + ".")) for code, text in codes])
    lines += ([".Sh EXAMPLES"] + examples) if examples else []
    return "frame", lines + [".Sh SEE ALSO"] + see(pages)


def exit_codes():
    """The table of the operations page: (code, meaning)."""
    section = OPERATIONS.read_text(encoding="utf-8").split("\n## Exit codes", 1)
    if len(section) != 2:
        raise Refused(f"{OPERATIONS} has no section on exit codes")
    rows = re.findall(r"^\| (\d+) \| ([^|]+?) \|", section[1].split("\n## ", 1)[0], re.MULTILINE)
    if not rows:
        raise Refused(f"the section on exit codes of {OPERATIONS} has no table")
    return [(int(code), meaning) for code, meaning in rows]


def said_by(frame, *words):
    done = subprocess.run([frame, *words], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Refused(f"{frame} {' '.join(words)} ends with {done.returncode}")
    return done.stdout.decode("utf-8")


def made(frame):
    """Every page: its name and its text, with a mark where the date belongs."""
    tool = json.loads(said_by(frame, "--experimental-dump-help"))
    if tool.get("serializationVersion") != 0:
        raise Refused(f"the help has version {tool.get('serializationVersion')}; this script reads version 0")
    version = said_by(frame, "version").strip()
    root = tool["command"]
    commands = [c for c in shown(root["subcommands"]) if c["commandName"] != "help"]
    pages = {"frame-" + c["commandName"] for c in commands}
    result = dict(command_page(c, pages, version) for c in commands)
    result.update([root_page(root, pages, exit_codes(), version)])
    return {name: "\n".join(lines) + "\n" for name, lines in result.items()}


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--frame", required=True, help="the binary whose help is read")
    options.add_argument("--pages", type=pathlib.Path, default=ROOT / "docs" / "man", help="the folder of the pages")
    options.add_argument("--check", action="store_true", help="change nothing, and exit 1 when something had to change")
    given = options.parse_args()
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%B %-d, %Y")
    pages = made(given.frame)
    wrong = []
    for name, page in sorted(pages.items()):
        file = given.pages / f"{name}.1"
        stored = file.read_text(encoding="utf-8") if file.exists() else ""
        if re.sub(r"^\.Dd .*$", ".Dd @DATE@", stored, count=1, flags=re.MULTILINE) == page:
            continue
        wrong.append(file.name)
        if not given.check:
            given.pages.mkdir(parents=True, exist_ok=True)
            file.write_text(page.replace("@DATE@", today, 1), encoding="utf-8")
    for file in sorted(given.pages.glob("*.1")):
        if file.stem not in pages:
            wrong.append(file.name)
            if not given.check:
                file.unlink()
    if given.check and wrong:
        raise Refused(f"not what the commands say: {', '.join(wrong)}; run make man")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        sys.exit(1)
