// Questions a test asks a page. Each is sent to the browser as text and stands alone.

/** What every tile within `selector` shows: size and average colour of the middle of the picture. */
export function tiles(selector = '[data-participant]') {
  return [...document.querySelectorAll(selector)].map((tile) => {
    const video = [...tile.querySelectorAll('video')].find((one) => one.videoWidth > 0 && one.checkVisibility({ opacityProperty: true }));
    const told = { participant: tile.dataset.participant, text: tile.innerText.trim(), picture: false };
    if (!video) return told;
    const canvas = Object.assign(document.createElement('canvas'), { width: 8, height: 8 });
    const context = canvas.getContext('2d');
    const { videoWidth: width, videoHeight: height } = video;
    context.drawImage(video, width / 4, height / 4, width / 2, height / 2, 0, 0, 8, 8);
    const pixels = context.getImageData(0, 0, 8, 8).data;
    const colour = [0, 1, 2].map((part) => {
      let sum = 0;
      for (let at = part; at < pixels.length; at += 4) sum += pixels[at];
      return Math.round(sum / 64);
    });
    return { ...told, picture: true, width, height, colour };
  });
}

/** Totals of what is received and sent over all connections that are open. */
export async function traffic() {
  const told = { video: {}, audio: {}, sent: {}, pair: null, pairs: [], states: [] };
  for (const connection of seen.connections) {
    told.states.push(connection.connectionState);
    if (connection.connectionState === 'closed') continue;
    const report = await connection.getStats();
    report.forEach((entry) => {
      const key = entry.mid ?? String(entry.ssrc);
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') {
        told.video[key] = { decoded: entry.framesDecoded ?? 0, lost: entry.packetsLost ?? 0, packets: entry.packetsReceived,
          width: entry.frameWidth ?? 0, height: entry.frameHeight ?? 0, freezes: entry.freezeCount ?? 0 };
      } else if (entry.type === 'inbound-rtp') {
        told.audio[key] = { energy: entry.totalAudioEnergy ?? 0, packets: entry.packetsReceived, lost: entry.packetsLost ?? 0 };
      } else if (entry.type === 'outbound-rtp') {
        told.sent[`${key}${entry.rid ? `/${entry.rid}` : ''}`] = { kind: entry.kind, packets: entry.packetsSent,
          frames: entry.framesEncoded ?? 0, height: entry.frameHeight ?? 0 };
      }
    });
    // Firefox nominates whatever succeeds and says which one it uses; Chromium nominates one.
    const pairs = [...report.values()].filter((entry) => entry.type === 'candidate-pair');
    told.pairs.push(...pairs.map((pair) => `${report.get(pair.localCandidateId)?.candidateType} ${pair.state}`));
    const used = pairs.find((pair) => pair.selected) ?? pairs.find((pair) => pair.nominated && pair.state === 'succeeded');
    [used].filter(Boolean).forEach((entry) => {
      const [local, remote] = [report.get(entry.localCandidateId), report.get(entry.remoteCandidateId)];
      told.pair = { protocol: local?.protocol, relay: local?.relayProtocol, local: local?.candidateType,
        remote: remote?.address ?? remote?.ip, port: remote?.port };
    });
  }
  return told;
}

/** The strongest tones in what is heard now, all received sound together: hertz, loudest first. */
export async function tones(wanted) {
  const live = seen.tracks.filter((track) => track.kind === 'audio' && track.readyState === 'live');
  if (!live.length) return {};
  const context = (seen.context ??= new AudioContext());
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  const sources = live.map((track) => context.createMediaStreamSource(new MediaStream([track])));
  sources.forEach((source) => source.connect(analyser));
  const bins = new Float32Array(analyser.frequencyBinCount);
  const best = Object.fromEntries(wanted.map((tone) => [tone, -Infinity]));
  const end = performance.now() + 1500;
  while (performance.now() < end) {
    await new Promise((next) => setTimeout(next, 150));
    analyser.getFloatFrequencyData(bins);
    for (const tone of wanted) {
      const middle = Math.round((tone * analyser.fftSize) / context.sampleRate);
      best[tone] = Math.max(best[tone], ...bins.slice(middle - 2, middle + 3));
    }
  }
  sources.forEach((source) => source.disconnect());
  return best;
}

/** What the page did with WebRTC so far. */
export function history() {
  const { connections, calls, pictures, clicks, steps } = seen;
  return { connections: connections.length, calls: { ...calls }, pictures: { ...pictures }, clicks: [...clicks], steps: { ...steps },
    configuration: seen.configuration };
}

/** What a bad line did to pictures and sound: totals of each stream, by direction and by mid (and rid). */
export async function quality() {
  const told = { at: performance.now(), video: {}, audio: {}, sent: {}, roundTrip: null };
  for (const connection of seen.connections.filter((one) => one.connectionState !== 'closed')) {
    (await connection.getStats()).forEach((entry) => {
      if (entry.type === 'inbound-rtp' && entry.kind === 'video') {
        told.video[entry.mid] = { packets: entry.packetsReceived, lost: entry.packetsLost, repaired: entry.retransmittedPacketsReceived ?? 0,
          received: entry.framesReceived ?? 0, decoded: entry.framesDecoded ?? 0, dropped: entry.framesDropped ?? 0,
          keyFrames: entry.keyFramesDecoded ?? 0, freezes: entry.freezeCount ?? 0, frozen: entry.totalFreezesDuration ?? 0,
          height: entry.frameHeight ?? 0, nacks: entry.nackCount ?? 0, plis: entry.pliCount ?? 0,
          waited: entry.jitterBufferDelay ?? 0, emitted: entry.jitterBufferEmittedCount ?? 0 };
      } else if (entry.type === 'inbound-rtp') {
        told.audio[entry.mid] = { packets: entry.packetsReceived, lost: entry.packetsLost, samples: entry.totalSamplesReceived ?? 0,
          concealed: entry.concealedSamples ?? 0, silent: entry.silentConcealedSamples ?? 0, events: entry.concealmentEvents ?? 0,
          fec: entry.fecPacketsReceived ?? 0, energy: entry.totalAudioEnergy ?? 0 };
      } else if (entry.type === 'outbound-rtp') {
        told.sent[`${entry.mid}/${entry.rid ?? ''}`] = { kind: entry.kind, frames: entry.framesSent ?? 0, height: entry.frameHeight ?? 0,
          packets: entry.packetsSent, again: entry.retransmittedPacketsSent ?? 0, nacks: entry.nackCount ?? 0, plis: entry.pliCount ?? 0,
          keyFrames: entry.keyFramesEncoded ?? 0, limited: entry.qualityLimitationReason };
      } else if (entry.type === 'candidate-pair' && entry.nominated) {
        told.roundTrip = entry.currentRoundTripTime;
      }
    });
  }
  return told;
}
