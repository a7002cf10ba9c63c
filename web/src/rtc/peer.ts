// One RTCPeerConnection, offered once. Tracks come and go by replaceTrack; nothing is ever negotiated again.

import type { IceServer, SlotLimits } from '../protocol/server';
import type { TrackSource } from '../protocol/words';

/** Simulcast of the camera: a quarter, a half and the full size. */
export const CAMERA_ENCODINGS: RTCRtpEncodingParameters[] = [
  { rid: 'q', active: true, scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', active: true, scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', active: true, scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

/**
 * By how much each layer is scaled down for a camera of that size; 0 is off. Chromium sends three layers of a picture from
 * 960 across, two from 480, and leaves out the last ones, which would be the best.
 */
export function cameraScales({ width = 0, height = 0 }: { width?: number; height?: number }): [number, number, number] {
  const across = Math.max(width, height);
  if (across === 0 || across >= 960) return [4, 2, 1];
  return across >= 480 ? [2, 1, 0] : [1, 0, 0];
}

/** What anybody takes of the camera: the lowest so many layers, and the lines that are enough for the largest of them. */
export interface Useful {
  layers: number;
  height?: number;
}

/** The same scales without what nobody takes. */
export function usefulScales(size: { width?: number; height?: number }, { layers, height }: Useful): number[] {
  const scales = cameraScales(size).map((scale, layer) => (layer < layers ? scale : 0));
  const largest = scales.findLastIndex((scale) => scale !== 0);
  if (height !== undefined && height > 0 && size.height !== undefined) scales[largest] = Math.max(scales[largest] ?? 0, size.height / height);
  return scales;
}

/** Firefox sends a largest layer that is not twice the next by fits and starts (seen in 153 ESR): there, all of it is sent or nothing. */
function uneven(layers: number): boolean {
  return layers < CAMERA_ENCODINGS.length || !globalThis.navigator?.userAgent.includes('Firefox');
}

/** A layer that is smaller than usual needs fewer bits: less than its pixels would say, as details weigh more in a small picture. */
function scaled({ maxBitrate = 0 }: RTCRtpEncodingParameters = {}, usual = 1, scale = 1): RTCRtpEncodingParameters {
  return { scaleResolutionDownBy: scale, maxBitrate: Math.round(maxBitrate * (usual / scale) ** 1.5) };
}

/** A voice that leaves a line of 60 kbit/s room for something else: browsers make 32 kbit/s of it, and its packets' heads are 28 more. */
const THIN_VOICE = 20_000;

const SCREEN_ENCODINGS: RTCRtpEncodingParameters[] = [{ active: true, maxBitrate: 2_500_000 }];

/** A disconnected peer often comes back by itself; after this long it does not. */
const PATIENCE_MS = 3000;
/** A prepared offer knows this machine's addresses; after this long they may be others. */
const FRESH_MS = 60_000;
/** From the answer to a connection; a network that swallows packets never says "failed". */
const CONNECT_MS = 10_000;

export type Tracks = Partial<Record<TrackSource, MediaStreamTrack | null>>;

/** A receiving section: what comes in on `mid`. */
export interface Slot {
  mid: string;
  kind: 'audio' | 'video';
  stream: MediaStream;
}

export interface PeerOptions {
  onConnected: () => void;
  /** It will not come back: make a new one. Called once at most. */
  onLost: (why: string) => void;
  create?: (configuration: RTCConfiguration) => RTCPeerConnection;
  stream?: (track: MediaStreamTrack) => MediaStream;
}

export class Peer {
  readonly connection: RTCPeerConnection;
  #options: Required<PeerOptions>;
  #senders = new Map<TrackSource, RTCRtpSender>();
  #receiving: RTCRtpTransceiver[] = [];
  #slots: Slot[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  #useful: Useful = { layers: CAMERA_ENCODINGS.length };
  #thinVoice = false;
  #prepared: { limits: SlotLimits; offer: Promise<RTCSessionDescriptionInit> } | undefined;
  /** The offer is set, and addresses are gathered. */
  #gathered: { at: number; done: Promise<void> } | undefined;

  constructor(options: PeerOptions) {
    this.#options = {
      create: (configuration) => new RTCPeerConnection(configuration),
      stream: (track) => new MediaStream([track]),
      ...options,
    };
    this.connection = this.#options.create({ bundlePolicy: 'max-bundle' });
    this.connection.oniceconnectionstatechange = () => this.#watch();
    this.connection.onconnectionstatechange = () => this.#watch();
  }

  /**
   * Makes the offer, and takes no part in anything yet: keys, sections and codecs cost a slow machine most of a second, which
   * can pass while a person still writes their name. Doing so twice is harmless.
   */
  prepare(limits: SlotLimits): void {
    if (this.#prepared !== undefined) return;
    this.#send('microphone', 'audio');
    this.#send('camera', 'video', CAMERA_ENCODINGS);
    this.#send('screen', 'video', SCREEN_ENCODINGS);
    this.#send('screen_sound', 'audio');
    for (let i = 0; i < limits.audio; i++) this.#receive('audio');
    for (let i = 0; i < limits.video; i++) this.#receive('video');
    const offer = this.connection.createOffer();
    // Whoever asks for the offer hears of it; nobody else need.
    offer.catch(() => undefined);
    this.#prepared = { limits, offer };
  }

  /**
   * Sets the prepared offer. Not before devices were allowed: until then browsers use one of the machine's addresses only.
   * Doing so twice is harmless.
   */
  gather(): void {
    if (this.#prepared === undefined || this.#gathered !== undefined || this.#over) return;
    const done = this.#prepared.offer.then((offer) => this.connection.setLocalDescription(offer));
    done.catch(() => undefined);
    this.#gathered = { at: Date.now(), done };
  }

  /**
   * Whether such an offer can be had of this peer: it has none yet, or one for as many slots that is fresh. Relays must be
   * known before addresses are gathered.
   */
  offers(servers: IceServer[], limits: SlotLimits): boolean {
    if (this.#slots.length > 0) return false;
    const made = this.#prepared?.limits ?? limits;
    const usable = this.#gathered === undefined || (servers.length === 0 && Date.now() - this.#gathered.at < FRESH_MS);
    return usable && made.audio === limits.audio && made.video === limits.video;
  }

  /**
   * The one offer. Its order is the protocol: microphone, camera, screen, screen sound, then the slots. No candidates
   * are waited for: the server is ICE-lite and learns our address from our checks.
   */
  async offer(servers: IceServer[], limits: SlotLimits, tracks: Tracks): Promise<string> {
    if (servers.length > 0) this.connection.setConfiguration({ bundlePolicy: 'max-bundle', iceServers: servers.map(iceServer) });
    this.prepare(limits);
    for (const source of this.#senders.keys()) if (tracks[source]) void this.put(source, tracks[source]);
    this.gather();
    await this.#gathered?.done;
    this.#slots = this.#receiving.map((transceiver) => ({
      mid: transceiver.mid ?? '',
      kind: transceiver.receiver.track.kind === 'audio' ? 'audio' : 'video',
      stream: this.#options.stream(transceiver.receiver.track),
    }));
    return this.connection.localDescription?.sdp ?? '';
  }

  async answer(sdp: string): Promise<void> {
    if (this.#over || this.connection.signalingState !== 'have-local-offer') return;
    await this.connection.setRemoteDescription({ type: 'answer', sdp });
    if (this.connection.connectionState !== 'connected') this.#lostAfter(CONNECT_MS, 'no connection');
  }

  /** The receiving sections, in the offer's order. Empty before the offer is made. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Puts a track where the offer holds a place for it, or takes it away. */
  async put(source: TrackSource, track: MediaStreamTrack | null): Promise<void> {
    if (this.#over) return;
    try {
      const sender = this.#senders.get(source);
      await sender?.replaceTrack(track);
      if (source === 'camera') await this.#scale(track);
    } catch (error) {
      // Closed meanwhile: the next connection takes the track from the start.
      if (!this.#over) console.error(`the ${source} could not be put in place`, error);
    }
  }

  /** No more than this of the camera is sent from now on: nobody takes the rest. */
  async limit(useful: Useful): Promise<void> {
    this.#useful = uneven(useful.layers) ? useful : { layers: useful.layers };
    if (this.#over) return;
    await this.#scale(this.#senders.get('camera')?.track ?? null).catch(() => undefined);
  }

  /** Whether the microphone sends fewer bits from now on, for somebody whose line carries hardly more than a voice. */
  async thinVoice(thin: boolean): Promise<void> {
    const sender = this.#senders.get('microphone');
    if (sender === undefined || this.#over || thin === this.#thinVoice) return;
    this.#thinVoice = thin;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings) {
      if (thin) encoding.maxBitrate = THIN_VOICE;
      else delete encoding.maxBitrate;
    }
    await sender.setParameters(parameters).catch(() => undefined);
  }

  /** What comes in is shown and heard this many ms after it came, at least; `null` leaves it to the browser. */
  hold(milliseconds: number | null): void {
    for (const { receiver } of this.#receiving) if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = milliseconds;
  }

  /** Ends it. Doing so twice is harmless. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.connection.close();
  }

  #send(source: TrackSource, kind: 'audio' | 'video', sendEncodings?: RTCRtpEncodingParameters[]): void {
    const init: RTCRtpTransceiverInit = { direction: 'sendonly' };
    if (sendEncodings !== undefined) init.sendEncodings = sendEncodings.map((encoding) => ({ ...encoding }));
    const transceiver = this.connection.addTransceiver(kind, init);
    this.#senders.set(source, transceiver.sender);
  }

  #receive(kind: 'audio' | 'video'): void {
    this.#receiving.push(this.connection.addTransceiver(kind, { direction: 'recvonly' }));
  }

  /** Fits the camera's layers to its picture and to what is taken of them. */
  async #scale(track: MediaStreamTrack | null): Promise<void> {
    const sender = this.#senders.get('camera');
    if (track === null || sender === undefined) return;
    const scales = usefulScales(track.getSettings(), this.#useful);
    const usual = cameraScales(track.getSettings());
    const parameters = sender.getParameters();
    const fits = ({ active, scaleResolutionDownBy = 1 }: RTCRtpEncodingParameters, layer: number) =>
      active ? scaleResolutionDownBy === scales[layer] : scales[layer] === 0;
    if (parameters.encodings.length !== scales.length || parameters.encodings.every(fits)) return;
    parameters.encodings.forEach((encoding, layer) => {
      encoding.active = scales[layer] !== 0;
      if (encoding.active) Object.assign(encoding, scaled(CAMERA_ENCODINGS[layer], usual[layer], scales[layer]));
    });
    await sender.setParameters(parameters);
  }

  #watch(): void {
    const { connectionState, iceConnectionState } = this.connection;
    if (this.#over) return;
    if (connectionState === 'failed' || iceConnectionState === 'failed') this.#lost('failed');
    else if (iceConnectionState === 'disconnected') this.#lostAfter(PATIENCE_MS, 'disconnected');
    else if (connectionState === 'connected') {
      clearTimeout(this.#timer);
      this.#options.onConnected();
    }
  }

  #lostAfter(milliseconds: number, why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lost(why), milliseconds);
  }

  #lost(why: string): void {
    if (this.#over) return;
    this.close();
    this.#options.onLost(why);
  }
}

function iceServer(server: IceServer): RTCIceServer {
  const known: RTCIceServer = { urls: server.urls };
  if (server.username != null) known.username = server.username;
  if (server.credential != null) known.credential = server.credential;
  return known;
}
