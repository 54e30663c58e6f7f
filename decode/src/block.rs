//! The samples handed over in one call, and the buffer that holds them between calls.

/// The samples of one call: interleaved, one value per channel in turn. The slice lives in a buffer that the next call
/// reuses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Chunk<'a> {
    /// The source has at most 16 bits per sample (or mu-law or A-law): its own integers. 8-bit samples are the high byte.
    I16(&'a [i16]),
    /// Everything else: full scale is ±1.0 (a decoder or a float file may exceed it). 24- and 32-bit integers are divided
    /// by 2^23 and 2^31.
    F32(&'a [f32]),
}

impl Chunk<'_> {
    /// Number of values: samples per channel times channels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::I16(s) => s.len(),
            Self::F32(s) => s.len(),
        }
    }

    /// Whether there is no sample in it. [`Source::next_chunk`](crate::Source::next_chunk) never returns such a chunk.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the samples as `f32` with full scale ±1.0: integers divided by 32,768, floats as they are.
    pub fn append_f32(&self, out: &mut Vec<f32>) {
        match self {
            Self::I16(s) => out.extend(s.iter().map(|&v| f32::from(v) * (1.0 / 32_768.0))),
            Self::F32(s) => out.extend_from_slice(s),
        }
    }
}

/// The reused buffer behind a [`Chunk`].
#[derive(Debug, Default)]
pub(crate) struct Block {
    ints: Vec<i16>,
    floats: Vec<f32>,
    is_int: bool,
}

impl Block {
    pub(crate) fn clear(&mut self) {
        self.ints.clear();
        self.floats.clear();
    }

    /// The buffer for integers; the block is of integers from now on.
    pub(crate) fn i16(&mut self) -> &mut Vec<i16> {
        self.is_int = true;
        &mut self.ints
    }

    /// The buffer for floats; the block is of floats from now on.
    pub(crate) fn f32(&mut self) -> &mut Vec<f32> {
        self.is_int = false;
        &mut self.floats
    }

    pub(crate) fn len(&self) -> usize {
        if self.is_int { self.ints.len() } else { self.floats.len() }
    }

    /// Keeps the values `from..to`.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.ints.truncate(to);
        self.floats.truncate(to);
        self.ints.drain(..from.min(self.ints.len()));
        self.floats.drain(..from.min(self.floats.len()));
    }

    pub(crate) fn chunk(&self) -> Chunk<'_> {
        if self.is_int { Chunk::I16(&self.ints) } else { Chunk::F32(&self.floats) }
    }
}
