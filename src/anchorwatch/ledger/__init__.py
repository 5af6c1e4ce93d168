"""The ledger: what became of the drifts of a project key in a check, and why. Decided without I/O, written in one transaction.

`decide` is the life of a drift, `grace` its clock, `side` tells which of the two moved; `record` writes what they say, `fleet`
does the same for hosts and stacks. Nobody here reads the clock. Only `record` and `fleet` load the database's libraries, so
import the modules that are needed, one by one.
"""
