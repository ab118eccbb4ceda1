"""A model that a server offers."""

from tokstream._tokstream import Model, ModelMetadata, ModelPricing

__all__ = ["Model", "ModelMetadata", "ModelPricing"]
