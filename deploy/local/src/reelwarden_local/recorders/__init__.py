"""Recorders that write real video the way Frigate, MediaMTX and `ffmpeg -f segment` do.

They stand in for a school's recorders in the demo and the tests: `recorder.Recorder` writes past footage,
live footage and the faults that real recorders leave behind, and keeps a manifest of every file, so that
"nothing is missing" can be checked against what was really written.
"""
