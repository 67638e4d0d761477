"""Where answers come from: servers that speak OpenAI's protocol, and DSPy's language models for all others."""
