"""Tools: what a model may call, and the runs in which it does.

- `definition`: functions, classes and dicts as `tools=` takes them
- `signatures`, `docstrings`: what a function takes, and what it says of that
- `run_tools`: `client.chat.completions.run_tools(…)`
- `loop`: the turns of a run, as steps
- `calls`, `results`: one call, and its result as text
- `workers`: where calls run: in threads or in tasks
- `run`: what a run is at its end, and its streams
- `events`: what the streams give
- `errors`: how runs fail
"""
