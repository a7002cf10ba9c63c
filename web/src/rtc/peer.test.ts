import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cameraScales, Peer, usefulScales, type PeerOptions } from './peer';

interface FakeTransceiver {
  mid: string | null;
  kind: string;
  init: RTCRtpTransceiverInit;
  sender: {
    track: unknown;
    replaceTrack: (track: unknown) => Promise<void>;
    getParameters: () => { encodings: RTCRtpEncodingParameters[] };
    setParameters: (parameters: { encodings: RTCRtpEncodingParameters[] }) => Promise<void>;
  };
  receiver: { track: { kind: string } };
}

/** As much of an RTCPeerConnection as the page uses, counting what was asked of it. */
class FakeConnection {
  transceivers: FakeTransceiver[] = [];
  configuration: RTCConfiguration;
  offers = 0;
  closed = false;
  signalingState = 'stable';
  connectionState = 'new';
  iceConnectionState = 'new';
  localDescription: { sdp: string } | null = null;
  remote: unknown = null;
  oniceconnectionstatechange: (() => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  constructor(configuration: RTCConfiguration) {
    this.configuration = configuration;
  }
  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }
  addTransceiver(what: string | { kind: string }, init: RTCRtpTransceiverInit): FakeTransceiver {
    const kind = typeof what === 'string' ? what : what.kind;
    const sender = {
      track: typeof what === 'string' ? null : (what as unknown),
      replaceTrack: async (track: unknown) => {
        sender.track = track;
      },
      getParameters: () => ({ encodings: (init?.sendEncodings ?? []).map((encoding) => ({ ...encoding })) }),
      setParameters: async ({ encodings }: { encodings: RTCRtpEncodingParameters[] }) => {
        init.sendEncodings = encodings;
      },
    };
    const transceiver = { mid: null, kind, init, sender, receiver: { track: { kind } } };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  async createOffer(): Promise<{ type: string; sdp: string }> {
    this.offers++;
    return { type: 'offer', sdp: 'the offer' };
  }
  async setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    this.signalingState = 'have-local-offer';
    this.transceivers.forEach((transceiver, index) => (transceiver.mid = String(index)));
  }
  async setRemoteDescription(description: unknown): Promise<void> {
    this.remote = description;
    this.signalingState = 'stable';
  }
  close(): void {
    this.closed = true;
  }
  become(ice: string, connection = ice): void {
    this.iceConnectionState = ice;
    this.connectionState = connection;
    this.oniceconnectionstatechange?.();
    this.onconnectionstatechange?.();
  }
}

function bench(options: Partial<PeerOptions> = {}) {
  let fake!: FakeConnection;
  const onConnected = vi.fn();
  const onLost = vi.fn();
  const peer = new Peer({
    onConnected,
    onLost,
    create: (configuration) => (fake = new FakeConnection(configuration)) as unknown as RTCPeerConnection,
    stream: (track) => ({ track }) as unknown as MediaStream,
    ...options,
  });
  return { peer, fake, onConnected, onLost };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const camera = (width: number, height: number) => ({ kind: 'video', id: 'camera', getSettings: () => ({ width, height }) }) as unknown as MediaStreamTrack;
const CAMERA = camera(1280, 720);
const SCREEN = { kind: 'video', id: 'screen' } as unknown as MediaStreamTrack;

describe('the offer', () => {
  it('holds microphone, camera, screen, screen sound, then the slots', async () => {
    const { peer, fake } = bench();
    await expect(peer.offer([], { audio: 3, video: 2 }, {})).resolves.toBe('the offer');
    expect(fake.transceivers.map(({ kind, init }) => `${kind} ${init.direction ?? ''}`)).toEqual([
      'audio sendonly',
      'video sendonly',
      'video sendonly',
      'audio sendonly',
      'audio recvonly',
      'audio recvonly',
      'audio recvonly',
      'video recvonly',
      'video recvonly',
    ]);
    expect(fake.transceivers[1]?.init.sendEncodings?.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy])).toEqual([
      ['q', 4],
      ['h', 2],
      ['f', 1],
    ]);
    expect(fake.configuration.bundlePolicy).toBe('max-bundle');
    expect(peer.slots.map(({ mid, kind }) => [mid, kind])).toEqual([
      ['4', 'audio'],
      ['5', 'audio'],
      ['6', 'audio'],
      ['7', 'video'],
      ['8', 'video'],
    ]);
  });

  it('carries the servers the room told', async () => {
    const { peer, fake } = bench();
    await peer.offer([{ urls: ['turn:turn.example'], username: 'u', credential: 'c' }], { audio: 1, video: 1 }, {});
    expect(fake.configuration.iceServers).toEqual([{ urls: ['turn:turn.example'], username: 'u', credential: 'c' }]);
  });

  it('is made once, whatever is muted, shared or switched off later', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 3, video: 9 }, { camera: CAMERA });
    await peer.answer('the answer');
    await peer.put('screen', SCREEN);
    await peer.put('camera', null);
    await peer.put('screen', null);
    await peer.put('screen', SCREEN);
    expect(fake.offers).toBe(1);
    expect(fake.transceivers).toHaveLength(16);
    expect(fake.transceivers[1]?.sender.track).toBeNull();
    expect(fake.transceivers[2]?.sender.track).toBe(SCREEN);
  });

  it('may be prepared before anything is known, and is still the one', async () => {
    const { peer, fake } = bench();
    const limits = { audio: 3, video: 2 };
    peer.prepare(limits);
    peer.prepare(limits);
    expect(fake.offers).toBe(1);
    expect(peer.offers([{ urls: ['turn:turn.example'] }], limits)).toBe(true);
    peer.gather();
    peer.gather();
    await Promise.resolve();
    expect(fake.signalingState).toBe('have-local-offer');
    expect([peer.offers([], limits), peer.offers([], { audio: 3, video: 9 }), peer.offers([{ urls: ['turn:turn.example'] }], limits)]).toEqual([true, false, false]);
    vi.advanceTimersByTime(61_000);
    expect(peer.offers([], limits), 'its addresses may be others by now').toBe(false);
    await expect(peer.offer([], limits, { camera: CAMERA })).resolves.toBe('the offer');
    expect(fake.offers).toBe(1);
    expect(fake.transceivers).toHaveLength(9);
    expect(fake.transceivers[1]?.sender.track).toBe(CAMERA);
    expect(peer.offers([], limits)).toBe(false);
  });

  it('fits its layers to the camera', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 1, video: 1 }, { camera: camera(640, 480) });
    const layers = () => fake.transceivers[1]?.init.sendEncodings?.map(({ active, scaleResolutionDownBy }) => (active ? scaleResolutionDownBy : 0));
    await peer.put('camera', camera(640, 480));
    expect(layers()).toEqual([2, 1, 0]);
    await peer.put('camera', camera(1280, 720));
    expect(layers()).toEqual([4, 2, 1]);
    expect([cameraScales({}), cameraScales({ width: 320, height: 240 }), cameraScales({ width: 720, height: 1280 })]).toEqual([[4, 2, 1], [1, 0, 0], [4, 2, 1]]);
  });

  it('sends fewer bits of a voice while somebody has no room for more', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 1, video: 1 }, {});
    const microphone = fake.transceivers[0];
    if (microphone !== undefined) microphone.init.sendEncodings = [{}];
    const most = () => microphone?.init.sendEncodings?.map(({ maxBitrate }) => maxBitrate);
    await peer.thinVoice(true);
    expect(most()).toEqual([20_000]);
    await peer.thinVoice(false);
    expect(most()).toEqual([undefined]);
  });

  it('leaves out what nobody takes, and sends it again', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 1, video: 1 }, { camera: CAMERA });
    const on = () => fake.transceivers[1]?.init.sendEncodings?.map(({ active }) => active);
    await peer.limit({ layers: 1 });
    expect(on()).toEqual([true, false, false]);
    await peer.put('camera', camera(640, 360));
    expect(on()).toEqual([true, false, false]);
    await peer.limit({ layers: 3 });
    expect(on()).toEqual([true, true, false]);
  });

  it('sends the largest layer no larger than it is looked at', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 1, video: 1 }, { camera: camera(1280, 720) });
    const sent = () => fake.transceivers[1]?.init.sendEncodings?.filter(({ active }) => active).map(({ scaleResolutionDownBy, maxBitrate }) => [scaleResolutionDownBy, maxBitrate]);
    await peer.limit({ layers: 2, height: 240 });
    expect(sent()).toEqual([[4, 150_000], [3, 272_166]]);
    await peer.limit({ layers: 3 });
    expect(sent()).toEqual([[4, 150_000], [2, 500_000], [1, 1_700_000]]);
    expect(usefulScales({ width: 640, height: 480 }, { layers: 2, height: 1000 }), 'no smaller camera is enlarged').toEqual([2, 1, 0]);
    expect(usefulScales({}, { layers: 1, height: 120 }), 'a size that is not known stays').toEqual([4, 0, 0]);
  });

  it('takes one answer only', async () => {
    const { peer, fake } = bench();
    await peer.offer([], { audio: 1, video: 1 }, {});
    await peer.answer('first');
    await peer.answer('second');
    expect(fake.remote).toEqual({ type: 'answer', sdp: 'first' });
  });
});

describe('a lost connection', () => {
  it('is told at once when ICE failed', () => {
    const { fake, onLost } = bench();
    fake.become('failed');
    expect(onLost).toHaveBeenCalledOnce();
    expect(fake.closed).toBe(true);
  });

  it('is told when it stays disconnected, not when it comes back', () => {
    const { fake, onLost } = bench();
    fake.become('connected');
    fake.become('disconnected');
    vi.advanceTimersByTime(2900);
    fake.become('connected');
    vi.advanceTimersByTime(10_000);
    expect(onLost).not.toHaveBeenCalled();
    fake.become('disconnected');
    vi.advanceTimersByTime(3000);
    expect(onLost).toHaveBeenCalledOnce();
  });

  it('is told when nothing comes of the answer', async () => {
    const { peer, onLost } = bench();
    await peer.offer([], { audio: 1, video: 1 }, {});
    await peer.answer('the answer');
    vi.advanceTimersByTime(10_000);
    expect(onLost).toHaveBeenCalledOnce();
  });

  it('says nothing after it was closed on purpose', () => {
    const { peer, fake, onLost } = bench();
    peer.close();
    fake.become('failed');
    expect(onLost).not.toHaveBeenCalled();
  });
});
