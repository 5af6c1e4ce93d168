"""The values that cross rooms: frozen, typed, without I/O and without any outside library."""
