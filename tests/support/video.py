"""A tiny real clip."""

import io
from functools import cache

import av


@cache
def clip(seconds: int = 1, shade: int = 90) -> bytes:
    """Return an H.264 MP4 of a few grey pictures."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(seconds * 5):
            picture = av.VideoFrame(64, 48, "yuv420p")
            for plane, value in zip(picture.planes, (shade + number, 120, 130), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return out.getvalue()
