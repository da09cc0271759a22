"""Calls to OpenAI-compatible servers: what is asked (`request`), what comes back (`outcomes`), and the window of
calls in flight (`client`, over `stream` and `manners`)."""
