"""Calls to OpenAI-compatible servers: what is asked (`request`, `sending`), what comes back (`outcomes`), and the
calls in flight (`client`, over `stream` and `connections`).

When a call may begin is for `permits` to say, by what `limits` holds of an endpoint as pure state: its window
(`manners`), the health of its addresses (`breaker`), its `rates` and its `budget`. For many workers the driver's
coordinator holds that, and `leases` asks it by `messages`.
"""
