// One visit to a room: joins socket, peer, devices and the reducer. Whatever it starts, `end` ends.

import { PROTOCOL_VERSION, type ClientFrame } from '../protocol/client';
import type { IceServer, ServerMessage, SlotLimits } from '../protocol/server';
import type { Layout, Reaction, TrackSource, ViewChoice } from '../protocol/words';
import { Peer, type Slot } from '../rtc/peer';
import type { Quality } from '../rtc/stats';
import { ApiError, roomInfo } from '../signalling/rest';
import { backoff, COMES_BACK, Refused, RoomSocket, socketUrl, type SocketLike } from '../signalling/socket';
import type { CaptionWords } from '../state/captions';
import type { Memory } from '../state/memory';
import { pictureWish, USUAL, type PictureHeight } from '../state/quality';
import { hasThinListener, runningRecording, runningStreams } from '../state/facts';
import { initial, reduce, type Notice, type RoomEvent, type RoomState, type SelfView, type TileId } from '../state/room';
import { cue } from '../state/sounds';
import { slotOf, viewTiles, type Tile } from '../state/tiles';
import { LineWatch } from './line';
import type { LocalMedia } from './local.svelte';
import { offered } from './screen';
import { play } from './sounds';

const NOTICE_MS = 5000;
/** A question, and what happened to one's own camera, wait longer than news. */
const LONG_MS: Partial<Record<Notice['kind'], number>> = { unmute_asked: 30_000, device: 15_000, muted: 15_000 };
const REACTION_MS = 4000;
const VIEW_DEBOUNCE_MS = 150;

export class Session {
  state = $state.raw<RoomState>(initial());
  slots = $state.raw<readonly Slot[]>([]);
  quality = $state<Quality>('good');
  /** The next recording keeps each person's own media as well. */
  ownMedia = $state(false);
  /** Of the next recording or stream. */
  pictureHeight = $state<PictureHeight>(USUAL);
  /** The invitation in use: a renewed one replaces it. */
  invitation = $state('');

  /** What is true: `state` is the same, for views. */
  #now: RoomState = initial();
  #memory: Memory;
  #local: LocalMedia;
  #socket: RoomSocket | null = null;
  #peer: Peer | null = null;
  #name = '';
  #iceServers: IceServer[] = [];
  #limits: SlotLimits = { audio: 3, video: 12 };
  #offers = 0;
  #timers: Record<'offer' | 'view', ReturnType<typeof setTimeout> | undefined> = { offer: undefined, view: undefined };
  #view = '';
  /** What the server was told last of what is switched on. */
  #media = '';
  /** Coming back over a new connection does not take the room back. */
  #handedOver = false;
  #line = new LineWatch(
    () => (this.state.media ? this.#peer : null),
    (quality) => (this.quality = quality),
  );

  constructor(invitation: string, memory: Memory, local: LocalMedia) {
    this.invitation = invitation;
    this.#memory = memory;
    this.#local = local;
    this.#now = this.state = { ...initial(), layout: local.prefs.value.layout, self: local.prefs.value.self };
    local.onLoss = (kind, loss) => {
      if (this.state.phase.kind === 'inside') this.notify('device', '', `${loss}.${kind}`);
    };
    local.onTracks = (changed) => this.#tracksChanged(changed);
    local.onProblem = (kind, problem) => {
      // Before the door the page says so itself.
      if (this.state.phase.kind === 'inside') this.notify('device', '', problem === 'insecure' ? problem : `${problem}.${kind}`);
    };
  }

  /** Makes the connection's keys and its offer while the person still writes their name. */
  prepare(): void {
    if (this.#peer !== null) return;
    this.#peer = this.#newPeer();
    this.#peer.prepare(offered(this.#limits));
    // Devices that were open before say nothing more.
    if (Object.values(this.#local.tracks).some((track) => track != null)) this.#peer.gather();
  }

  /** Goes in. Nothing is waited for: devices that open later are put into the places the offer holds for them. */
  join(name: string): void {
    this.#name = name;
    this.#dispatch({ type: 'joining' });
    this.#socket?.close();
    this.prepare();
    this.#socket = new RoomSocket({
      open: () => new WebSocket(socketUrl(location, this.invitation)) as unknown as SocketLike,
      hello: () => this.#hello(),
      onMessage: (message) => this.#receive(message),
      onConnection: (connected) => this.#connection(connected),
      onUnreachable: () => void this.#askWhy(),
    });
    window.addEventListener('online', this.#retry);
    document.addEventListener('visibilitychange', this.#retry);
    this.#line.start();
  }

  leave(): void {
    this.#socket?.send({ type: 'leave' });
    this.#memory.keepResume(this.invitation, null);
    this.#dispatch({ type: 'ended', code: 'left', message: '' });
    this.end();
  }

  /** Ends what was started: socket, peer, timers. The devices are `LocalMedia`'s. */
  end(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#dropPeer();
    clearTimeout(this.#timers.offer);
    clearTimeout(this.#timers.view);
    this.#line.stop();
    window.removeEventListener('online', this.#retry);
    document.removeEventListener('visibilitychange', this.#retry);
  }

  /** Asks the server for something. False, and a notice, when it says no. */
  async ask(message: ClientFrame): Promise<boolean> {
    if (this.#socket === null) return false;
    try {
      await this.#socket.request(message);
      return true;
    } catch (error) {
      if (error instanceof Refused) this.notify('refused', error.message, error.code);
      return false;
    }
  }

  chooseQuality(height: PictureHeight): void {
    this.pictureHeight = height;
  }

  /** The size to ask for with the next recording or stream. */
  pictureWish(): { width?: number; height?: number } {
    const room = this.state.room;
    return pictureWish(this.pictureHeight, room !== null && (runningRecording(room) !== undefined || runningStreams(room).length > 0));
  }

  choose(mode: ViewChoice): void {
    this.#dispatch({ type: 'view', mode });
  }

  /** How the tiles are laid out here; remembered. */
  arrange(layout: Layout): void {
    this.#local.prefs.set({ layout });
    this.#dispatch({ type: 'layout', layout });
  }

  showSelf(self: SelfView): void {
    this.#local.prefs.set({ self });
    this.#dispatch({ type: 'self', self });
  }

  caption(words: CaptionWords): void {
    this.#dispatch({ type: 'caption', words, at: Date.now() });
  }

  fadeCaptions(): void {
    this.#dispatch({ type: 'captions_fade', at: Date.now() });
  }

  openChat(open: boolean): void {
    this.#dispatch({ type: 'chat', open });
  }

  say(text: string): Promise<boolean> {
    return this.ask({ type: 'chat', text });
  }

  react(reaction: Reaction): void {
    void this.ask({ type: 'react', reaction });
  }

  get handRaised(): boolean {
    return this.state.participants.find(({ id }) => id === this.state.you)?.hand !== undefined;
  }

  toggleHand(): void {
    void this.ask({ type: 'raise_hand', raised: !this.handRaised });
  }

  /** Makes somebody the host and oneself a guest. The maker's link still makes a host, by opening it again. */
  async handOver(participant: string): Promise<void> {
    if (!(await this.ask({ type: 'set_role', participant, role: 'host' }))) return;
    this.#handedOver = true;
    await this.ask({ type: 'set_role', participant: this.state.you, role: 'guest' });
  }

  /** Says so when the browser refuses what was asked of it. */
  async tried(what: 'full' | 'float', done: Promise<boolean>): Promise<void> {
    if (!(await done)) this.notify('refused', '', `no_${what}`);
  }

  pin(tile: TileId | null): void {
    this.#dispatch({ type: 'pin', tile });
  }

  page(page: number): void {
    this.#dispatch({ type: 'page', page });
  }

  /** So many pictures of others the connection has places for. */
  get pictures(): number {
    return this.#limits.video;
  }

  notify(kind: Notice['kind'], text = '', code = ''): void {
    this.#dispatch({ type: 'notice', kind, text, code });
  }

  dismiss(id: number): void {
    this.#dispatch({ type: 'dismiss', id });
  }

  /** What is drawn now. The first word goes at once, later ones when the drawing has come to rest. */
  drawn(tiles: Tile[]): void {
    const mode = this.state.view;
    const message: ClientFrame = { type: 'view', mode, tiles: mode === 'mix' ? [] : viewTiles(tiles, window.devicePixelRatio) };
    const text = JSON.stringify(message);
    clearTimeout(this.#timers.view);
    if (text === this.#view || this.state.phase.kind !== 'inside') return;
    const send = () => {
      if (this.#socket?.send(message) === true) this.#view = text;
    };
    if (this.#view === '') send();
    else this.#timers.view = setTimeout(send, VIEW_DEBOUNCE_MS);
  }

  /** The picture for a tile of somebody else, if a section carries it now. */
  pictureOf(tile: TileId): MediaStream | null {
    const mid = slotOf(this.state.slots, tile);
    return this.slots.find((slot) => slot.mid === mid)?.stream ?? null;
  }

  /** The one picture, if a section carries it now. */
  mixPicture(): MediaStream | null {
    return this.slots.find((slot) => slot.kind === 'video' && this.state.slots[slot.mid]?.kind === 'mix')?.stream ?? null;
  }

  get hostToken(): string | undefined {
    return this.#memory.hostToken(this.invitation);
  }

  #dispatch(event: RoomEvent): void {
    // Not from `state`: what runs while a view is taken away is shown the state of before, and would bring it back.
    const before = this.#now;
    this.#now = this.state = reduce(before, event);
    for (const { id, kind } of this.state.notices) {
      if (id >= before.nextNotice) setTimeout(() => this.dismiss(id), LONG_MS[kind] ?? NOTICE_MS);
    }
    for (const { id } of this.state.reactions) {
      if (id >= before.nextNotice) setTimeout(() => this.#dispatch({ type: 'reaction_over', id }), REACTION_MS);
    }
    const sound = this.#local.prefs.value.sounds ? cue(before, this.state) : null;
    if (sound !== null) play(sound, this.#local.choice.speaker);
  }

  #hello(): ClientFrame {
    const hello: ClientFrame = { type: 'join', protocol: PROTOCOL_VERSION, name: this.#name, media: this.#local.state };
    this.#media = JSON.stringify(hello.media);
    const resume = this.#memory.resume(this.invitation);
    const hostToken = this.#memory.hostToken(this.invitation);
    if (resume !== undefined) hello.resume = resume;
    if (hostToken !== undefined && !this.#handedOver) hello.host_token = hostToken;
    return hello;
  }

  #receive(message: ServerMessage): void {
    const first = this.state.phase.kind !== 'inside';
    this.#dispatch({ type: 'server', message, at: Date.now() });
    void this.#peer?.thinVoice(hasThinListener(this.state));
    switch (message.type) {
      case 'welcome':
        this.#memory.keepResume(this.invitation, message.resume);
        this.#iceServers = message.ice_servers;
        this.#limits = offered(message.slots);
        this.#view = '';
        if (first && message.role === 'guest' && message.room.rules.join_muted) this.#local.mute();
        this.#tellMedia();
        void this.#offer();
        break;
      case 'answer':
        void this.#answer(message.sdp);
        break;
      case 'layers':
        if (message.source === 'camera') void this.#peer?.limit(message);
        break;
      case 'media_lost':
        this.#offerLater();
        break;
      case 'muted':
        this.#local.mute();
        break;
      case 'share_stopped':
        this.#local.stopSharing();
        break;
      case 'invitation':
        this.#renewed(message.invitation);
        break;
      case 'closing':
        if (COMES_BACK.includes(message.code)) break;
        if (message.code === 'left' || message.code === 'ended') this.#memory.keepResume(this.invitation, null);
        // It bars this window, not the browser.
        else if (message.code === 'removed' || message.code === 'flooded') this.#memory.forgetPlace();
        this.end();
        break;
    }
  }

  #renewed(invitation: string): void {
    if (invitation === this.invitation) return;
    this.#memory.renewInvitation(this.invitation, invitation);
    this.invitation = invitation;
    history.replaceState(null, '', `/r/${invitation}`);
  }

  #connection(connected: boolean): void {
    this.#dispatch({ type: 'connection', connected });
    // The server keeps our place for a while, our media session not; the next `welcome` starts another.
    if (!connected) clearTimeout(this.#timers.offer);
  }

  /** The socket never opened: a shut door says so over HTTP, an unreachable server says nothing. */
  async #askWhy(): Promise<void> {
    try {
      await roomInfo(this.invitation);
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 410)) return;
      this.#dispatch({ type: 'ended', code: error.code, message: error.message });
      this.end();
    }
  }

  #newPeer(): Peer {
    return new Peer({
      onConnected: () => {
        this.#offers = 0;
        this.#dispatch({ type: 'media', flowing: true });
      },
      // A closed peer says nothing, so this is the one in use.
      onLost: () => this.#offerLater(),
    });
  }

  #dropPeer(): void {
    this.#peer?.close();
    this.#peer = null;
    this.slots = [];
  }

  async #offer(): Promise<void> {
    clearTimeout(this.#timers.offer);
    let peer = this.#peer;
    if (peer?.offers(this.#iceServers, this.#limits) !== true) {
      this.#dropPeer();
      peer = this.#peer = this.#newPeer();
    }
    const tracks = this.#local.tracks;
    this.#dispatch({ type: 'offered' });
    const sdp = await peer.offer(this.#iceServers, this.#limits, tracks).catch((error: unknown) => {
      if (this.#peer === peer) console.error('no offer could be made', error);
      return null;
    });
    if (this.#peer !== peer) return;
    if (sdp === null) {
      this.#offerLater();
      return;
    }
    this.#socket?.send({ type: 'offer', sdp });
    this.slots = peer.slots;
    // A device may have opened or closed while the offer was made.
    for (const source of ['microphone', 'camera', 'screen', 'screen_sound'] as const) {
      if (this.#local.tracks[source] !== tracks[source]) void peer.put(source, this.#local.tracks[source] ?? null);
    }
  }

  async #answer(sdp: string): Promise<void> {
    try {
      await this.#peer?.answer(sdp);
    } catch (error) {
      console.error('the answer was refused', error);
      this.#offerLater();
    }
  }

  /** Another session soon, less and less soon while it keeps failing. */
  #offerLater(): void {
    this.#dropPeer();
    this.#dispatch({ type: 'offered' });
    clearTimeout(this.#timers.offer);
    const wait = this.#offers === 0 ? 0 : backoff(this.#offers - 1, Math.random());
    this.#offers++;
    this.#timers.offer = setTimeout(() => {
      if (this.state.phase.kind === 'inside' && this.state.connected) void this.#offer();
    }, wait);
  }

  #tracksChanged(changed: TrackSource[]): void {
    for (const source of changed) void this.#peer?.put(source, this.#local.tracks[source] ?? null);
    if (this.state.phase.kind === 'outside') this.#peer?.gather();
    this.#tellMedia();
  }

  /** Says what is switched on, if that is not what was said last: a device may open while the server still answers `join`. */
  #tellMedia(): void {
    const media = this.#local.state;
    const text = JSON.stringify(media);
    if (this.state.phase.kind !== 'inside' || text === this.#media) return;
    if (this.#socket?.send({ type: 'media', media }) === true) this.#media = text;
  }

  #retry = (): void => {
    if (document.visibilityState === 'visible') this.#socket?.retryNow();
  };
}
