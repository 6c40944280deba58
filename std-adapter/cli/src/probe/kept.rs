//! Evidence as files in a folder. One that can't be written whole isn't left there, and is told.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder, and what couldn't be kept in it.
pub struct Folder {
    path: PathBuf,
    /// How many checks have no evidence, or not all of it, and why the last one hasn't.
    unkept: Option<(usize, String)>,
}

/// The files of a check.
#[derive(Default)]
pub struct Kept {
    pub files: Vec<PathBuf>,
    /// Which files aren't there, and why.
    pub unkept: Option<String>,
}

impl Folder {
    /// A folder in which something can be written. It is made where it isn't there.
    pub fn open(path: &Path) -> Result<Self> {
        let trial = path.join(".greet");
        fs::create_dir_all(path)
            .and_then(|()| whole(&trial, &[0; 4096]))
            .and_then(|()| fs::remove_file(&trial))
            .with_context(|| format!("can't keep evidence in {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            unkept: None,
        })
    }

    /// Writes files of this name with these endings. Those of a run before are gone then in any case.
    pub fn keep(&mut self, name: &str, files: &[(&str, &[u8])]) -> Kept {
        let mut kept = Kept::default();
        let mut missing = Vec::new();
        let mut cause = None;
        for (ending, bytes) in files {
            let path = self.path.join(format!("{name}.{ending}"));
            match whole(&path, bytes) {
                Ok(()) => kept.files.push(path),
                Err(error) => {
                    missing.push(path.display().to_string());
                    cause = Some(error);
                }
            }
        }
        if let Some(cause) = cause {
            kept.unkept = Some(format!("{}: {cause}", missing.join(", ")));
            let before = self.unkept.as_ref().map_or(0, |(count, _)| *count);
            self.unkept = Some((before + 1, cause.to_string()));
        }
        kept
    }

    /// What couldn't be kept of the whole run, in a sentence.
    pub fn unkept(&self) -> Option<String> {
        let (count, cause) = self.unkept.as_ref()?;
        let checks = if *count == 1 { "check" } else { "checks" };
        let folder = self.path.display();
        Some(format!(
            "evidence of {count} {checks} couldn't be kept in {folder}: {cause}"
        ))
    }
}

/// Writes a file whole, or leaves none.
fn whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Some disks say only then that they are full.
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if written.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_a_full_disk_takes_no_more_is_told() {
        let path = std::env::temp_dir().join(format!("greet-kept-{}", std::process::id()));
        let mut folder = Folder::open(&path).expect("it can be written");
        assert_eq!(folder.unkept(), None);
        // What is written there never is.
        symlink("/dev/full", path.join("one.b")).expect("a link");
        let kept = folder.keep("one", &[("a", b"1"), ("b", b"22"), ("c", b"333")]);
        assert_eq!(kept.files, [path.join("one.a"), path.join("one.c")]);
        let full = "No space left on device (os error 28)";
        let said = format!("{}: {full}", path.join("one.b").display());
        assert_eq!(kept.unkept, Some(said));
        assert!(folder.keep("two", &[("a", b"1")]).unkept.is_none());
        let said = format!(
            "evidence of 1 check couldn't be kept in {}: {full}",
            path.display()
        );
        assert_eq!(folder.unkept(), Some(said));
        let left = fs::read_dir(&path).expect("a folder");
        let left = left.map(|entry| entry.expect("a file").file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, ["one.a", "one.c", "two.a"]);

        symlink("/dev/full", path.join(".greet")).expect("a link");
        assert!(Folder::open(&path).is_err());
        assert!(!path.join(".greet").exists());
        fs::remove_dir_all(&path).expect("it is there");
    }
}
