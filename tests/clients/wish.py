"""The HTTP half of WHIP (RFC 9725) and WHEP, for aiortc: one offer, one answer, one DELETE."""

import asyncio
import json
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription


class Refused(Exception):
    """The server said no."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


def new_peer(bundle):
    # Without an explicit empty list aiortc asks a public STUN server, and no third party is ever contacted.
    # With MAX_BUNDLE aiortc 1.16 keeps the candidates of an answer's last section only; by default those of the first.
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=bundle))


def request(method, url, token=None, body=None):
    """One request; returns (status, Location made absolute or None, text)."""
    headers = {"Content-Type": "application/sdp"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    call = urllib.request.Request(url, method=method, headers=headers, data=body.encode() if body is not None else None)
    try:
        with urllib.request.urlopen(call, timeout=15) as answer:
            location = answer.headers.get("Location")
            return answer.status, urllib.parse.urljoin(url, location) if location else None, answer.read().decode()
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from None


async def negotiate(peer, url, token):
    """Offers, applies the answer, and returns the session's own address."""
    await peer.setLocalDescription(await peer.createOffer())
    status, location, answer = await asyncio.to_thread(request, "POST", url, token, peer.localDescription.sdp)
    if status != 201 or not location:
        raise Refused(status, "expected 201 with a Location")
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return location


async def run(url, token, duration, prepare, report):
    """A whole session: `prepare(peer)` before the offer, `report()` at the end. Prints one line of JSON; returns the exit code."""
    # Both policies are tried: viewers come with one, publishers with the other.
    bundle = RTCBundlePolicy.MAX_BUNDLE if "/whep" in url else RTCBundlePolicy.BALANCED
    peer, started, location = new_peer(bundle), time.monotonic(), None
    result = {"connected": False}
    ended, connected = asyncio.Event(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)

    @peer.on("connectionstatechange")
    def changed():
        if peer.connectionState == "connected":
            result["connected"] = True
            result["connect_seconds"] = round(time.monotonic() - started, 3)
            connected.set()
        elif peer.connectionState in ("failed", "closed"):
            ended.set()

    prepare(peer)
    try:
        location = await negotiate(peer, url, token)
        await first_of(connected.wait(), ended.wait(), timeout=15)
        if result["connected"]:
            print("connected", file=sys.stderr, flush=True)
            await first_of(ended.wait(), timeout=duration)
        result |= report()
    except Refused as refusal:
        result |= {"status": refusal.status, "error": refusal.body}
    finally:
        if location:
            try:
                result["delete_status"] = (await asyncio.to_thread(request, "DELETE", location, token))[0]
            except Refused as refusal:
                result["delete_status"] = refusal.status
        await peer.close()
    print(json.dumps(result), flush=True)
    return 0 if result["connected"] else 1


async def first_of(*events, timeout):
    tasks = [asyncio.ensure_future(event) for event in events]
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
