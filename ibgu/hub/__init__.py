"""The Kubernetes edge: everything that ibgu reads from a hub and writes to it.

Reading: `reflector` (with `watch`, `initial`, `decode`) keeps a `store` in step with one kind;
`discovery` tells once what the hub serves, `access` who a caller is. Writing: `writer` (with
`bucket`, `fair`, `backoff`), `events`. Who may write: `lease` and its `deadline`. Below all of
them: `client` (with `config`, `credentials`, `transport`, `errors`) and `paths`.
"""
