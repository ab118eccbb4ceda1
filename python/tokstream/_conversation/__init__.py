"""Conversations: a history that grows by each question and its reply.

- `conversation`: `Conversation` and `AsyncConversation`
- `base`: what they have in common
- `turn`: one question and its reply
- `stream`: a reply as it is being written
- `run`: the same of a run of tools
- `settings`: what a conversation may be set to, and what of that may be kept elsewhere
- `messages`: messages as plain dicts that the service takes back
- `overflow`: what is done when the history outgrows the model's context
- `file`: conversations as files
- `transcript`: conversations as text and HTML
- `errors`: how conversations fail
"""
