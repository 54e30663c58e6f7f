//! Samples of any Python object with the buffer protocol (NumPy arrays, `array.array`, `memoryview`), or that NumPy can look into
//! without copying: tensors of PyTorch and others on the CPU (`__dlpack__`), wrappers (`__array__`).
//!
//! The only file with `unsafe`. A buffer is no Rust slice: Python cannot forbid another thread to write to it meanwhile,
//! with or without the GIL. So no reference to its memory is ever made. Pieces of a few thousand samples are copied from
//! where they lie into a block on the stack, converted on the way if need be, and the probe reads that block. The array as a
//! whole is never copied, whatever its type and its strides.

use crate::error::{wrong_type, wrong_value};
use core::ffi::CStr;
use otoscope::compare::Samples;
use otoscope::{MAX_CHANNELS, Pcm, PushError};
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

/// Samples of all channels together that are copied at a time: small enough for the first-level cache and, as floats, for the C library's
/// plain copy; from 4 KiB on it uses an instruction that begins slowly (and that valgrind counts byte by byte: 5 % of a probe).
const PIECE: usize = 960;
const _: () = assert!(PIECE >= MAX_CHANNELS);

/// The sample types that are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    I16,
    F32,
    F64,
}

/// A buffer that holds audio: one or two dimensions, a sample type that is taken, 1 to 8 channels.
pub(crate) struct Audio {
    buffer: PyUntypedBuffer,
    format: Format,
    samples: usize,
    channels: usize,
    /// From one sample to the next of the same channel, and from channel to channel, in bytes.
    strides: [isize; 2],
}

impl Audio {
    /// Looks at the object `name` and refuses what is no audio, with a text that says what to do.
    pub(crate) fn new(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = object.py();
        let through_numpy = if exports_buffer(object) { None } else { seen_by_numpy(name, object)? };
        let object = through_numpy.as_ref().unwrap_or(object);
        // Some exporters (ctypes) leave the strides out where they are plain; a `memoryview` fills them in.
        let filled_in = |_| PyUntypedBuffer::get(PyMemoryView::from(object)?.as_any());
        let buffer = PyUntypedBuffer::get(object).or_else(filled_in).map_err(|error| {
            let type_name = type_name(object);
            if error.is_instance_of::<PyTypeError>(py) {
                wrong_type(
                    name,
                    format!("`{type_name}` has no buffer of samples"),
                    "pass a NumPy array of float32 or int16 (numpy.asarray(x, dtype=numpy.float32))",
                )
            } else {
                wrong_type(
                    name,
                    format!("the buffer of `{type_name}` cannot be read ({error})"),
                    "pass a NumPy array of float32 or int16 with shape (samples,) or (samples, channels)",
                )
            }
        })?;
        let format =
            Format::of(buffer.format(), buffer.item_size()).map_err(|(what, fix)| wrong_type(name, what, fix))?;
        if buffer.suboffsets().is_some_and(|s| s.iter().any(|&offset| offset >= 0)) {
            return Err(wrong_type(name, "buffers with suboffsets are not taken", "pass a NumPy array"));
        }
        let (samples, channels, strides) = match (buffer.shape(), buffer.strides()) {
            (&[samples], &[stride]) => (samples, 1, [stride, 0]),
            (&[samples, channels], &[stride, across]) => (samples, channels, [stride, across]),
            (shape, _) => {
                let problem = format!("it has {} dimensions", shape.len());
                return Err(wrong_value(name, problem, "the shape must be (samples,) or (samples, channels)"));
            }
        };
        if !(1..=MAX_CHANNELS).contains(&channels) {
            let turned = channels > 0 && (1..=MAX_CHANNELS).contains(&samples);
            let fix = if turned { ": pass its transpose, x.T" } else { "" };
            let mend = format!("it must be (samples, channels) with 1 to {MAX_CHANNELS} channels{fix}");
            return Err(wrong_value(name, format!("it has shape ({samples}, {channels})"), mend));
        }
        Ok(Self { buffer, format, samples, channels, strides })
    }

    /// Samples per channel.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// The number of channels.
    pub(crate) fn channels(&self) -> usize {
        self.channels
    }

    /// Hands out the samples as interleaved pieces, in order; no samples at all are one empty piece. Needs no interpreter.
    pub(crate) fn pieces(&self, mut each: impl FnMut(Pcm<'_>) -> Result<(), PushError>) -> Result<(), PushError> {
        match self.format {
            Format::I16 => self.convert(|x: i16| x, |pcm| each(Pcm::I16(pcm))),
            Format::F32 => self.convert(|x: f32| x, |pcm| each(Pcm::F32(pcm))),
            Format::F64 => self.convert(|x: f64| x as f32, |pcm| each(Pcm::F32(pcm))),
        }
    }

    /// All samples of one channel (from 0), or the mean of all of them, in the type they have, in memory that is used again. Needs
    /// no interpreter.
    pub(crate) fn mono<'m>(&self, channel: Option<usize>, memory: &'m mut Memory) -> Samples<'m> {
        let pick = channel.or(if self.channels == 1 { Some(0) } else { None });
        let mean = |frame: &[f64]| frame.iter().sum::<f64>() / frame.len() as f64;
        match (self.format, pick) {
            (Format::I16, Some(c)) => self.one(&mut memory.ints, |x: i16| x, |frame| frame[c]).into(),
            (Format::F32, Some(c)) => self.one(&mut memory.singles, |x: f32| x, |frame| frame[c]).into(),
            (Format::F64, Some(c)) => self.one(&mut memory.doubles, |x: f64| x, |frame| frame[c]).into(),
            (Format::I16, None) => self.one(&mut memory.doubles, |x: i16| f64::from(x) / 32_768.0, mean).into(),
            (Format::F32, None) => self.one(&mut memory.doubles, |x: f32| f64::from(x), mean).into(),
            (Format::F64, None) => self.one(&mut memory.doubles, |x: f64| x, mean).into(),
        }
    }

    fn one<'m, T: Element, U: Copy + Default>(
        &self,
        out: &'m mut Vec<U>,
        convert: impl Fn(T) -> U,
        pick: impl Fn(&[U]) -> U,
    ) -> &'m [U] {
        if self.channels == 1 {
            out.resize(self.samples, U::default());
            self.copy(0, out, &convert);
            return out;
        }
        let mut block = [U::default(); PIECE];
        out.clear();
        while out.len() < self.samples {
            let len = (PIECE / self.channels).min(self.samples - out.len());
            let piece = &mut block[..len * self.channels];
            self.copy(out.len(), piece, &convert);
            out.extend(piece.chunks_exact(self.channels).map(&pick));
        }
        out
    }

    fn convert<T: Element, U: Copy + Default>(
        &self,
        convert: impl Fn(T) -> U,
        mut each: impl FnMut(&[U]) -> Result<(), PushError>,
    ) -> Result<(), PushError> {
        let mut block = [U::default(); PIECE];
        let mut at = 0;
        loop {
            let len = (PIECE / self.channels).min(self.samples - at);
            let piece = &mut block[..len * self.channels];
            self.copy(at, piece, &convert);
            each(piece)?;
            at += len;
            if at == self.samples {
                return Ok(());
            }
        }
    }

    /// Copies the samples from number `at` on into `piece`, interleaved.
    fn copy<T: Element, U>(&self, at: usize, piece: &mut [U], convert: impl Fn(T) -> U) {
        assert!(at + piece.len() / self.channels <= self.samples && size_of::<T>() == self.buffer.item_size());
        let start = self.buffer.buf_ptr().cast::<u8>().cast_const();
        let [down, across] = self.strides;
        // Without gaps: the same as below, in the shape the compiler makes one copy of.
        if across == size_of::<T>().cast_signed() && down == (self.channels * size_of::<T>()).cast_signed()
            || self.channels == 1 && down == size_of::<T>().cast_signed()
        {
            for (i, out) in piece.iter_mut().enumerate() {
                let number = at * self.channels + i;
                // SAFETY: as below; the samples lie one behind the other, and `number` is below samples * channels.
                *out = convert(unsafe { start.add(number * size_of::<T>()).cast::<T>().read_unaligned() });
            }
            return;
        }
        for (i, frame) in piece.chunks_exact_mut(self.channels).enumerate() {
            for (c, out) in frame.iter_mut().enumerate() {
                let offset = (at + i).cast_signed() * down + c.cast_signed() * across;
                // SAFETY: the exporter keeps the memory of the buffer valid, with this shape and these strides, until the
                // buffer is released, which `self.buffer` does when it is dropped. Sample and channel are inside the shape
                // (asserted above), so the item is inside that memory and the offset does not overflow. Nothing is asked of
                // the alignment, and every bit pattern is a value of `T`. A thread that writes to the buffer at the same
                // time would be a data race by the letter of the memory model; the documentation of the package forbids
                // it, and since no reference is made, what comes of it is an arbitrary value: a wrong measurement.
                *out = convert(unsafe { start.offset(offset).cast::<T>().read_unaligned() });
            }
        }
    }
}

fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string())
}

fn exports_buffer(object: &Bound<'_, PyAny>) -> bool {
    PyMemoryView::from(object).is_ok()
}

/// The NumPy array that shares the memory of a tensor (DLPack) or that an object says it is (`__array__`); `None` if the object has
/// neither.
fn seen_by_numpy<'py>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let has = |attribute| object.hasattr(attribute);
    let function = if has("__dlpack__")? {
        "from_dlpack"
    } else if has("__array__")? {
        "asarray"
    } else {
        return Ok(None);
    };
    let numpy = object.py().import("numpy").map_err(|_| {
        let problem = format!("a `{}` is read through NumPy, which is not installed", type_name(object));
        wrong_type(name, problem, "pip install numpy, or pass an array.array or memoryview")
    })?;
    let array = numpy.call_method1(function, (object,)).map_err(|error| {
        let problem = format!("NumPy cannot share the memory of this `{}` ({error})", type_name(object));
        wrong_type(name, problem, "pass a tensor on the CPU without gradient (x.detach().cpu()), in float32 or int16")
    })?;
    Ok(Some(array))
}

/// Where samples are copied to.
#[derive(Default)]
pub(crate) struct Memory {
    ints: Vec<i16>,
    singles: Vec<f32>,
    doubles: Vec<f64>,
}

impl Memory {
    /// Gives back what only a very long signal needed: more than 32 MB.
    pub(crate) fn trim(&mut self) {
        const MOST: usize = 32 << 20;
        if 2 * self.ints.capacity() + 4 * self.singles.capacity() + 8 * self.doubles.capacity() > MOST {
            *self = Self::default();
        }
    }
}

/// The types of which every bit pattern is a value.
trait Element: Copy {}
impl Element for i16 {}
impl Element for f32 {}
impl Element for f64 {}

impl Format {
    /// Reads a format string of Python's `struct`; otherwise says what the samples are and what to do.
    fn of(format: &CStr, item_size: usize) -> Result<Self, (String, &'static str)> {
        let (order, code) = match format.to_bytes() {
            [order @ (b'@' | b'=' | b'^' | b'<' | b'>' | b'!'), code @ ..] => (*order, code),
            code => (b'@', code),
        };
        let native = match order {
            b'<' => cfg!(target_endian = "little"),
            b'>' | b'!' => cfg!(target_endian = "big"),
            _ => true,
        };
        let found = match (code, item_size) {
            (b"h", 2) => Self::I16,
            (b"f", 4) => Self::F32,
            (b"d", 8) => Self::F64,
            _ => return Err(Self::refuse(code, item_size)),
        };
        if native {
            Ok(found)
        } else {
            let what = "samples in the byte order of another machine".to_owned();
            Err((what, "convert with x.astype(x.dtype.newbyteorder('='))"))
        }
    }

    fn refuse(code: &[u8], item_size: usize) -> (String, &'static str) {
        let bits = item_size * 8;
        match code {
            b"B" | b"b" | b"c" => (
                "bytes".to_owned(),
                "if they are 16-bit samples, pass numpy.frombuffer(data, dtype=numpy.int16); unsigned 8-bit samples convert \
                 with (x.astype(numpy.int16) - 128) * 256",
            ),
            b"e" => ("float16 samples".to_owned(), "convert with x.astype(numpy.float32)"),
            b"H" => (
                "uint16 samples".to_owned(),
                "convert with (x.astype(numpy.int32) - 32768).astype(numpy.int16), or x.view(numpy.int16) if only the \
                 type is wrong",
            ),
            b"i" | b"l" | b"q" | b"n" => (
                format!("int{bits} samples, whose full scale is not known"),
                "for 16-bit values convert with x.astype(numpy.int16), for 32-bit full scale with \
                 (x / 2**31).astype(numpy.float32)",
            ),
            _ => (
                format!("samples of the type `{}`", String::from_utf8_lossy(code)),
                "pass float32 (full scale 1.0) or int16",
            ),
        }
    }
}
