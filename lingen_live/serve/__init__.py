"""Sessions over HTTP, WebSocket and WebRTC. Knows an `EngineClient`; knows nothing of models and layers."""
