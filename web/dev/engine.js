// The fake server's media: answers each offer with drawn people on the receiving sections.
const socket = new WebSocket(`ws://${location.host}/dev/engine`);
const audio = new AudioContext();

/** A drawn person that moves a little. */
function person(index) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const draw = canvas.getContext('2d');
  const hue = (index * 67) % 360;
  let tick = 0;
  setInterval(() => {
    tick++;
    draw.fillStyle = `hsl(${hue} 30% 72%)`;
    draw.fillRect(0, 0, 640, 360);
    draw.fillStyle = `hsl(${hue} 26% 60%)`;
    draw.fillRect(40, 30, 150, 110);
    const x = 320 + Math.sin(tick / 20 + index) * 14;
    draw.fillStyle = `hsl(${(hue + 180) % 360} 40% 40%)`;
    draw.beginPath();
    draw.ellipse(x, 370, 150, 120, 0, 0, 7);
    draw.fill();
    draw.fillStyle = '#d9a583';
    draw.beginPath();
    draw.ellipse(x, 185, 66, 82, 0, 0, 7);
    draw.fill();
    draw.fillStyle = '#33261d';
    draw.beginPath();
    draw.ellipse(x, 128, 72, 46, 0, Math.PI, 0);
    draw.fill();
    draw.fillRect(x - 30, 180, 10, 10);
    draw.fillRect(x + 20, 180, 10, 10);
    draw.fillRect(x - 16, 222, 32, 6 + Math.abs(Math.sin(tick / 6)) * 10);
  }, 66);
  return canvas.captureStream(15).getVideoTracks()[0];
}

function tone() {
  const out = audio.createMediaStreamDestination();
  const source = new OscillatorNode(audio, { frequency: 220 });
  const gain = new GainNode(audio, { gain: 0.02 });
  source.connect(gain).connect(out);
  source.start();
  return out.stream.getAudioTracks()[0];
}

/** Each is drawn once, for all rooms. */
const people = [];
const picture = (index) => (people[index] ??= person(index));

socket.onmessage = async ({ data }) => {
  const { id, sdp } = JSON.parse(data);
  const pc = new RTCPeerConnection();
  await pc.setRemoteDescription({ type: 'offer', sdp });
  pc.onconnectionstatechange = () => ['disconnected', 'failed'].includes(pc.connectionState) && pc.close();
  const sections = sdp.split(/\r?\nm=/).slice(1);
  const slots = [];
  for (const transceiver of pc.getTransceivers()) {
    const section = sections.find((text) => text.match(/a=mid:(\S+)/)?.[1] === transceiver.mid);
    if (!/a=recvonly/.test(section)) continue;
    const kind = section.startsWith('audio') ? 'audio' : 'video';
    transceiver.direction = 'sendonly';
    await transceiver.sender.replaceTrack(kind === 'audio' ? tone() : picture(slots.length));
    slots.push({ mid: transceiver.mid, kind });
  }
  await pc.setLocalDescription(await pc.createAnswer());
  if (pc.iceGatheringState !== 'complete') {
    await new Promise((resolve) => (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && resolve()));
  }
  socket.send(JSON.stringify({ id, sdp: pc.localDescription.sdp, slots }));
};
