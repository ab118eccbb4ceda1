"""Structured output: what a call asks the model to write, and the values that are read out of its replies.

- `output`: what is asked for and how it is read, with `arguments` for the calls of tools
- `parse`: `client.chat.completions.parse(…)`
- `finish`: answers that have no proper end
- `errors`: the errors of replies that have no value
- `parsed`: replies with the values that were read out of them
- `json_reader`, `json_shown`: JSON that is read while it arrives
"""
