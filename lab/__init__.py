"""A laboratory of real Docker Engines on one Debian machine, for the tests, the benchmarks and the demo.

It needs Python's standard library only and runs before any virtual environment exists (`python3 -m lab up`).
Every host is a *private machine* (`lab.machine`): its own network, mounts, processes and host name, laid
copy-on-write over this machine's files. An engine there behaves as on a server of its own, two of them may
publish the same port, and when the machine is stopped nothing of it is left here.
"""
