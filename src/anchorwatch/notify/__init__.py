"""Telling people: who is told what and when (pure), and the sending of it, at least once."""
