"""Structured output: what a call asks the model to write, and the values that are read out of its replies.

- `output`: all that is to be read out of a reply, by `format` for its content and `arguments` for its calls of tools
- `parse`: `client.chat.completions.parse(…)`
- `finish`: answers that have no proper end
- `errors`: the errors of replies that have no value
- `parsed`: replies with the values that were read out of them
- `json_reader`, `json_shown`: JSON that is read while it arrives
"""
