"""The models that a server offers."""

from tokstream._tokstream import Model, ModelList, ModelMetadata, ModelPricing

__all__ = ["Model", "ModelList", "ModelMetadata", "ModelPricing"]
