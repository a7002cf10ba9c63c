// Written by hand until the generated file of the same name (ts-rs, from src/protocol/server.rs) replaces it.
import type { Activity, Layout, MediaState, ParticipantKind, RecordingState, Role, StreamState, TrackSource, ViewMode } from "./words";

export type ServerMessage = { "type": "waiting", } | { "type": "welcome", protocol: number, you: string, role: Role, resume: string, room: RoomView, participants: Array<ParticipantView>, ice_servers: Array<IceServer>, slots: SlotLimits, } | { "type": "answer", sdp: string, } | { "type": "media_lost", reason: string, } | { "type": "slots", slots: Array<SlotView>, } | { "type": "participant_joined", participant: ParticipantView, } | { "type": "participant_changed", participant: ParticipantView, } | { "type": "participant_left", participant: string, } | { "type": "speaking", participants: Array<string>, } | { "type": "room_changed", room: RoomView, } | { "type": "waiting_changed", waiting: Array<WaitingView>, } | { "type": "invitation", invitation: string, url: string, } | { "type": "muted", } | { "type": "done", request: number, } | { "type": "error", code: string, message: string, request?: number, } | { "type": "closing", code: string, message: string, };

export type RoomView = { id: string, name: string, activity: Activity, locked: boolean, lobby: boolean, layout: Layout, max_participants: number, recordings: Array<RecordingView>, streams: Array<StreamView>, };

export type ParticipantView = { id: string, name: string, role: Role, kind: ParticipantKind, joined_at: string, media: MediaState, muted_by_host: boolean, view: ViewMode, connected: boolean, };

export type WaitingView = { participant: string, name: string, };

export type SlotView = { mid: string, feed?: FeedView, };

export type FeedView = { "kind": "track", participant: string, source: TrackSource, } | { "kind": "mix", };

export type RecordingView = { id: string, state: RecordingState, started_at: string, duration: number, error?: string, };

export type StreamView = { id: string, url: string, state: StreamState, retries: number, started_at: string, error?: string, };

export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type SlotLimits = { audio: number, video: number, };
