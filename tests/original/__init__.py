"""The same scenarios through the original, `@fal-ai/client`, and through both flavours."""
