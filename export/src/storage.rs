//! Files as the spool sees them: few operations, so that tests can put a disk below it that forgets what was not synced.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Takes a file that only one process may have, and makes it if it is not there; `None` if another has it. It is given back when the file is
/// closed, also by the death of the process.
pub(crate) fn hold(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A folder of files.
pub trait Storage: Send + Sync + 'static {
    /// A file that grows.
    type File: Appender;

    /// Makes a new file.
    ///
    /// # Errors
    /// Also if it is there already.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Names and lengths of all files, sorted by name.
    ///
    /// # Errors
    /// What the operating system answers.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;

    /// Reads from `offset` on, at most so many bytes; fewer at the end.
    ///
    /// # Errors
    /// What the operating system answers.
    fn read(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>>;

    /// Cuts a file.
    ///
    /// # Errors
    /// What the operating system answers.
    fn truncate(&self, name: &str, len: u64) -> io::Result<()>;

    /// Deletes a file.
    ///
    /// # Errors
    /// What the operating system answers.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names of the folder durable: new files, and those that were removed.
    ///
    /// # Errors
    /// What the operating system answers.
    fn sync_names(&self) -> io::Result<()>;

    /// Writes a small file as a whole: after a crash there is the old one or the new one.
    ///
    /// # Errors
    /// What the operating system answers.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()>;
}

/// A file that grows at its end.
pub trait Appender: Send + 'static {
    /// Writes all of it at the end.
    ///
    /// # Errors
    /// What the operating system answers; part of it may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the operating system answers. Nothing is known then of what was written since the last time.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the file system.
#[derive(Debug, Clone)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// That folder, which is made if it is not there.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Storage for Disk {
    type File = File;

    fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).open(self.folder.join(name))
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // A file may go while the folder is read.
            let Ok(about) = entry.metadata() else { continue };
            if let (true, Ok(name)) = (about.is_file(), entry.file_name().into_string()) {
                found.push((name, about.len()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn read(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.folder.join(name))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::with_capacity(most.min(1 << 20));
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.folder.join(name))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.new"));
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, self.folder.join(name))?;
        self.sync_names()
    }
}

impl Appender for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
