"""Answers that go on: one answer by as many requests as it takes.

- `ask`: `create` with `auto_continue`, `resume` or `stream_under`
- `answer`: an answer as far as its requests have brought it, and what the next one asks
- `continued`: what follows the end of each request, and `stream`: the streams of both clients
- `leg`: the stream of one request
- `join`: the parts of an answer as one completion
- `resume`: whether a cut can be made up for, and when
"""
