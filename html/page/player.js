// Listening: the page carries clips, the player plays from a place to a place.

/** Plays the clips of one entry. `sides`: the signals there are, "" for a single one. */
class Player {
  constructor(index, clips, sides) {
    this.audio = h("audio", { preload: "auto" });
    this.clips = clips.map((clip, i) => ({ ...clip, id: `c${index}.${i}`, seconds: clip.len / clip.rate, from: clip.start / clip.rate }));
    this.side = sides.at(-1);
    this.ready = new Map();
    this.current = null;
    this.until = null;
    this.turn = 0;
    this.audio.addEventListener("pause", () => this.changed?.());
    this.audio.addEventListener("playing", () => this.follow());
  }
  /** The clip of a side that has the sound at `t`, or ends there: a finding may be at the very end. */
  at(t, side = this.side) {
    const within = (rest) => (c) => c.side === side && t >= c.from - 1e-6 && t < c.from + c.seconds + rest;
    return this.clips.find(within(0)) ?? this.clips.find(within(1e-3));
  }
  get playing() {
    return !this.audio.paused && !this.audio.ended;
  }
  /** Seconds since the signal began; null before anything was played. */
  get position() {
    return this.current && this.current.from + this.audio.currentTime;
  }
  load(clip) {
    if (!this.ready.has(clip)) {
      const made = clipSamples(clip.id, clip.channels).then((samples) => {
        clip.samples = samples;
        clip.url = URL.createObjectURL(wav(samples, clip.channels, clip.rate));
        this.loaded?.();
      });
      this.ready.set(clip, made);
    }
    return this.ready.get(clip);
  }
  /** Plays from `from`, to `until` if there is one; false if there is no sound there. */
  async play(from, until = null, side = this.side) {
    const clip = this.at(Math.max(from, 0), side);
    if (!clip) return false;
    const turn = ++this.turn;
    this.side = side;
    await this.load(clip);
    if (turn !== this.turn) return true;
    if (this.current !== clip) {
      this.current = clip;
      this.audio.src = clip.url;
      await new Promise((done, fail) => {
        this.audio.addEventListener("loadedmetadata", done, { once: true });
        this.audio.addEventListener("error", () => fail(this.audio.error), { once: true });
      });
    }
    this.until = until;
    this.audio.currentTime = Math.max(from - clip.from, 0);
    await this.audio.play();
    this.changed?.();
    return true;
  }
  stop() {
    this.turn++;
    this.audio.pause();
  }
  follow() {
    this.changed?.();
    const tick = () => {
      if (this.until !== null && this.position >= this.until) this.audio.pause();
      this.moved?.(this.position);
      if (this.playing) requestAnimationFrame(tick);
    };
    tick();
  }
  close() {
    this.stop();
    this.audio.removeAttribute("src");
    for (const clip of this.clips) if (clip.url) URL.revokeObjectURL(clip.url);
  }
}
