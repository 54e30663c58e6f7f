#!/bin/sh
# Makes the compressed files of the tests. The signal is known in closed form (tests/common/mod.rs has the same formulas), so the
# tests compare with mathematics and not with another decoder. Needs ffmpeg with libmp3lame, libvorbis and libopus, and flac.
# The files are committed: run this only to change them.
set -eu
cd "$(dirname "$0")"

left='0.4*sin(2*PI*(300*t+700*t*t))'
right='0.3*sin(2*PI*(500*t+250*t*t))'
encode() { # CHANNELS RATE SECONDS OUTPUT OPTIONS...
    case $1 in 1) expr="$left" ;; *) expr="$left|$right" ;; esac
    rate=$2 seconds=$3 out=$4
    shift 4
    ffmpeg -v error -y -bitexact -f lavfi -i "aevalsrc=exprs='$expr':s=$rate:d=$seconds" "$@" "$out"
}

encode 1 24000 0.5 mono_24k.flac -sample_fmt s16 -c:a flac
encode 2 48000 0.1 stereo_48k_24bit.flac -sample_fmt s32 -bits_per_raw_sample 24 -c:a flac
encode 1 24000 0.5 mono_24k_in_ogg.oga -sample_fmt s16 -c:a flac
# A streaming encoder does not know the length: no sample count, no checksum.
ffmpeg -v error -i mono_24k.flac -f s16le - |
    flac -s --force-raw-format --endian=little --sign=signed --channels=1 --bps=16 --sample-rate=24000 --no-md5-sum - -o - |
    cat > streamed_24k.flac
encode 1 24000 1 mono_24k.mp3 -c:a libmp3lame -b:a 64k
encode 2 44100 1 stereo_44k.mp3 -c:a libmp3lame -b:a 128k
encode 1 16000 1 no_tag_16k.mp3 -c:a libmp3lame -b:a 24k -write_xing 0
encode 1 24000 1 mono_24k.ogg -c:a libvorbis -q:a 2 -page_duration 200000
encode 2 44100 1 stereo_44k.ogg -c:a libvorbis -q:a 2
encode 1 24000 1 mono_24k.opus -c:a libopus -b:a 32k -application voip
encode 2 48000 1 stereo_48k.opus -c:a libopus -b:a 64k -application audio -page_duration 100000
# What libopus makes of it, 0.1 s from sample 9,600 on: the other judge besides the formula.
ffmpeg -v error -y -bitexact -c:a libopus -i mono_24k.opus -af atrim=start_sample=9600:end_sample=14400 -f f32le mono_24k.opus.libopus.f32
encode 1 48000 1 mono_48k.webm -c:a libopus -b:a 32k
encode 1 24000 1 vorbis_24k.webm -c:a libvorbis -q:a 2
encode 1 48000 1 opus_48k.mp4 -c:a libopus -b:a 32k
encode 1 24000 1 mono_24k.m4a -c:a aac -b:a 96k
encode 2 44100 1 faststart_44k.m4a -c:a aac -b:a 128k -movflags +faststart
encode 1 24000 1 mono_24k.aac -c:a aac -b:a 96k
ls -l
