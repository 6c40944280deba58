//! The file for a report.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The file for a report. It is empty as long as the run goes on: no old report stays in it.
pub struct Report {
    path: PathBuf,
    file: File,
}

impl Report {
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    pub fn write(mut self, report: &str) -> Result<()> {
        self.file
            .write_all(report.as_bytes())
            .with_context(|| format!("can't write {}", self.path.display()))
    }
}
