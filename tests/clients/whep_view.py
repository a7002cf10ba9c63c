"""Watches a WHEP address for a while and tells what was seen and heard, as one line of JSON.

    whep_view.py http://localhost:8080/api/v1/rooms/INVITATION/whep --duration 10 --grid 2x1

`grid` is the last picture in rows of cells: the average [red, green, blue] of each cell's middle half. `tones` are the
peaks of the last two seconds of sound, loudest first: [hertz, decibels below full scale].
"""

import argparse
import asyncio
import sys
import time

import numpy as np
from aiortc.mediastreams import MediaStreamError
from av import AudioResampler

import wish

RATE = 48000
WINDOW = 2 * RATE


class Picture:
    """Counts decoded frames and keeps the last."""

    def __init__(self):
        self.started, self.frames, self.first, self.last = time.monotonic(), 0, None, None

    async def watch(self, track):
        try:
            while True:
                self.last = await track.recv()
                self.frames += 1
                self.first = self.first or time.monotonic() - self.started
        except MediaStreamError:
            pass

    def report(self, columns, rows):
        if self.last is None:
            return {"frames": 0}
        picture = self.last.to_ndarray(format="rgb24").astype(np.float64)
        height, width = picture.shape[:2]

        def cell(column, row):
            # The middle half: borders, names and the edges of neighbours are not what is asked for.
            top, left = (row + 0.25) * height / rows, (column + 0.25) * width / columns
            part = picture[int(top) : int(top + height / rows / 2) + 1, int(left) : int(left + width / columns / 2) + 1]
            return [round(value) for value in part.mean(axis=(0, 1))]

        return {
            "frames": self.frames,
            "first_frame_seconds": round(self.first, 3),
            "width": width,
            "height": height,
            "grid": [[cell(column, row) for column in range(columns)] for row in range(rows)],
        }


class Sound:
    """Keeps the last two seconds."""

    def __init__(self):
        self.samples, self.total = np.zeros(0, np.float64), 0

    async def listen(self, track):
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        try:
            while True:
                for frame in resampler.resample(await track.recv()):
                    heard = frame.to_ndarray().reshape(-1) / 32768
                    self.total += len(heard)
                    self.samples = np.concatenate([self.samples, heard])[-WINDOW:]
        except MediaStreamError:
            pass

    def report(self):
        if len(self.samples) < WINDOW // 4:
            return {"audio_seconds": round(self.total / RATE, 2), "loudest_hz": None, "tones": []}
        window = np.hanning(len(self.samples))
        # Scaled so that a full-scale sine reads 1.
        spectrum = np.abs(np.fft.rfft(self.samples * window)) * 2 / window.sum()
        step = RATE / len(self.samples)
        tones = []
        for _ in range(8):
            peak = int(spectrum.argmax())
            level = 20 * np.log10(max(spectrum[peak], 1e-9))
            if level < -60:
                break
            tones.append([round(peak * step, 1), round(float(level), 1)])
            # A neighbour within 30 Hz is the same tone.
            reach = int(30 / step)
            spectrum[max(0, peak - reach) : peak + reach + 1] = 0
        return {
            "audio_seconds": round(self.total / RATE, 2),
            "loudest_hz": tones[0][0] if tones else None,
            "tones": tones,
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--token", help="sent as Authorization: Bearer")
    parser.add_argument("--duration", type=float, default=10, help="seconds after connecting (default: %(default)s)")
    parser.add_argument("--grid", default="1x1", help="COLUMNSxROWS (default: %(default)s)")
    parser.add_argument("--picture", help="writes the last picture to this file, as a PNG")
    options = parser.parse_args()
    columns, rows = map(int, options.grid.split("x"))
    picture, sound, tasks = Picture(), Sound(), []

    def prepare(peer):
        peer.addTransceiver("audio", direction="recvonly")
        peer.addTransceiver("video", direction="recvonly")

        @peer.on("track")
        def arrived(track):
            watching = picture.watch(track) if track.kind == "video" else sound.listen(track)
            tasks.append(asyncio.ensure_future(watching))

    def report():
        if options.picture and picture.last is not None:
            picture.last.save(options.picture)
        return picture.report(columns, rows) | sound.report()

    return asyncio.run(wish.run(options.url, options.token, options.duration, prepare, report))


if __name__ == "__main__":
    sys.exit(main())
