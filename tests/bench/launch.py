"""launch.py WORD…: runs a command and prints its CPU seconds, its largest process in MB and its status.

A process inherits the memory peak of the one that it was forked from, so this one is small: it imports nothing but os and
sys. What the command prints goes through a pipe, as GNU grep stops at the first line where it goes to /dev/null.
"""

import os
import sys

reader, writer = os.pipe()
pid = os.fork()
if not pid:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(writer, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
os.close(writer)
while os.read(reader, 1 << 16):
    pass
_, status, usage = os.wait4(pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
