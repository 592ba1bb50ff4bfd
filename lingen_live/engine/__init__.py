"""A stream of chunks and its hosting. Knows nothing of HTTP, WebRTC or playback."""
