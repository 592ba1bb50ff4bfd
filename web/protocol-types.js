// @ts-check
// Written by `lingen_live protocol --write` from lingen_live/serve/protocol.py; not to be edited.

/** @typedef {{type: "hello", version: 1, session?: string}} Hello */
/** @typedef {{type: "steer", id: number, prompt: string, chunks?: number}} SteerControl */
/** @typedef {{type: "blend", id: number, parts: readonly (readonly [string, number])[], chunks?: number}} BlendControl */
/** @typedef {{type: "reanchor", id: number, prompt: string, chunks?: number}} ReanchorControl */
/** @typedef {{type: "cut", id: number, prompt: string}} CutControl */
/** @typedef {{type: "pause", id: number}} PauseControl */
/** @typedef {{type: "resume", id: number}} ResumeControl */
/** @typedef {{type: "seed", id: number, seed: number}} SeedControl */
/** @typedef {{type: "reset", id: number}} ResetControl */
/** @typedef {{type: "seek", id: number, chunk_index: number}} SeekControl */
/** @typedef {{type: "fork", id: number, chunk_index?: number, name?: string}} ForkControl */
/** @typedef {{type: "switch", id: number, branch_id: number}} SwitchControl */
/** @typedef {{type: "delete", id: number, branch_id: number}} DeleteControl */
/** @typedef {{type: "schedule", id: number, chunk_index: number, prompt?: string, parts?: readonly (readonly [string, number])[], verb?: "steer" | "cut", chunks?: number}} ScheduleControl */
/** @typedef {{type: "reschedule", id: number, plan_id: number, chunk_index: number}} RescheduleControl */
/** @typedef {{type: "unschedule", id: number, plan_id: number}} UnscheduleControl */
/** @typedef {{type: "scenario", id: number, scenario: object}} ScenarioControl */
/** @typedef {{type: "load", id: number, upload: string}} LoadControl */
/** @typedef {{type: "record", id: number, action: "start" | "stop"}} RecordControl */
/** @typedef {{type: "keep", id: number, seconds?: number}} KeepControl */
/** @typedef {{type: "received", id: number}} ReceivedEvent */
/** @typedef {{type: "applied", id: number, chunk_index: number, pts: number}} AppliedEvent */
/** @typedef {{type: "chunk", chunk_index: number, pts: number, prompt: string, blend: number, profile: {total_ms: number, spans_ms: Record<string, number>}, buffer_ms: number, fps: number, understanding: {scene: readonly (string)[], heard: readonly (string)[], similarity: number}, weights: "trained" | "random", device?: string}} ChunkEvent */
/** @typedef {{type: "state", version: number, status: "warming" | "running" | "paused" | "restarting", progress?: {stage: string, fraction: number}, prompt: string, seed: number, fps?: number, width_px?: number, height_px?: number, frames_per_chunk?: number, chunk_index: number, n_viewers: number, transition_chunks: number, weights?: "trained" | "random", model?: object, session: string}} StateEvent */
/** @typedef {{type: "timeline", branch_id: number, chunk_index: number, branches: readonly ({id: number, name: string, parent_id: number | null, forked_at: number, tip_index: number})[], max_branches: number, moments: readonly (readonly [number, number])[], plan: readonly ({id: number, chunk_index: number, verb: "steer" | "cut", prompt: string, n_chunks: number})[], thumbnails: string}} TimelineEvent */
/** @typedef {{type: "line", place: number, n_waiting: number, n_sessions: number, wait_ms?: number}} LineEvent */
/** @typedef {{type: "moving", place: string, is_gone: boolean}} MovingEvent */
/** @typedef {{type: "error", code: string, message: string, id?: number}} ErrorEvent */
/** @typedef {{type: "recording", name: string, status: "recording" | "done" | "failed", duration_ms: number, n_bytes: number, has_script: boolean, message?: string}} RecordingEvent */
/** @typedef {Hello | SteerControl | BlendControl | ReanchorControl | CutControl | PauseControl | ResumeControl | SeedControl | ResetControl | SeekControl | ForkControl | SwitchControl | DeleteControl | ScheduleControl | RescheduleControl | UnscheduleControl | ScenarioControl | LoadControl | RecordControl | KeepControl} ClientMessage */
/** @typedef {ReceivedEvent | AppliedEvent | ChunkEvent | StateEvent | TimelineEvent | LineEvent | MovingEvent | ErrorEvent | RecordingEvent} ServerMessage */

export {};
