"""anchorwatch: tells when a Docker host drifts away from its Git repository, and writes it in the log."""

__version__ = "0.1.0"
