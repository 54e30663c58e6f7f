#!/usr/bin/env bash
# Everything that makes the networks of the MOS estimate, one command a stage. README.md says what each gives and how long it takes.
#
#   run.sh setup                 a Python environment in .venv-training at the top of the repository
#   run.sh dnsmos                core/weights/dnsmos_*.bin and their golden values
#   run.sh labels [SET COUNT]    the teacher scores clips; without a set, all that are missing
#   run.sh check                 makes 20 clips of every set again and compares checksums
#   run.sh train                 the students, without held-out voices and degradations
#   run.sh table                 how near everything comes to the teacher, into TABLE.md
#   run.sh ship                  goes on from there with everything, and exports all
#   run.sh judging               what ships on the folder that never trains
#   run.sh directions            whether what ships falls with every degradation
#
# Speech: fixtures/fetch_clean_speech.sh makes speech/. Two folders are optional: LIBRISPEECH (FLAC files of LibriSpeech)
# and JUDGING (WAV files of neural systems, which judge and never train). Clips that need them are left out otherwise.
# One thread each; what is computed on the way is kept in build/training, or in the folder CACHE names.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
# Without these the allocator of glibc gives memory back after every step: half the time of training goes there.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=500000000
python="${PYTHON:-$here/../.venv-training/bin/python}"
cache="${CACHE:-$here/../build/training}"
folders=(--speech "${SPEECH:-$here/../speech}" --cache "$cache")
if [ -n "${LIBRISPEECH:-}" ]; then folders+=(--librispeech "$LIBRISPEECH"); fi
if [ -n "${JUDGING:-}" ]; then folders+=(--judging "$JUDGING"); fi
mkdir -p "$cache"
cd "$here"

run() { "$python" "$@" "${folders[@]}"; }

# students FIT: options that name the checkpoints of a fit, held or all
students() {
    students=()
    for size in accurate light; do students+=(--student "$size=$cache/$size-$1.pt"); done
}

case "${1:-}" in
    setup)
        python3 -m venv "$here/../.venv-training"
        "$python" -m pip install -r requirements.txt
        "$python" -m pip install --no-deps distillmos==0.9.1 xls-r-sqa==0.1.0
        ;;
    dnsmos)
        "$python" convert_dnsmos.py
        "$python" golden.py
        ;;
    labels)
        if [ $# -ge 3 ]; then
            run label.py "$2" "$3"
        else
            for set in voices:900 degradations:450 both:450 short:450 train:12000 more:9000; do
                run label.py "${set%:*}" "${set#*:}"
            done
            run baseline.py
        fi
        ;;
    check)
        for set in voices degradations both short train more; do run label.py "$set" --check 20; done
        ;;
    train)
        run train.py accurate --epochs 14 --out "$cache/accurate-held.pt"
        run train.py light --epochs 20 --out "$cache/light-held.pt"
        ;;
    table)
        students held
        run table.py "${students[@]}" | tee TABLE.md
        ;;
    ship)
        for size in accurate light; do
            run train.py "$size" --sets train,more,voices,degradations,both,short --start "$cache/$size-held.pt" \
                --epochs 6 --rate 1.5e-3 --out "$cache/$size-all.pt"
        done
        "$python" export.py "accurate=$cache/accurate-all.pt" "light=$cache/light-all.pt"
        ;;
    judging)
        students all
        run table.py --only judging "${students[@]}"
        ;;
    directions)
        run directions.py
        ;;
    *)
        sed -n '2,18s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 2
        ;;
esac
