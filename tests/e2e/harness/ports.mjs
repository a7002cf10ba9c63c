// Ports of our own on loopback.

import { createServer } from 'node:net';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';

/** A port that is free for TCP and for UDP on `host` now. */
export async function freePort(host = '127.0.0.1') {
  for (;;) {
    const tcp = createServer().listen(0, host);
    await once(tcp, 'listening');
    const { port } = tcp.address();
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const free = await new Promise((answer) => {
      udp.once('error', () => answer(false));
      udp.bind(port, host, () => answer(true));
    });
    await new Promise((closed) => tcp.close(closed));
    if (!free) continue;
    await new Promise((closed) => udp.close(closed));
    return port;
  }
}

/** An address of this machine that is not loopback: Firefox pairs no candidate with 127.0.0.1. */
export function ownAddress() {
  const all = Object.values(networkInterfaces()).flat();
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
