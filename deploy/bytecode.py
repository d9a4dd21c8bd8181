"""bytecode.py ZIPAPP: imports what each tick imports, and writes its bytecode to standard output as a marshalled dict.

It runs in a process of its own, so that what a module compiles to does not depend on what else is in memory.
"""

import marshal
import sys
from importlib import import_module
from importlib.util import MAGIC_NUMBER, source_hash
from zipimport import zipimporter

EACH_TICK = ("tocsin.commands.check", "tocsin.cli", "tocsin.config.document", "yaml")
UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: by hash, and never compared with the source


def main() -> None:
    archive = sys.argv[1]
    sys.path.insert(0, archive)
    for name in EACH_TICK:
        import_module(name)
    loaded = [str(getattr(module, "__file__", "")) for module in sys.modules.values()]
    names = [file.removeprefix(f"{archive}/") for file in loaded if file.startswith(f"{archive}/")]
    read = zipimporter(archive).get_data
    marshal.dump({f"{name}c": compiled(read(name), name) for name in [*names, "__main__.py"]}, sys.stdout.buffer)


def compiled(source: bytes, name: str) -> bytes:
    """The bytes of a module's compiled file."""
    shown = name.startswith(("tocsin/cli", "tocsin/commands/"))  # --help shows docstrings; the others only take room
    code = compile(source, name, "exec", dont_inherit=True, optimize=0 if shown else 2)
    # version 2 has no references: with them the bytes depend on who else in this process holds a name
    return MAGIC_NUMBER + UNCHECKED + source_hash(source) + marshal.dumps(code, 2)


if __name__ == "__main__":
    main()
