// Runs in the page before its own scripts: writes down what the page does with WebRTC, and changes nothing of it but
// what `veranda_test` asks for. A plain script, not a module.
(() => {
  const options = globalThis.veranda_test ?? {};
  const seen = (globalThis.seen = { connections: [], calls: {}, pictures: {}, clicks: [], lost: [], tracks: [], steps: {} });
  const count = (name) => (seen.calls[name] = (seen.calls[name] ?? 0) + 1);

  // When each step of the way into the room was first reached.
  const reached = (step) => (seen.steps[step] ??= performance.now());

  const configured = (configuration) => {
    seen.configuration = configuration;
    return options.relay_only ? { ...configuration, iceTransportPolicy: 'relay' } : configuration;
  };

  const Native = globalThis.RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Native {
    constructor(configuration = {}) {
      super(configured(configuration));
      seen.connections.push(this);
      reached('connection');
      this.addEventListener('track', ({ track }) => {
        seen.tracks.push(track);
        if (track.kind === 'video') track.addEventListener('unmute', () => reached('video'));
      });
      this.addEventListener('iceconnectionstatechange', () => reached(`ice ${this.iceConnectionState}`));
      this.addEventListener('connectionstatechange', () => reached(this.connectionState));
      this.addEventListener('negotiationneeded', () => count('negotiationneeded'));
    }
    setConfiguration(configuration) {
      super.setConfiguration(configured(configuration));
    }
    setRemoteDescription(description) {
      count('setRemoteDescription');
      reached('answer');
      if (!options.tcp_only || !description?.sdp) return super.setRemoteDescription(description);
      const sdp = description.sdp.split(/\r?\n/).filter((line) => !/^a=candidate:\S+ \d+ udp /i.test(line)).join('\r\n');
      return super.setRemoteDescription({ type: description.type, sdp });
    }
  };
  for (const name of ['createOffer', 'createAnswer', 'setLocalDescription', 'restartIce']) {
    const own = Native.prototype[name];
    Native.prototype[name] = function (...args) {
      count(name);
      reached(name);
      return own.apply(this, args);
    };
  }

  // A camera and a microphone whose flash and beep happen at the same time, `every` so many seconds.
  const synced = async ({ tone, every = 1 }) => {
    const context = new AudioContext({ sampleRate: 48000 });
    await context.resume();
    const sound = context.createMediaStreamDestination();
    const gain = new GainNode(context, { gain: 0 });
    const oscillator = new OscillatorNode(context, { frequency: tone });
    oscillator.connect(gain).connect(sound);
    oscillator.start();
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const paint = canvas.getContext('2d');
    let [scheduled, painted, lit] = [0, 0, false];
    setInterval(() => {
      const now = context.currentTime;
      if (now + 0.5 > scheduled) {
        scheduled = Math.ceil((now + 0.5) / every) * every;
        gain.gain.setValueAtTime(0.6, scheduled).setValueAtTime(0, scheduled + 0.1);
      }
      // Looked at often, so that a flash is no later than its beep; painted as often as frames are taken, or when it begins or ends.
      const on = now > every && now % every < 0.1;
      if (on === lit && now - painted < 1 / 60) return;
      [painted, lit] = [now, on];
      paint.fillStyle = on ? 'white' : 'black';
      paint.fillRect(0, 0, 640, 360);
      paint.fillStyle = 'gray';
      paint.fillRect((now * 90) % 640, 340, 30, 20);
    }, 4);
    return new MediaStream([...canvas.captureStream(30).getTracks(), ...sound.stream.getTracks()]);
  };

  const devices = navigator.mediaDevices;
  if (devices && options.synced) {
    devices.getUserMedia = async (wanted) => {
      const all = await (seen.synced ??= synced(options.synced));
      return new MediaStream(all.getTracks().filter((track) => wanted[track.kind]).map((track) => track.clone()));
    };
  } else if (devices && options.refuse_devices) {
    devices.getUserMedia = () => Promise.reject(new DOMException('refused by the test', 'NotAllowedError'));
  } else if (devices) {
    // A tone is not a voice: without this the browser would take it for noise and remove it.
    const own = devices.getUserMedia.bind(devices);
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    devices.getUserMedia = (wanted = {}) =>
      own(wanted.audio ? { ...wanted, audio: { ...(wanted.audio === true ? {} : wanted.audio), ...plain } } : wanted);
  }

  // When each person's picture was first drawn, and when the page was clicked.
  document.addEventListener('click', (event) => {
    seen.clicks.push({ name: (event.target.closest('button, a')?.textContent ?? '').trim(), at: performance.now() });
  }, true);
  const watched = new WeakSet();
  const watch = () => {
    for (const video of document.querySelectorAll('[data-participant] video')) {
      if (watched.has(video)) continue;
      watched.add(video);
      video.requestVideoFrameCallback?.(() => {
        const id = video.closest('[data-participant]')?.dataset.participant;
        if (id) seen.pictures[id] ??= performance.now();
      });
    }
  };
  new MutationObserver(watch).observe(document, { childList: true, subtree: true, attributes: true,
    attributeFilter: ['data-participant'] });
})();
