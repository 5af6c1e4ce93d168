"""What the service answers over HTTP: `/healthz`, `/metrics`, `/hooks/git`, and verbs that write, on a socket of their own."""
