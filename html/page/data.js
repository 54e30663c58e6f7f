// What the file carries: each piece is deflated and in base64, and is unpacked when somebody looks at it.

const base64 = (text) => {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
};

const unpack = async (id) => {
  const stream = new Blob([base64(document.getElementById(id).textContent)]).stream();
  const plain = stream.pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
};

const parse = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** Everything behind one line: its JSON, with `bytes(at)` for the pictures in it. */
const openEntry = async (index) => {
  const all = await unpack("d" + index);
  const length = new DataView(all.buffer, all.byteOffset).getUint32(0, true);
  const entry = parse(all.subarray(4, 4 + length));
  entry.bytes = ([at, size]) => all.subarray(4 + length + at, 4 + length + at + size);
  return entry;
};

/** The samples of a clip, interleaved. */
const clipSamples = async (id, channels) => {
  const bytes = await unpack(id), count = bytes.length / 2, samples = new Int16Array(count);
  for (let i = 0; i < count; i++) {
    samples[i] = (bytes[i] | bytes[count + i] << 8) + (i < channels ? 0 : samples[i - channels]);
  }
  return samples;
};

/** A WAV file of 16-bit samples: every browser plays it. */
const wav = (samples, channels, rate) => {
  const header = new DataView(new ArrayBuffer(44));
  const word = (at, text) => [...text].forEach((c, i) => header.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF"); header.setUint32(4, 36 + samples.byteLength, true); word(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 1, true); header.setUint16(22, channels, true);
  header.setUint32(24, rate, true); header.setUint32(28, rate * channels * 2, true);
  header.setUint16(32, channels * 2, true); header.setUint16(34, 16, true);
  word(36, "data"); header.setUint32(40, samples.byteLength, true);
  return new Blob([header, samples], { type: "audio/wav" });
};
