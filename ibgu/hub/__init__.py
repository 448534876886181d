"""Connects ibgu to Kubernetes: everything that it reads from a hub and writes to it.

Reading: `reflector` (with `watch`, `initial`, `decode`) keeps a `store` in sync with one kind;
`discovery` determines once what the hub serves, `access` who a caller is. Writing: `writer` (with
`bucket`, `fair`, `backoff`), `events`. The right to write: `lease` and its `deadline`. Below all of
them: `client` (with `config`, `credentials`, `transport`, `errors`) and `paths`.
"""
