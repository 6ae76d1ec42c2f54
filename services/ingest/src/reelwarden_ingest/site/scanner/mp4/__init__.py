"""What an MP4 file says about itself, and whether its bytes are all there (ISO/IEC 14496-12).

Written for speed: opening a file with FFmpeg costs several times what hashing it costs, while the index of
an MP4 is a few kilobytes. Only boxes are read, never pictures; what is not known here is left to FFmpeg.
"""
