//! The samples handed over in one call, and the buffer that holds them between calls.

use otoscope::Pcm;

/// The reused buffer behind a [`Pcm`].
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

    pub(crate) fn chunk(&self) -> Pcm<'_> {
        if self.is_int { Pcm::I16(&self.ints) } else { Pcm::F32(&self.floats) }
    }
}
