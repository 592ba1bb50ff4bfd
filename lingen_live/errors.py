"""The one error tree: every failure a person can cause or meet carries a code and one clear sentence.

LingenError
├── ConfigError        a configuration with a missing, unknown or impossible field
├── CheckpointError    weights that are missing, damaged, foreign, or a pickle
├── TextEncoderError   text-encoder weights that are missing or not the expected ones
├── PromptError        words that cannot be a prompt
├── TimelineError      a moment that is not kept, a branch that is not there, or one too many
├── ScenarioError      a scenario that is not one, or a stream that cannot be told as one
├── SessionFileError   a session file that is damaged, foreign, or of a newer version
├── ProfileError       a file of measurements that is not one
├── TrainingError      training that went wrong, or state that cannot be resumed
├── EngineError        the generator cannot start, or stopped
└── ClusterError       machines that cannot be reached, or do not fit together

`serve/errors.py` adds what only a network can do wrong.
"""


class LingenError(Exception):
    """Base of all errors this project raises on purpose.

    Attributes:
        code: stable machine-readable word, sent to clients beside the message.
    """

    code = "error"

    @property
    def message(self) -> str:
        """The sentence shown to a person."""
        return str(self)


class ConfigError(LingenError):
    """A configuration that cannot describe a model."""

    code = "bad_config"


class CheckpointError(LingenError):
    """Weights that cannot be loaded, and why."""

    code = "bad_checkpoint"


class TextEncoderError(LingenError):
    """Text-encoder weights that are missing or differ from the pinned ones."""

    code = "bad_text_encoder"


class PromptError(LingenError):
    """Words that cannot be a prompt."""

    code = "bad_prompt"


class TimelineError(LingenError):
    """A moment that is not kept, a branch that is not there, or one too many; the stream goes on as it was."""

    code = "bad_timeline"


class ScenarioError(LingenError):
    """A scenario that is not one, or a stream that cannot be told as one."""

    code = "bad_scenario"


class SessionFileError(LingenError):
    """A session file that is damaged, foreign, or of a newer version; the stream goes on as it was."""

    code = "bad_session_file"


class ProfileError(LingenError):
    """A file of measurements that is not one; the message names the line or the event."""

    code = "bad_profile"


class TrainingError(LingenError):
    """Training that diverged; what was saved before stays as it was."""

    code = "training_failed"


class EngineError(LingenError):
    """The generator cannot start, or stopped."""

    code = "engine_failed"


class ClusterError(LingenError):
    """Machines that cannot be reached, or do not fit together."""

    code = "bad_cluster"
