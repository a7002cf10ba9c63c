"""Publishes one colour and one tone to a WHIP address, for a while, then leaves in order.

    whip_publish.py http://localhost:8080/api/v1/rooms/INVITATION/whip --name Red --colour ff0000 --tone 440 --duration 20

Prints "connected" on standard error once media flows and one line of JSON at the end. SIGTERM ends it early, with the DELETE.
"""

import argparse
import asyncio
import sys
import time
import urllib.parse
from fractions import Fraction

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender
from av import AudioFrame, VideoFrame

import wish

RATE = 48000
SAMPLES = 960  # 20 ms


class Tone(MediaStreamTrack):
    """A sine at a quarter of full scale."""

    kind = "audio"

    def __init__(self, frequency):
        super().__init__()
        self.frequency, self.position, self.started = frequency, 0, None

    async def recv(self):
        self.started = self.started or time.monotonic()
        await asyncio.sleep(max(0, self.started + self.position / RATE - time.monotonic()))
        moments = (self.position + np.arange(SAMPLES)) / RATE
        samples = (np.sin(2 * np.pi * self.frequency * moments) * 8192).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.position, Fraction(1, RATE)
        self.position += SAMPLES
        return frame


class Colour(MediaStreamTrack):
    """One colour all over."""

    kind = "video"

    def __init__(self, colour, width, height, fps):
        super().__init__()
        picture = np.empty((height, width, 3), np.uint8)
        picture[:] = [int(colour[i : i + 2], 16) for i in (0, 2, 4)]
        # Converted once: every frame is the same.
        self.planes = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p").to_ndarray()
        self.fps, self.count, self.started = fps, 0, None

    async def recv(self):
        self.started = self.started or time.monotonic()
        await asyncio.sleep(max(0, self.started + self.count / self.fps - time.monotonic()))
        frame = VideoFrame.from_ndarray(self.planes, format="yuv420p")
        frame.pts, frame.time_base = self.count * 90000 // self.fps, Fraction(1, 90000)
        self.count += 1
        return frame


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--token", help="sent as Authorization: Bearer")
    parser.add_argument("--name", help="the tile's name, sent as ?name=")
    parser.add_argument("--colour", default="ff0000", help="RRGGBB (default: %(default)s)")
    parser.add_argument("--tone", type=float, default=440, help="hertz (default: %(default)s)")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--fps", type=int, default=15)
    parser.add_argument("--codec", choices=["VP8", "H264"], help="offer only this (default: both, VP8 first)")
    parser.add_argument("--no-audio", action="store_true")
    parser.add_argument("--no-video", action="store_true")
    parser.add_argument("--duration", type=float, default=10, help="seconds after connecting (default: %(default)s)")
    options = parser.parse_args()
    url = options.url
    if options.name:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode({"name": options.name})
    width, height = map(int, options.size.split("x"))
    tone, colour = Tone(options.tone), Colour(options.colour, width, height, options.fps)

    def prepare(peer):
        if not options.no_audio:
            peer.addTransceiver(tone, direction="sendonly")
        if not options.no_video:
            video = peer.addTransceiver(colour, direction="sendonly")
            if options.codec:
                offered = RTCRtpSender.getCapabilities("video").codecs
                wanted = {f"video/{options.codec}", "video/rtx"}
                video.setCodecPreferences([codec for codec in offered if codec.mimeType in wanted])

    def report():
        return {"frames_sent": colour.count, "audio_seconds_sent": round(tone.position / RATE, 2)}

    return asyncio.run(wish.run(url, options.token, options.duration, prepare, report))


if __name__ == "__main__":
    sys.exit(main())
