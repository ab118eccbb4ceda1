"""The events of a stream.

- `types`: the events
- `state`: how chunks become events
- `shared`: what has arrived so far, which the events of a stream share
- `streams`: `client.chat.completions.stream(…)`
"""
