"""The routes of a client, one module for each resource."""

from tokstream.resources.chat import AsyncChat as AsyncChat, Chat as Chat
from tokstream.resources.completions import AsyncCompletions as AsyncCompletions, Completions as Completions
from tokstream.resources.embeddings import AsyncEmbeddings as AsyncEmbeddings, Embeddings as Embeddings
from tokstream.resources.models import AsyncModels as AsyncModels, Models as Models
